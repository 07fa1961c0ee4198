/**
 * Citadel as the signer of podCertificate volumes: from a PodCertificateRequest to the status that answers it. Who asks and for
 * which Pod has been checked by the API server; here the key, the lifetime and the annotations are.
 */
import { IdentityError } from '../world';
import { type Clock, systemClock } from './clock';
import { CsrError } from './csr';
import {
  type ClusterTrustBundle,
  type PodCertificateCondition,
  type PodCertificateRequest,
  type PodCertificateSigner,
  type PodCertificateStatus,
  WORKLOAD_SIGNER,
} from './pod-certificate-request';
import type { Registration } from './registration';
import { LEAF_SECONDS, renewAt } from './renewal';
import { SignerError } from './signer';

/** The API server takes no `notBefore` that is more than five minutes from its own clock; ours may be one minute behind it. */
const BACKDATE = 240;
/** Nor a life under an hour, nor a refresh in the first or last ten minutes of one. */
const SHORTEST_SECONDS = 3_600;
const REFRESH_MARGIN_MS = 600_000;

export interface PodCertificateSignerOptions {
  readonly registration: Registration;
  readonly trustDomain: string;
  readonly clock?: Clock;
  /** From 0 to 1, for the jitter of renewals. */
  readonly random?: () => number;
  /** What nobody gets more than, in seconds, whatever the volume asks for. Default one day. */
  readonly maxLifetimeSeconds?: number;
  readonly onDecision?: (type: PodCertificateCondition['type'], reason: string) => void;
}

export function podCertificateSigner(options: PodCertificateSignerOptions): PodCertificateSigner {
  return {
    async decide(request) {
      if (request.spec?.signerName !== WORKLOAD_SIGNER || isDecided(request)) return undefined;
      const { status, reason, type } = await statusFor(request, options);
      options.onDecision?.(type, reason);
      return status;
    },
  };
}

function isDecided({ status }: PodCertificateRequest): boolean {
  return (status?.conditions ?? []).some(({ type }) => type === 'Issued' || type === 'Denied' || type === 'Failed');
}

interface Decision {
  readonly type: PodCertificateCondition['type'];
  readonly reason: string;
  readonly status: PodCertificateStatus;
}

async function statusFor(request: PodCertificateRequest, options: PodCertificateSignerOptions): Promise<Decision> {
  const { clock = systemClock } = options;
  const denied = (reason: string, message: string) => decision('Denied', reason, message, clock());
  const annotations = Object.keys(request.spec!.unverifiedUserAnnotations ?? {});
  if (annotations.length > 0) {
    const named = annotations.sort().slice(0, 5).join(', ');
    return denied('InvalidUnverifiedUserAnnotations', `this signer knows no annotations; got ${named.slice(0, 500)}`);
  }
  try {
    return await issue(request, options, clock());
  } catch (error) {
    if (error instanceof IdentityError) return denied('InvalidIdentity', error.message);
    if (!(error instanceof CsrError)) throw error;
    return error.problem === 'key'
      ? denied('UnsupportedKeyType', `${error.message}; use keyType: ECDSAP256`)
      : denied('InvalidRequest', error.message);
  }
}

async function issue(
  { metadata, spec }: PodCertificateRequest,
  { registration, trustDomain, random = Math.random, maxLifetimeSeconds = LEAF_SECONDS }: PodCertificateSignerOptions,
  now: Date,
): Promise<Decision> {
  const { serviceAccountName: serviceAccount, maxExpirationSeconds = LEAF_SECONDS, stubPKCS10Request } = spec!;
  const life = Math.max(SHORTEST_SECONDS, Math.min(maxExpirationSeconds, maxLifetimeSeconds));
  const identity = { trustDomain, namespace: metadata.namespace ?? '', serviceAccount };
  const { chain, notBefore, notAfter } = await registration.certify(
    identity,
    Buffer.from(stubPKCS10Request, 'base64'),
    {
      seconds: life - BACKDATE,
      backdateSeconds: BACKDATE,
    },
  );
  if (notAfter.getTime() - notBefore.getTime() < SHORTEST_SECONDS * 1000) {
    throw new SignerError('the authority ends within the hour: rotate it');
  }
  const refresh = renewAt(now, { notAfter }, random()).getTime();
  const earliest = notBefore.getTime() + REFRESH_MARGIN_MS;
  const latest = notAfter.getTime() - REFRESH_MARGIN_MS;
  const issued = decision('Issued', 'Issued', `signed for service account ${serviceAccount}`, now);
  return {
    ...issued,
    status: {
      ...issued.status,
      certificateChain: chain.join(''),
      notBefore: seconds(notBefore),
      beginRefreshAt: seconds(new Date(Math.min(latest, Math.max(earliest, refresh)))),
      notAfter: seconds(notAfter),
    },
  };
}

function decision(type: Decision['type'], reason: string, message: string, now: Date): Decision {
  const condition = { type, status: 'True', reason, message, lastTransitionTime: seconds(now) } as const;
  return { type, reason, status: { conditions: [condition] } };
}

/** RFC 3339 without fractions, as metav1.Time has it. */
const seconds = (date: Date) => date.toISOString().replace(/\.\d+Z$/, 'Z');

/** The roots of the mesh, for every namespace to mount. */
export function trustBundleObject(roots: readonly string[]): ClusterTrustBundle {
  return {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'ClusterTrustBundle',
    // The name has to begin with the signer's, whose slash becomes a colon.
    metadata: { name: `${WORKLOAD_SIGNER.replace('/', ':')}:mesh` },
    spec: { signerName: WORKLOAD_SIGNER, trustBundle: roots.join('') },
  };
}
