/** What a call says about each attribute of the API (https://istio.io/latest/docs/reference/config/security/conditions/). */
import type { Call } from './call';
import { fits, fitsHost, fitsPath, fitsPrincipal, fitsTrustDomain, inBlock } from './comparison';

/** What the names in a policy refer to. */
export interface PolicyPlace {
  /** The policy's namespace. */
  readonly namespace: string;
  /** Of the mesh: its own, and its aliases. */
  readonly trustDomains: readonly string[];
}

/**
 * Whether a value of a policy fits the call. Undefined: nobody can tell, since only HTTP has the attribute.
 * @param generous whether a doubtful match should count: it leads to a refusal.
 */
export function fitsValue(
  key: string,
  value: string,
  call: Call,
  place: PolicyPlace,
  generous: boolean,
): boolean | undefined {
  const { http, peer } = call;
  const principal = peer?.startsWith('spiffe://') ? peer.slice('spiffe://'.length) : undefined;
  const [trustDomain, , namespace, , account] = principal?.split('/') ?? [];
  switch (key) {
    case 'source.principal':
      return principal !== undefined && fitsPrincipal(value, principal, place.trustDomains);
    case 'source.namespace':
      return namespace !== undefined && fits(value, namespace);
    case 'source.serviceAccount':
      return principal !== undefined && isAccount(value, place.namespace, namespace, account);
    case 'source.trustDomain':
      return trustDomain !== undefined && fitsTrustDomain(value, trustDomain, place.trustDomains);
    case 'source.ip':
      return inBlock(value, call.sourceAddress);
    case 'remote.ip':
      return inBlock(value, call.remoteAddress ?? call.sourceAddress);
    case 'destination.ip':
      return inBlock(value, call.destinationAddress);
    case 'destination.port':
      return Number(value) === call.destinationPort;
    case 'connection.sni':
      return fits(value, call.sni ?? '');
    case 'request.host':
      return http && fitsHost(value, http.authority, generous);
    case 'request.method':
      return http && fits(value, http.method);
    case 'request.path':
      return http && fitsPath(value, http.path, generous);
    case 'request.auth.principal': {
      const { iss, sub } = http?.claims ?? {};
      return http && typeof iss === 'string' && typeof sub === 'string' && fits(value, `${iss}/${sub}`);
    }
    case 'request.auth.audiences':
      return http && claimFits(['aud'], value, http.claims);
    case 'request.auth.presenter':
      return http && claimFits(['azp'], value, http.claims);
  }
  const names = [...key.matchAll(/\[([^\]]+)\]/g)].map(([, name]) => name!);
  if (key.startsWith('request.headers[')) {
    const values = http?.headers.get(names[0]!.toLowerCase()) ?? [];
    return http && (value === '*' ? values.length > 0 : values.some((text) => fits(value, text)));
  }
  if (key.startsWith('request.auth.claims[')) return http && claimFits(names, value, http.claims);
  return undefined;
}

/** `account` of the policy's namespace, or `namespace/account`. */
function isAccount(value: string, own: string, namespace?: string, account?: string): boolean {
  const [first, second] = value.split('/');
  return second === undefined ? namespace === own && account === first : namespace === first && account === second;
}

/** A claim is a text or a list of texts. */
function claimFits(path: readonly string[], value: string, claims: unknown): boolean {
  let found = claims;
  for (const name of path) {
    if (typeof found !== 'object' || found === null || Array.isArray(found)) return false;
    found = Object.hasOwn(found, name) ? (found as Record<string, unknown>)[name] : undefined;
  }
  return [found].flat().some((text) => typeof text === 'string' && fits(value, text));
}
