/** What a Sidecar says of the traffic to its workload: ports in place of the services', where they lead, and bounds. */
import type { ConnectionPoolSettings, IstioIngressListener, Sidecar } from '../api';
import { isHttp, type Protocol, type Proxy, protocolNamed } from '../world';
import { isOfMesh, isTerminated, type ServerTls } from './gateway-tls';
import type { InboundPort } from './inbound-ports';

/** What an ingress listener adds to a port. */
export interface IngressSettings {
  /** Where its traffic goes. Absent: to the same port of the application. */
  readonly to?: { readonly address: string; readonly port: number };
  /** The address that the proxy itself listens on; nothing is redirected to it. */
  readonly bind?: string;
  readonly pool?: ConnectionPoolSettings;
  /** TLS that ends here, of clients beyond the mesh. */
  readonly tls?: ServerTls;
}

/**
 * The ports as a Sidecar has them.
 *
 * @param ports those of the workload's services, by number. With ingress listeners only these are served by name; what
 *   comes to others is passed on as it is.
 */
export function withIngress(
  ports: ReadonlyMap<number, InboundPort>,
  sidecar: Sidecar | undefined,
  proxy: Proxy,
): InboundPort[] {
  const { ingress = [], inboundConnectionPool: pool } = sidecar?.spec ?? {};
  const all =
    ingress.length > 0
      ? ingress.map((each) => portOf(each, ports.get(each.port.number ?? 0), proxy))
      : [...ports.values()];
  return pool ? all.map((port) => ({ ...port, pool: port.pool ?? pool })) : all;
}

function portOf(
  { port, bind, captureMode, defaultEndpoint, connectionPool, tls }: IstioIngressListener,
  known: InboundPort | undefined,
  proxy: Proxy,
): InboundPort {
  const number = port.number ?? 0;
  const protocol = port.protocol ? protocolNamed(port.protocol) : (known?.protocol ?? 'Unknown');
  const ownTls = tls && isTerminated(tls) && !isOfMesh(tls) ? tls : undefined;
  const isBound = captureMode === 'NONE' || proxy.capture === 'NONE';
  return {
    ...known,
    number,
    protocol: ownTls ? withinTls(protocol, known) : protocol,
    ...(ownTls && { tls: ownTls }),
    ...(defaultEndpoint && { to: endpointOf(defaultEndpoint, proxy) }),
    ...(isBound && { bind: bind || proxy.ip }),
    ...(connectionPool && { pool: connectionPool }),
  };
}

/** What is spoken where TLS has ended: the version of HTTP that a service declares for the port, or HTTP/1.1. */
function withinTls(protocol: Protocol, known: InboundPort | undefined): Protocol {
  if (protocol !== 'HTTPS') return 'TCP';
  return known && isHttp(known.protocol) ? known.protocol : 'HTTP';
}

/** `127.0.0.1:PORT` and `[::1]:PORT` are the application's loopback, `0.0.0.0:PORT` and `[::]:PORT` the Pod's address. */
function endpointOf(text: string, { ip, capture, appAddress }: Proxy): { address: string; port: number } {
  if (text.startsWith('unix://')) return { address: text, port: 0 };
  const colon = text.lastIndexOf(':');
  const address = text.slice(0, colon).replace(/^\[|\]$/g, '');
  const port = Number(text.slice(colon + 1));
  // Where Pods share the loopback interface, each application has one address of its own there, and the proxy the Pod's.
  if (capture === 'NONE') return { address: appAddress, port };
  return { address: address === '0.0.0.0' || address === '::' ? ip : address, port };
}
