/** The listeners of a gateway, one per port. */
import type { envoy } from '../envoy/generated/envoy';
import type { EnvoyResource } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import { httpAuthorization, tcpAuthorization } from './authorization';
import { boundVirtualServices, hostNamesOf } from './gateway-hosts';
import type { GatewayPort, GatewayServer } from './gateway-servers';
import { downstreamTls } from './gateway-tls';
import { type GatewayProxy, type GatewayView, gatewayViewOf } from './gateway-view';
import { httpConnectionManager } from './hcm';
import { tlsInspector } from './listener-filters';
import type { Evaluation, Query } from './memo';
import { listenerName, WILDCARD_ADDRESS } from './names';
import { tcpRoute } from './outbound-chains';
import { appliesTo } from './route';
import { socketAddress } from './shapes';
import { tcpToDestinations } from './tcp-proxy';
import type { ObservedSide } from './tracing';

type FilterChain = envoy.config.listener.v3.FilterChain;

export function gatewayListeners(evaluation: Evaluation, proxy: GatewayProxy): (EnvoyResource | undefined)[] {
  return gatewayViewOf(evaluation, proxy).ports.map(({ number }) =>
    evaluation.derive(gatewayListenerQuery, `${proxy.key}|${number}`, { proxy, number }),
  );
}

const gatewayListenerQuery: Query<{ proxy: GatewayProxy; number: number }, EnvoyResource | undefined> = {
  name: 'gateway listener',
  compute: (evaluation, { proxy, number }) => {
    const view = gatewayViewOf(evaluation, proxy);
    const port = view.ports.find((each) => each.number === number);
    if (!port) return undefined;
    // With explicit capture many proxies share the machine, so each keeps to its own address.
    const address = view.client.ip || WILDCARD_ADDRESS;
    const chains = chainsOf(evaluation, view, port, address);
    if (chains.length === 0) return undefined;
    const name = listenerName(address, port.number);
    const isTls = chains.some((chain) => chain.transport_socket || chain.filter_chain_match?.server_names);
    return evaluation.resource(TypeUrl.listener, name, () => ({
      name,
      address: socketAddress(address, port.number),
      traffic_direction: 'OUTBOUND' as const,
      filter_chains: chains,
      ...(isTls && { listener_filters: [tlsInspector()] }),
    }));
  },
};

function chainsOf(evaluation: Evaluation, view: GatewayView, port: GatewayPort, address: string): FilterChain[] {
  const { namespace, viewer, labels, serviceName } = view.client;
  // For Telemetry, a gateway is a client of the services behind it.
  const side: ObservedSide = { namespace, viewer, labels, serviceName, mode: 'CLIENT' };
  const claimed = new Set<string>();
  const name = listenerName(address, port.number);
  const http = (server: GatewayServer) => httpChain(evaluation, view, side, server, name);
  const tcp = (server: GatewayServer) => tcpChain(evaluation, view, side, server);
  return port.servers.flatMap((server, index): FilterChain[] => {
    if (server.kind === 'https') return terminated(server, claimed, () => http(server).filters);
    if (server.kind === 'tls') return terminated(server, claimed, () => tcp(server)?.filters);
    if (server.kind === 'passthrough') return passthroughChains(evaluation, view, side, server, claimed);
    // All HTTP servers of the port are one chain with one route configuration; TCP has nothing to choose a chain by.
    if (index > 0) return [];
    const chain = server.kind === 'http' ? http(server) : tcp(server);
    return chain ? [chain] : [];
  });
}

function httpChain(
  evaluation: Evaluation,
  view: GatewayView,
  side: ObservedSide,
  { routeName, server }: GatewayServer,
  name: string,
) {
  const filter = httpConnectionManager(evaluation, {
    role: 'gateway',
    statPrefix: `outbound_${name}`,
    route: routeName!,
    side,
    guards: httpAuthorization(evaluation, view.authorization),
    metered: { grpc: true },
    grpcWeb: server.port.protocol.toUpperCase() === 'GRPC-WEB',
  });
  return { filters: [filter] };
}

/** A server name belongs to the first server that claims it. */
function claim(names: readonly string[], claimed: Set<string>): string[] {
  const free = names.filter((name) => !claimed.has(name));
  for (const name of free) claimed.add(name);
  return free;
}

function terminated(target: GatewayServer, claimed: Set<string>, filters: () => FilterChain['filters']): FilterChain[] {
  const names = claim(hostNamesOf(target), claimed);
  const made = names.length > 0 ? filters() : undefined;
  if (!made) return [];
  const alpn = target.kind === 'https' ? ['h2', 'http/1.1'] : [];
  return [
    {
      ...(!names.includes('*') && { filter_chain_match: { server_names: names } }),
      filters: made,
      transport_socket: downstreamTls(target.server.tls!, alpn),
    },
  ];
}

function passthroughChains(
  evaluation: Evaluation,
  view: GatewayView,
  side: ObservedSide,
  target: GatewayServer,
  claimed: Set<string>,
): FilterChain[] {
  const port = target.server.port.number;
  const guards = tcpAuthorization(evaluation, view.authorization);
  return boundVirtualServices(evaluation, side.namespace, target).flatMap(({ object }) => {
    const owner = object.metadata.namespace ?? 'default';
    const context = { viewer: side.viewer, labels: {}, gateway: target.gatewayName, port };
    return (object.spec.tls ?? []).flatMap(({ match, route = [] }) =>
      match
        .filter((each) => appliesTo(each, context, owner))
        .flatMap(({ sniHosts }) => {
          const place = { owner, listenerPort: port, name: `${object.metadata.name}.${owner}` };
          const filter = tcpToDestinations(evaluation, side, route, place);
          const names = filter
            ? claim(
                sniHosts.map((name) => name.toLowerCase()),
                claimed,
              )
            : [];
          if (!filter || names.length === 0) return [];
          const match = !names.includes('*') && { filter_chain_match: { server_names: names } };
          return [{ ...match, filters: [...guards, filter] }];
        }),
    );
  });
}

/** The first VirtualService with a TCP route for this server. */
function tcpChain(
  evaluation: Evaluation,
  view: GatewayView,
  side: ObservedSide,
  target: GatewayServer,
): FilterChain | undefined {
  const port = target.server.port.number;
  const context = { viewer: side.viewer, labels: {}, gateway: target.gatewayName, port };
  for (const { object } of boundVirtualServices(evaluation, side.namespace, target)) {
    const route = tcpRoute(object, (match, owner) => appliesTo(match, context, owner));
    const owner = object.metadata.namespace ?? 'default';
    const place = { owner, listenerPort: port, name: `${object.metadata.name}.${owner}` };
    const filter = route && tcpToDestinations(evaluation, side, route, place);
    if (filter) return { filters: [...tcpAuthorization(evaluation, view.authorization), filter] };
  }
  return undefined;
}
