/** Who may see what on the TLS port: proxies by ADS, and people and programs that read pages. */
import type { TLSSocket } from 'node:tls';
import { Metadata } from '@grpc/grpc-js';
import { DEFAULT_TRUST_DOMAIN } from '../../lib/pilot/authorization/trust-domains';
import type { MeshSource } from '../../lib/xds/mesh-source';
import type { XdsServer } from '../../lib/xds/server';
import { type Citadel, type CitadelOptions, openCitadel } from './citadel';
import { citadelMetrics } from './citadel-metrics';
import { type Pages, pageServer, type VisitorOf } from './http';
import type { Metrics } from './metrics';

export interface Access {
  readonly citadel: Citadel;
  readonly visitorOf: VisitorOf;
}

/** One TLS port for gRPC and for pages, told apart by what the client wants to speak. */
export function listenSecurely(
  { citadel, visitorOf }: Access,
  xds: XdsServer,
  pages: Pages,
  onError: (error: Error) => void,
) {
  const server = pageServer(pages, visitorOf, onError);
  return citadel.listen({
    h2: (socket) => xds.accept(socket),
    'http/1.1': (socket) => server.emit('connection', socket),
  });
}

/** Opens Citadel, and says what those who prove themselves may see. */
export async function openAccess(
  options: Omit<CitadelOptions, 'trustDomain' | 'observer'>,
  source: MeshSource,
  metrics: Metrics,
): Promise<Access> {
  const { namespace: ownNamespace, log } = options;
  const observer = citadelMetrics(metrics);
  const trustDomain = source.world?.meshConfig().trustDomain || DEFAULT_TRUST_DOMAIN;
  const citadel = await openCitadel({ ...options, trustDomain, observer }, source);
  observer.watch(() => citadel.expiries());
  const visitorOf: VisitorOf = async ({ headers, socket }) => {
    const metadata = new Metadata();
    if (headers.authorization) metadata.set('authorization', headers.authorization);
    try {
      const { identity } = await citadel.callerOf({ metadata, ...peerOf(socket as TLSSocket) });
      return identity.namespace === ownNamespace ? {} : { namespace: identity.namespace };
    } catch (error) {
      log.warn({ peer: socket.remoteAddress, error: (error as Error).message }, 'status refused');
      return undefined;
    }
  };
  return { citadel, visitorOf };
}

/** A connection of the TLS port, as a call of gRPC shows it. */
function peerOf(socket: TLSSocket) {
  const certificate = socket.authorized ? socket.getPeerCertificate() : undefined;
  return {
    getPeer: () => `${socket.remoteAddress}:${socket.remotePort}`,
    getAuthContext: () => ({ sslPeerCertificate: certificate?.raw ? certificate : undefined }),
  };
}
