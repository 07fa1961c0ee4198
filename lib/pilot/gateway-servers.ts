/** The servers of all Gateways that select a proxy, merged by the port on which Envoy listens. */
import type { Gateway, Server } from '../api';
import { compareText, GATEWAY_CREDENTIAL, isHttp, type Proxy, protocolNamed, sourceOf, type WorldView } from '../world';
import { credentialsOf, isOfMesh, isTerminated } from './gateway-tls';
import { resolveTargetPort } from './inbound-ports';
import { gatewayHttpRouteName, gatewayHttpsRouteName } from './names';

/** How a server reads what comes to it. */
export type ServerKind =
  /** HTTP; all servers of a port share one route configuration. */
  | 'http'
  /** HTTP within TLS that ends here. */
  | 'https'
  /** TLS that ends here, with anything inside. */
  | 'tls'
  /** TLS that ends at the destination; the server name decides. */
  | 'passthrough'
  /** Likewise, but the server name says which service of the mesh the destination is. */
  | 'autoPassthrough'
  | 'tcp';

export interface GatewayServer {
  readonly gateway: Gateway;
  /** `namespace/name` of the Gateway. */
  readonly gatewayName: string;
  readonly server: Server;
  readonly kind: ServerKind;
  /** Only for HTTP. */
  readonly routeName?: string;
}

export interface GatewayPort {
  /** On which Envoy listens; 0 with a socket of the file system. */
  readonly number: number;
  /** The address, or `unix:///path`; empty: all addresses. */
  readonly bind: string;
  /** Oldest Gateway first; all can share a listener. */
  readonly servers: readonly GatewayServer[];
}

/** How the ports that Gateways name are found at a proxy. */
export interface GatewayPortMap {
  readonly key: string;
  /** The ports at the proxy behind a port of its Services. Ports of no Service are themselves. */
  readonly targets: ReadonlyMap<number, readonly number[]>;
}

export function gatewayPortMapOf(world: WorldView, proxy: Proxy): GatewayPortMap {
  const targets = new Map<number, number[]>();
  const pod = world.pod(proxy.namespace, proxy.name);
  for (const service of world.servicesOfWorkload(proxy.namespace, proxy.labels)) {
    for (const { number, targetPort } of service.ports) {
      const target = resolveTargetPort(targetPort, number, pod);
      if (target === undefined) continue;
      const list = targets.get(number) ?? [];
      if (!list.includes(target))
        targets.set(
          number,
          [...list, target].sort((a, b) => a - b),
        );
    }
  }
  const sorted = [...targets].sort(([a], [b]) => a - b);
  return { key: JSON.stringify(sorted), targets };
}

/** Sorted by port and address. Where several kinds of servers claim one, the oldest decides which kinds get it. */
export function gatewayPorts(gateways: readonly Gateway[], map: GatewayPortMap, hasIdentity: boolean): GatewayPort[] {
  const ports = new Map<string, { number: number; bind: string; servers: GatewayServer[] }>();
  for (const gateway of gateways) {
    for (const server of gateway.spec.servers ?? []) {
      const bind = ANY_ADDRESS.has(server.bind ?? '') ? '' : server.bind!;
      for (const number of map.targets.get(server.port.number) ?? [server.port.number]) {
        const classified = classify(gateway, server, number, bind);
        // Without a certificate there is nothing to show to a client of the mesh.
        if (!classified || (isOfMesh(server.tls ?? {}) && !hasIdentity)) continue;
        const key = `${String(number).padStart(5, '0')} ${bind}`;
        const port = ports.get(key);
        if (!port) ports.set(key, { number, bind, servers: [classified] });
        else if (canShare(port.servers[0]!, classified)) port.servers.push(classified);
      }
    }
  }
  return [...ports].sort(([a], [b]) => compareText(a, b)).map(([, port]) => port);
}

const ANY_ADDRESS = new Set(['', '0.0.0.0', '::']);

/** TLS servers are told apart by server name, HTTP servers by authority, TCP servers by what routes say of destinations. */
function canShare(first: GatewayServer, other: GatewayServer): boolean {
  const isTls = ({ kind }: GatewayServer) => kind !== 'http' && kind !== 'tcp';
  return isTls(first) ? isTls(other) : first.kind === other.kind;
}

/** Undefined for what is not served: it is better not to listen than to listen with less security than asked for. */
function classify(gateway: Gateway, server: Server, listenerPort: number, bind: string): GatewayServer | undefined {
  const { namespace = 'default', name } = gateway.metadata;
  const protocol = protocolNamed(server.port.protocol);
  const base = { gateway, gatewayName: `${namespace}/${name}`, server };
  const mode = server.tls?.mode ?? 'PASSTHROUGH';
  if (isHttp(protocol)) {
    return { ...base, kind: 'http', routeName: gatewayHttpRouteName(listenerPort, bind) };
  }
  if (protocol === 'HTTPS' || protocol === 'TLS') {
    if (mode === 'PASSTHROUGH') return { ...base, kind: 'passthrough' };
    if (mode === 'AUTO_PASSTHROUGH') return { ...base, kind: 'autoPassthrough' };
    if (!isTerminated(server.tls ?? {}) || namesForeignSecret(gateway, server)) return undefined;
    if (protocol === 'TLS') return { ...base, kind: 'tls' };
    const routeName = gatewayHttpsRouteName(server.port.number, server.port.name, name, namespace);
    return { ...base, kind: 'https', routeName };
  }
  return protocol === 'UDP' ? undefined : { ...base, kind: 'tcp' };
}

/** Credentials of any namespace are for what was made of the Gateway API, where ReferenceGrants were asked. */
function namesForeignSecret(gateway: Gateway, { tls = {} }: Server): boolean {
  if (sourceOf(gateway)) return false;
  return [...credentialsOf(tls), tls.caCertCredentialName ?? ''].some((name) => name.startsWith(GATEWAY_CREDENTIAL));
}
