/**
 * By which filter chains a port of a workload takes connections: which are told apart by what, and which end mutual TLS.
 * An inspector has seen by then whether a connection is TLS, and which protocols it offers (ALPN); Envoy narrows by
 * transport first and by protocol then, without a way back.
 */
import type { envoy } from '../envoy/generated/envoy';
import { isHttp, isSniffed, type MutualTlsMode, type Protocol } from '../world';
import { PLAIN_HTTP } from './listener-filters';
import { HTTP_ALPN, MESH_ALPN, TCP_ALPN } from './mesh-tls';

type Match = Pick<envoy.config.listener.v3.FilterChainMatch, 'transport_protocol' | 'application_protocols'>;

/** What is taken at a port. */
export type InboundSecurity =
  /** Whatever comes, as it comes. */
  | 'plain'
  /** Mutual TLS of the mesh, and everything else as it comes: also an application's own TLS. */
  | 'both'
  | 'mutual'
  /** Nothing: only mutual TLS is allowed, and the proxy has no certificate to speak it. */
  | 'closed';

export interface InboundChain {
  readonly match: Match;
  /** What is read: requests, or bytes. */
  readonly of: 'http' | 'tcp' | 'nothing';
  /** Mutual TLS ends here. */
  readonly mutualTls: boolean;
  /** TLS of a Sidecar's ingress listener ends here. */
  readonly ownTls?: true;
}

/** Fails closed: a mode that needs a certificate takes nothing without one. */
export function inboundSecurity(mode: MutualTlsMode, hasIdentity: boolean): InboundSecurity {
  if (mode === 'DISABLE') return 'plain';
  if (mode === 'STRICT') return hasIdentity ? 'mutual' : 'closed';
  return hasIdentity ? 'both' : 'plain';
}

/** Under mutual TLS alone, what a client offers is about the inside for certain, whoever the client is. */
const HTTP_INSIDE = [...HTTP_ALPN, 'h2', 'http/1.1', 'http/1.0'];

const OF_TLS = { transport_protocol: 'tls' } as const;
const OF_BYTES = { transport_protocol: 'raw_buffer' } as const;

/**
 * @param protocol that the port is declared for.
 * @param hasTls the port has TLS of its own, which then takes the place of plaintext.
 */
export function inboundChains(protocol: Protocol, security: InboundSecurity, hasTls: boolean): readonly InboundChain[] {
  if (security === 'closed') return [{ match: {}, of: 'nothing', mutualTls: false }];
  const kind = isSniffed(protocol) ? 'sniffed' : isHttp(protocol) ? 'http' : 'tcp';
  const chains = CHAINS[kind][security];
  return hasTls && security !== 'mutual' ? withOwnTls(chains, kind === 'tcp' ? 'tcp' : 'http') : chains;
}

function withOwnTls(chains: readonly InboundChain[], of: InboundChain['of']): readonly InboundChain[] {
  const mesh = chains.filter(({ mutualTls }) => mutualTls);
  return [...mesh, { match: mesh.length > 0 ? OF_TLS : {}, of, mutualTls: false, ownTls: true }];
}

const plain = (of: InboundChain['of'], match: Match = {}): InboundChain => ({ match, of, mutualTls: false });
const mutual = (of: InboundChain['of'], application_protocols?: string[]): InboundChain => ({
  match: { ...OF_TLS, ...(application_protocols && { application_protocols }) },
  of,
  mutualTls: true,
});

type Kind = 'http' | 'tcp' | 'sniffed';

const CHAINS: Record<Kind, Record<Exclude<InboundSecurity, 'closed'>, readonly InboundChain[]>> = {
  http: {
    plain: [plain('http')],
    // TLS of a stranger is no HTTP, whatever is inside, and the application behind this port does not expect it.
    both: [mutual('http', MESH_ALPN), plain('http', OF_BYTES)],
    mutual: [mutual('http')],
  },
  tcp: {
    plain: [plain('tcp')],
    both: [mutual('tcp', MESH_ALPN), plain('tcp', OF_TLS), plain('tcp', OF_BYTES)],
    mutual: [mutual('tcp')],
  },
  // A port of which nothing is declared is two: one for HTTP, one for anything else.
  sniffed: {
    plain: [plain('http', { application_protocols: PLAIN_HTTP }), plain('tcp')],
    both: [
      mutual('http', HTTP_ALPN),
      mutual('tcp', TCP_ALPN),
      plain('http', { ...OF_BYTES, application_protocols: PLAIN_HTTP }),
      plain('tcp', OF_TLS),
      plain('tcp', OF_BYTES),
    ],
    mutual: [mutual('http', HTTP_INSIDE), mutual('tcp')],
  },
};
