/** AdmissionReview (admission.k8s.io/v1): the question of an API server, and the answer. */
import type { KubeObject } from '../api/object';

export interface AdmissionRequest {
  readonly uid: string;
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  readonly namespace?: string;
  readonly subResource?: string;
  /** What is to be stored; undefined for DELETE. */
  readonly object?: KubeObject;
  /** What is stored now; undefined for CREATE. */
  readonly oldObject?: KubeObject;
}

export interface Verdict {
  readonly allowed: boolean;
  /** Why not, for the person who wrote the object. */
  readonly message?: string;
  /** Shown by kubectl, whether it is allowed or not. */
  readonly warnings?: readonly string[];
  /** RFC 6902. */
  readonly patch?: readonly object[];
}

export const ALLOWED: Verdict = { allowed: true };

/** A question that is none. The message may be shown to whoever asked. */
export class ReviewError extends Error {
  override readonly name = 'ReviewError';
}

/** Kubernetes' own objects nest less than 30 deep; a recursive reader may be driven into its stack beyond some thousands. */
const DEEPEST = 100;
const API_VERSION = 'admission.k8s.io/v1';

/** @throws ReviewError */
export function readReview(text: string): AdmissionRequest {
  if (depthOf(text) > DEEPEST) throw new ReviewError(`the review nests deeper than ${DEEPEST}`);
  let review: unknown;
  try {
    review = JSON.parse(text);
  } catch {
    throw new ReviewError('the review is no JSON');
  }
  const { apiVersion, kind, request } = (review ?? {}) as Record<string, unknown>;
  if (apiVersion !== API_VERSION || kind !== 'AdmissionReview') {
    throw new ReviewError(`not an AdmissionReview of ${API_VERSION}`);
  }
  const { uid, operation, object, oldObject, namespace, subResource } = (request ?? {}) as Record<string, unknown>;
  if (typeof uid !== 'string' || uid === '' || uid.length > 128) throw new ReviewError('request.uid is missing');
  return {
    uid,
    operation: operation as AdmissionRequest['operation'],
    object: isObject(object) ? object : undefined,
    oldObject: isObject(oldObject) ? oldObject : undefined,
    namespace: typeof namespace === 'string' ? namespace : undefined,
    subResource: typeof subResource === 'string' && subResource !== '' ? subResource : undefined,
  };
}

/** What to send back, as JSON. */
export function answerTo(uid: string, { allowed, message, warnings = [], patch = [] }: Verdict): string {
  return JSON.stringify({
    apiVersion: API_VERSION,
    kind: 'AdmissionReview',
    response: {
      uid,
      allowed,
      ...(message !== undefined && { status: { code: 422, reason: 'Invalid', message } }),
      ...(warnings.length > 0 && { warnings }),
      ...(patch.length > 0 && {
        patchType: 'JSONPatch',
        patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
      }),
    },
  });
}

function isObject(value: unknown): value is KubeObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** How deep a JSON text nests, without reading it. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (inString) {
      if (code === BACKSLASH) at++;
      else if (code === QUOTE) inString = false;
    } else if (code === QUOTE) inString = true;
    else if (code === BRACE || code === BRACKET) deepest = Math.max(deepest, ++depth);
    else if (code === END_BRACE || code === END_BRACKET) depth--;
  }
  return deepest;
}

const [QUOTE, BACKSLASH, BRACE, END_BRACE, BRACKET, END_BRACKET] = [...'"\\{}[]'].map((each) => each.charCodeAt(0));
