/** The listeners for what is sent to an application: transparent, one for all ports; explicit, one per port. */
import type { envoy } from '../envoy/generated/envoy';
import type { EnvoyResource } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import { isHttp2, isSniffed, modeAt, type Protocol } from '../world';
import { httpAuthorization, tcpAuthorization, trustDomainsOf } from './authorization';
import type { ClientView } from './client-view';
import { certificateGuard, downstreamTls, foreignGuard, type ServerTls } from './gateway-tls';
import { httpConnectionManager } from './hcm';
import { type InboundChain, type InboundSecurity, inboundChains, inboundSecurity } from './inbound-chains';
import { type InboundPort, type InboundView, portKey, type WorkloadSecurity } from './inbound-ports';
import { inboundRoute } from './inbound-route';
import { detectionTimeout, httpInspector, originalDestination, type PortSet, tlsInspector } from './listener-filters';
import type { Evaluation, Query } from './memo';
import { meshServerTls } from './mesh-tls';
import {
  BLACK_HOLE_CLUSTER,
  INBOUND_PASSTHROUGH_CLUSTER,
  inboundClusterName,
  listenerName,
  VIRTUAL_INBOUND_LISTENER,
  VIRTUAL_INBOUND_PORT,
  WILDCARD_ADDRESS,
} from './names';
import { listenerBuffer } from './own-settings';
import { ownSocket } from './own-socket';
import { rateLimitFilters } from './rate-limit';
import { socketAddress } from './shapes';
import { tcpProxy, tcpToCluster } from './tcp-proxy';
import { meshTlsParameters } from './tls-parameters';
import type { ObservedSide } from './tracing';

type FilterChain = envoy.config.listener.v3.FilterChain;
type Filter = envoy.config.listener.v3.Filter;

interface InboundArgs {
  readonly view: ClientView;
  readonly inbound: InboundView;
}

export function inboundListeners(
  evaluation: Evaluation,
  view: ClientView,
  inbound: InboundView,
): (EnvoyResource | undefined)[] {
  if (view.capture === 'REDIRECT') {
    const bound = inbound.ports.filter(({ bind }) => bind !== undefined);
    return [
      evaluation.derive(virtualInboundQuery, `${view.key}|${inbound.key}`, { view, inbound }),
      ...boundListeners(evaluation, view, inbound, bound),
    ];
  }
  return boundListeners(evaluation, view, inbound, inbound.ports);
}

/** Listeners that the clients connect to themselves. */
function boundListeners(
  evaluation: Evaluation,
  view: ClientView,
  { security }: InboundView,
  ports: readonly InboundPort[],
): (EnvoyResource | undefined)[] {
  return ports.map((port) =>
    evaluation.derive(portListenerQuery, `${view.key}|${portKey(port)}|${security.key}`, { view, port, security }),
  );
}

const virtualInboundQuery: Query<InboundArgs, EnvoyResource | undefined> = {
  name: 'virtual inbound',
  compute: (evaluation, { view, inbound }) => {
    const { security } = inbound;
    const ports = inbound.ports.filter(({ bind }) => bind === undefined);
    return evaluation.resource(TypeUrl.listener, VIRTUAL_INBOUND_LISTENER, () => ({
      name: VIRTUAL_INBOUND_LISTENER,
      address: socketAddress(WILDCARD_ADDRESS, VIRTUAL_INBOUND_PORT),
      use_original_dst: false,
      traffic_direction: 'INBOUND' as const,
      ...listenerBuffer(view),
      filter_chains: [
        {
          name: 'virtualInbound-blackhole',
          filter_chain_match: { destination_port: VIRTUAL_INBOUND_PORT },
          filters: [tcpToCluster(evaluation, serverSide(view), BLACK_HOLE_CLUSTER)],
        },
        ...ports.flatMap((port) =>
          chainsOfPort(evaluation, { view, port, security }, WILDCARD_ADDRESS).map(
            ({ filter_chain_match: match, ...chain }) => ({
              name: listenerName(WILDCARD_ADDRESS, port.number),
              filter_chain_match: { destination_port: port.number, ...match },
              ...chain,
            }),
          ),
        ),
        ...passthroughChains(evaluation, { view, security }, ports),
      ],
      listener_filters: [originalDestination(), ...inspectors(view, security, ports)],
      ...inspectionTime(evaluation, view, security, ports),
    }));
  },
};

/**
 * For ports that nobody has declared, which take what the workload as a whole takes. PeerAuthentication may name one of them,
 * too.
 */
function passthroughChains(
  evaluation: Evaluation,
  { view, security }: Omit<PortArgs, 'port'>,
  declared: readonly InboundPort[],
): FilterChain[] {
  const numbers = new Set(declared.map(({ number }) => number));
  const own = [...security.mutualTls.ports.keys()].filter((number) => !numbers.has(number));
  return [...own, undefined].flatMap((number) => {
    const taken = securityAt(view, security, number);
    return inboundChains(OPAQUE, taken, false).map((chain) => {
      const match = { ...(number !== undefined && { destination_port: number }), ...chain.match };
      const side = { ...serverSide(view), mutualTls: chain.mutualTls };
      return {
        name: VIRTUAL_INBOUND_LISTENER,
        ...(Object.keys(match).length > 0 && { filter_chain_match: match }),
        filters:
          chain.of === 'nothing'
            ? [tcpToCluster(evaluation, side, BLACK_HOLE_CLUSTER)]
            : [
                ...tcpAuthorization(evaluation, security.authorization),
                tcpToCluster(evaluation, side, INBOUND_PASSTHROUGH_CLUSTER),
              ],
        ...transportOf(evaluation, view, chain),
      };
    });
  });
}

const OPAQUE: Protocol = 'TCP';

interface PortArgs {
  readonly view: ClientView;
  readonly port: InboundPort;
  readonly security: WorkloadSecurity;
}

const portListenerQuery: Query<PortArgs, EnvoyResource | undefined> = {
  name: 'inbound listener',
  compute: (evaluation, args) => {
    const { view, port, security } = args;
    const address = port.bind ?? view.ip;
    const name = listenerName(address, port.number);
    const taken = securityAt(view, security, port.number);
    const filters = [
      ...(isInspected(taken) ? [tlsInspector()] : []),
      ...(isRead(port, taken) ? [httpInspector()] : []),
    ];
    return evaluation.resource(TypeUrl.listener, name, () => ({
      name,
      address: socketAddress(address, port.number),
      ...ownSocket(view.capture),
      traffic_direction: 'INBOUND' as const,
      ...listenerBuffer(view),
      ...(filters.length > 0 && { listener_filters: filters }),
      ...(taken !== 'mutual' && filters.length > 0 && detectionTimeout(evaluation, true)),
      filter_chains: chainsOfPort(evaluation, args, address),
    }));
  },
};

/** The chains of a port, without the port itself. */
function chainsOfPort(evaluation: Evaluation, { view, port, security }: PortArgs, address: string): FilterChain[] {
  return inboundChains(port.protocol, securityAt(view, security, port.number), port.tls !== undefined).map((chain) => ({
    ...(Object.keys(chain.match).length > 0 && { filter_chain_match: chain.match }),
    filters: [
      ...(chain.ownTls ? clientGuards(evaluation, port.tls!) : []),
      ...portFilters(evaluation, { side: serverSide(view), port, address, security, chain }),
    ],
    ...transportOf(evaluation, view, chain, port),
  }));
}

/** @param port undefined for those that nothing names. */
function securityAt({ identity }: ClientView, { mutualTls }: WorkloadSecurity, port?: number): InboundSecurity {
  return inboundSecurity(port === undefined ? mutualTls.mode : modeAt(mutualTls, port), identity !== undefined);
}

function clientGuards(evaluation: Evaluation, tls: ServerTls): Filter[] {
  const guards = [certificateGuard(tls), foreignGuard(tls, trustDomainsOf(evaluation.meshConfig()))];
  return guards.filter((guard) => guard !== undefined);
}

function transportOf(
  evaluation: Evaluation,
  { identity }: ClientView,
  { mutualTls, ownTls, of }: InboundChain,
  port?: InboundPort,
) {
  const mesh = evaluation.meshConfig();
  if (ownTls && port?.tls) {
    // Whoever may choose takes HTTP/2, and the application gets what its client speaks.
    const spoken = of === 'http' ? [isHttp2(port.protocol) ? 'h2' : 'http/1.1'] : [];
    return { transport_socket: downstreamTls(port.tls, spoken, { trustDomains: [], mesh }) };
  }
  if (!mutualTls || !identity) return {};
  const alpn = of === 'http' ? ['h2', 'http/1.1'] : [];
  const member = { identity, trustDomains: trustDomainsOf(mesh), parameters: meshTlsParameters(mesh) };
  return { transport_socket: meshServerTls(member, alpn) };
}

function isInspected(security: InboundSecurity): boolean {
  return security === 'both' || security === 'mutual';
}

/** Whether first bytes tell what is spoken; within TLS, what the client offers tells. */
function isRead({ protocol }: InboundPort, security: InboundSecurity): boolean {
  return isSniffed(protocol) && (security === 'plain' || security === 'both');
}

/** Where a server speaks first in plaintext, its client waits in vain for an inspector: only those ports are looked at that have to be. */
function inspectors(view: ClientView, security: WorkloadSecurity, ports: readonly InboundPort[]) {
  const read = ports.filter((port) => isRead(port, securityAt(view, security, port.number)));
  return [
    ...tlsInspected(view, security, ports),
    ...(read.length > 0 ? [httpInspector({ only: read.map(({ number }) => number) })] : []),
  ];
}

function tlsInspected(view: ClientView, security: WorkloadSecurity, ports: readonly InboundPort[]) {
  const rest = isInspected(securityAt(view, security));
  const named = [...new Set([...ports.map(({ number }) => number), ...security.mutualTls.ports.keys()])];
  const others = named.filter((number) => isInspected(securityAt(view, security, number)) !== rest);
  if (!rest && others.length === 0) return [];
  const set: PortSet | undefined = others.length === 0 ? undefined : rest ? { except: others } : { only: others };
  return [tlsInspector(set)];
}

/** Where nothing but TLS is taken, its first bytes are due within Envoy's usual time; elsewhere a server may speak first. */
function inspectionTime(
  evaluation: Evaluation,
  view: ClientView,
  security: WorkloadSecurity,
  ports: readonly InboundPort[],
) {
  const taken = [undefined, ...ports.map(({ number }) => number)].map((port) => securityAt(view, security, port));
  if (inspectors(view, security, ports).length === 0 || taken.every((each) => each === 'mutual')) return {};
  return detectionTimeout(evaluation, true);
}

function serverSide({ namespace, viewer, labels, serviceName, unmetered, own }: ClientView): ObservedSide {
  return { namespace, viewer, labels, serviceName, unmetered, own, mode: 'SERVER' };
}

interface PortSettings {
  readonly side: ObservedSide;
  readonly port: InboundPort;
  readonly address: string;
  readonly security: WorkloadSecurity;
  readonly chain: InboundChain;
}

/** What reads the connections of a port, behind all that may refuse them. */
function portFilters(evaluation: Evaluation, { chain, port, address, security, ...settings }: PortSettings): Filter[] {
  const side = { ...settings.side, ...(chain.mutualTls && { mutualTls: true }) };
  if (chain.of === 'nothing') return [tcpToCluster(evaluation, side, BLACK_HOLE_CLUSTER)];
  if (chain.of === 'tcp') {
    const cluster = inboundClusterName(port.number);
    return [
      ...tcpAuthorization(evaluation, security.authorization),
      tcpProxy(evaluation, { statPrefix: cluster, side, target: { cluster }, service: port.service }),
    ];
  }
  const manager = httpConnectionManager(evaluation, {
    role: 'inbound',
    statPrefix: `inbound_${listenerName(address, port.number)}`,
    route: inboundRoute(port, chain.mutualTls),
    side,
    guards: [
      ...httpAuthorization(evaluation, security.authorization),
      ...rateLimitFilters(evaluation, security.rateLimits, port.number),
    ],
    metered: { service: port.service, grpc: isHttp2(port.protocol) },
    grpcWeb: port.protocol === 'GRPC-Web',
  });
  return [manager];
}
