/** The listeners for what is sent to an application: transparent, one for all ports; explicit, one per port. */
import type { envoy } from '../envoy/generated/envoy';
import type { EnvoyResource } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import { isHttp, isHttp2, isSniffed } from '../world';
import { type AuthorizationView, httpAuthorization, tcpAuthorization } from './authorization';
import type { ClientView } from './client-view';
import { httpConnectionManager } from './hcm';
import { type InboundPort, type InboundView, portKey } from './inbound-ports';
import { inboundRoute } from './inbound-route';
import { detectionTimeout, httpInspector, originalDestination, PLAIN_HTTP } from './listener-filters';
import type { Evaluation, Query } from './memo';
import {
  BLACK_HOLE_CLUSTER,
  INBOUND_PASSTHROUGH_CLUSTER,
  inboundClusterName,
  listenerName,
  VIRTUAL_INBOUND_LISTENER,
  VIRTUAL_INBOUND_PORT,
  WILDCARD_ADDRESS,
} from './names';
import { ownSocket } from './own-socket';
import { socketAddress } from './shapes';
import { tcpProxy, tcpToCluster } from './tcp-proxy';
import type { ObservedSide } from './tracing';

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
  inbound: InboundView,
  ports: readonly InboundPort[],
): (EnvoyResource | undefined)[] {
  return ports.map((port) =>
    evaluation.derive(portListenerQuery, `${view.key}|${portKey(port)}|${inbound.authorization.key}`, {
      view,
      port,
      authorization: inbound.authorization,
    }),
  );
}

const virtualInboundQuery: Query<InboundArgs, EnvoyResource | undefined> = {
  name: 'virtual inbound',
  compute: (evaluation, { view, inbound }) => {
    const side = serverSide(view);
    const { authorization } = inbound;
    return evaluation.resource(TypeUrl.listener, VIRTUAL_INBOUND_LISTENER, () => ({
      name: VIRTUAL_INBOUND_LISTENER,
      address: socketAddress(WILDCARD_ADDRESS, VIRTUAL_INBOUND_PORT),
      use_original_dst: false,
      traffic_direction: 'INBOUND' as const,
      filter_chains: [
        {
          name: 'virtualInbound-blackhole',
          filter_chain_match: { destination_port: VIRTUAL_INBOUND_PORT },
          filters: [tcpToCluster(evaluation, side, BLACK_HOLE_CLUSTER)],
        },
        ...inbound.ports
          .filter(({ bind }) => bind === undefined)
          .flatMap((port) =>
            asSpoken(port).map((each) => ({
              name: listenerName(WILDCARD_ADDRESS, port.number),
              filter_chain_match: { destination_port: port.number, ...matchOf(port, each) },
              filters: portFilters(evaluation, { side, port: each, address: WILDCARD_ADDRESS, authorization }),
            })),
          ),
        {
          name: VIRTUAL_INBOUND_LISTENER,
          filters: [
            ...tcpAuthorization(evaluation, authorization),
            tcpToCluster(evaluation, side, INBOUND_PASSTHROUGH_CLUSTER),
          ],
        },
      ],
      listener_filters: [originalDestination(), ...inspectorOf(inbound.ports)],
      ...(inspectorOf(inbound.ports).length > 0 && detectionTimeout(evaluation, true)),
    }));
  },
};

interface PortArgs {
  readonly view: ClientView;
  readonly port: InboundPort;
  readonly authorization: AuthorizationView;
}

const portListenerQuery: Query<PortArgs, EnvoyResource | undefined> = {
  name: 'inbound listener',
  compute: (evaluation, { view, port, authorization }) => {
    const address = port.bind ?? view.ip;
    const name = listenerName(address, port.number);
    return evaluation.resource(TypeUrl.listener, name, () => ({
      name,
      address: socketAddress(address, port.number),
      ...ownSocket(view.capture),
      traffic_direction: 'INBOUND' as const,
      ...(isSniffed(port.protocol) && { listener_filters: [httpInspector()], ...detectionTimeout(evaluation, true) }),
      filter_chains: asSpoken(port).map((each) => ({
        ...(Object.keys(matchOf(port, each)).length > 0 && { filter_chain_match: matchOf(port, each) }),
        filters: portFilters(evaluation, { side: serverSide(view), port: each, address, authorization }),
      })),
    }));
  },
};

/** A port of which nothing is declared is two: one for HTTP, one for anything else. */
function asSpoken(port: InboundPort): InboundPort[] {
  if (!isSniffed(port.protocol)) return [port];
  return [
    { ...port, protocol: 'HTTP' },
    { ...port, protocol: 'TCP' },
  ];
}

function matchOf(declared: InboundPort, spoken: InboundPort): envoy.config.listener.v3.FilterChainMatch {
  return isSniffed(declared.protocol) && isHttp(spoken.protocol) ? { application_protocols: PLAIN_HTTP } : {};
}

function inspectorOf(ports: readonly InboundPort[]) {
  const sniffed = ports.filter(({ protocol }) => isSniffed(protocol)).map(({ number }) => number);
  return sniffed.length > 0 ? [httpInspector(sniffed)] : [];
}

function serverSide({ namespace, viewer, labels, serviceName, unmetered }: ClientView): ObservedSide {
  return { namespace, viewer, labels, serviceName, unmetered, mode: 'SERVER' };
}

interface PortSettings {
  readonly side: ObservedSide;
  readonly port: InboundPort;
  readonly address: string;
  readonly authorization: AuthorizationView;
}

/** What reads the connections of a port, behind all that may refuse them. */
function portFilters(
  evaluation: Evaluation,
  { side, port, address, authorization }: PortSettings,
): envoy.config.listener.v3.Filter[] {
  if (!isHttp(port.protocol)) {
    const cluster = inboundClusterName(port.number);
    return [
      ...tcpAuthorization(evaluation, authorization),
      tcpProxy(evaluation, { statPrefix: cluster, side, target: { cluster }, service: port.service }),
    ];
  }
  const manager = httpConnectionManager(evaluation, {
    role: 'inbound',
    statPrefix: `inbound_${listenerName(address, port.number)}`,
    route: inboundRoute(port, side.mutualTls),
    side,
    guards: httpAuthorization(evaluation, authorization),
    metered: { service: port.service, grpc: isHttp2(port.protocol) },
    grpcWeb: port.protocol === 'GRPC-Web',
  });
  return [manager];
}
