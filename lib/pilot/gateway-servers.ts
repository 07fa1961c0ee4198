/** The servers of all Gateways that select a proxy, merged by the port on which Envoy listens. */
import type { Gateway, Server } from '../api';
import { isHttp, type Proxy, protocolNamed, type WorldView } from '../world';
import { isTerminated } from './gateway-tls';
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
  /** On which Envoy listens. */
  readonly number: number;
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

/** Sorted by port. On a port that several kinds of servers claim, the oldest decides which kinds get it. */
export function gatewayPorts(gateways: readonly Gateway[], map: GatewayPortMap): GatewayPort[] {
  const ports = new Map<number, GatewayServer[]>();
  for (const gateway of gateways) {
    for (const server of gateway.spec.servers ?? []) {
      for (const number of map.targets.get(server.port.number) ?? [server.port.number]) {
        const classified = classify(gateway, server, number);
        if (!classified) continue;
        const servers = ports.get(number);
        if (!servers) ports.set(number, [classified]);
        else if (canShare(servers[0]!, classified)) servers.push(classified);
      }
    }
  }
  return [...ports].map(([number, servers]) => ({ number, servers })).sort((a, b) => a.number - b.number);
}

/** TLS servers are told apart by server name, HTTP servers by authority; TCP takes everything. */
function canShare(first: GatewayServer, other: GatewayServer): boolean {
  const isTls = ({ kind }: GatewayServer) => kind === 'https' || kind === 'tls' || kind === 'passthrough';
  return isTls(first) ? isTls(other) : first.kind === 'http' && other.kind === 'http';
}

/** Undefined for what is not served: it is better not to listen than to listen with less security than asked for. */
function classify(gateway: Gateway, server: Server, listenerPort: number): GatewayServer | undefined {
  const { namespace = 'default', name } = gateway.metadata;
  const protocol = protocolNamed(server.port.protocol);
  const base = { gateway, gatewayName: `${namespace}/${name}`, server };
  const mode = server.tls?.mode ?? 'PASSTHROUGH';
  if (isHttp(protocol)) {
    return { ...base, kind: 'http', routeName: gatewayHttpRouteName(listenerPort) };
  }
  if (protocol === 'HTTPS' || protocol === 'TLS') {
    if (mode === 'PASSTHROUGH') return { ...base, kind: 'passthrough' };
    if (!isTerminated(server.tls ?? {})) return undefined;
    if (protocol === 'TLS') return { ...base, kind: 'tls' };
    const routeName = gatewayHttpsRouteName(server.port.number, server.port.name, name, namespace);
    return { ...base, kind: 'https', routeName };
  }
  return protocol === 'UDP' ? undefined : { ...base, kind: 'tcp' };
}
