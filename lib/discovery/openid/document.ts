/**
 * The document in which an issuer of tokens tells of itself (OpenID Connect Discovery 1.0, sections 3 and 4).
 *
 * Whoever writes a RequestAuthentication has the control plane ask an address of their choice, from inside. So it asks with
 * https alone, follows no redirect, reads little, tells nobody what it read but one URL, and never asks the machine
 * itself or a service that hands out credentials, whatever name leads there.
 */
import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { isForbiddenHost } from '../../world';
import { boundedRequest } from '../bounded-request';
import { guardedLookup } from '../guarded-lookup';

const TIMEOUT_MILLISECONDS = 5_000;
const MAX_BYTES = 65_536;

export interface DocumentOptions {
  /** Whom to trust for TLS, in PEM. Default: the system's authorities. */
  readonly ca?: string;
  /** How names become addresses. Default: the system's way. */
  readonly lookup?: LookupFunction;
  /** Which addresses are never asked. Default: the machine itself, link-local and metadata services. */
  readonly isForbidden?: (host: string) => boolean;
  readonly signal?: AbortSignal;
}

/** Where an issuer's keys are. @throws Error that says what is wrong with the issuer or with its document. */
export async function keysOfIssuer(issuer: string, options: DocumentOptions = {}): Promise<string> {
  const isForbidden = options.isForbidden ?? isForbiddenHost;
  const url = documentUrl(issuer);
  if (isForbidden(url.hostname)) throw new Error(`${url.hostname} is this machine or a metadata service`);
  const { status, bytes } = await boundedRequest({
    url,
    headers: { accept: 'application/json' },
    ca: options.ca,
    lookup: guardedLookup(options.lookup ?? lookup, isForbidden),
    timeoutMilliseconds: TIMEOUT_MILLISECONDS,
    maxBytes: MAX_BYTES,
    signal: options.signal,
  });
  if (status !== 200) throw new Error(`${url.href} answers ${status}; a document with 200 was expected`);
  return keysIn(bytes.toString(), issuer, isForbidden);
}

/** Section 4.1: the path is added to the issuer, without a slash at its end. @throws Error when the issuer is no https URL. */
export function documentUrl(issuer: string): URL {
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined;
  if (url?.protocol !== 'https:' || url.search || url.hash || url.username || url.password) {
    throw new Error(`the issuer '${issuer}' is no https URL without query and fragment; set jwksUri or jwks`);
  }
  url.pathname = `${url.pathname.replace(/\/$/, '')}/.well-known/openid-configuration`;
  return url;
}

function keysIn(body: string, issuer: string, isForbidden: (host: string) => boolean): string {
  let document: unknown;
  try {
    document = JSON.parse(body);
  } catch {
    throw new Error('the document of the issuer is no JSON');
  }
  const { issuer: named, jwks_uri: keys } = (document ?? {}) as { issuer?: unknown; jwks_uri?: unknown };
  // Section 4.3: or else one issuer could speak for another.
  if (named !== issuer) throw new Error('the document is of another issuer');
  const url = typeof keys === 'string' && keys.length <= 2048 && URL.canParse(keys) ? new URL(keys) : undefined;
  if (url?.protocol !== 'https:') throw new Error('the document has no jwks_uri with https');
  if (isForbidden(url.hostname)) throw new Error("the document's jwks_uri leads to this machine or a metadata service");
  return url.href;
}
