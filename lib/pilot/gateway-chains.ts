/** The filter chains of a gateway's listener: which server takes a connection, and what is done with it. */
import type { RouteDestination } from '../api';
import type { envoy } from '../envoy/generated/envoy';
import { any } from '../envoy/message';
import { httpAuthorization, tcpAuthorization, trustDomainsOf } from './authorization';
import { ChainClaims } from './chain-claims';
import { dynamicHostsTable } from './dynamic-hosts';
import { rankedServerNames } from './gateway-api-hosts';
import { boundVirtualServices, hostNamesOf, isOfGatewayApi, ownerCheck } from './gateway-hosts';
import type { GatewayPort, GatewayServer } from './gateway-servers';
import { certificateGuard, downstreamTls } from './gateway-tls';
import type { GatewayView } from './gateway-view';
import { httpConnectionManager } from './hcm';
import type { Evaluation } from './memo';
import { MESH_ALPN } from './mesh-tls';
import { BLACK_HOLE_CLUSTER } from './names';
import { tcpRoutes } from './outbound-chains';
import { rateLimitFilters } from './rate-limit';
import { appliesTo } from './route';
import { tcpToCluster, tcpToDestinations } from './tcp-proxy';
import type { ObservedSide } from './tracing';

type FilterChain = envoy.config.listener.v3.FilterChain;
type Filters = NonNullable<FilterChain['filters']>;

/** What the chains of one listener are made from. */
interface Place {
  readonly evaluation: Evaluation;
  readonly view: GatewayView;
  readonly side: ObservedSide;
  /** Of the listener. */
  readonly name: string;
  readonly claims: ChainClaims;
  /** Whether a route configuration comes in parts. */
  readonly inShards: (routeName: string) => boolean;
}

/** Filters for a part of the destinations, or for all where there are no subnets. */
interface Part {
  readonly subnets: readonly string[];
  readonly filters: Filters;
}

export function gatewayChains(
  evaluation: Evaluation,
  view: GatewayView,
  port: GatewayPort,
  name: string,
  inShards: (routeName: string) => boolean,
): FilterChain[] {
  const { namespace, viewer, labels, serviceName, unmetered, own } = view.client;
  // For Telemetry, a gateway is a client of the services behind it.
  const side: ObservedSide = { namespace, viewer, labels, serviceName, unmetered, own, mode: 'CLIENT' };
  const place: Place = { evaluation, view, side, name, claims: new ChainClaims(), inShards };
  const chainsOf = (server: GatewayServer, index: number): FilterChain[] => {
    switch (server.kind) {
      case 'https':
        return terminated(place, server, () => [{ subnets: [], filters: httpFilters(place, server) }]);
      case 'tls':
        if (isOfGatewayApi(server)) return ended(place, server, byServerName(place, server, port.servers));
        return terminated(place, server, () => tcpParts(place, server));
      case 'passthrough':
        return isOfGatewayApi(server) ? byServerName(place, server, port.servers) : passthrough(place, server);
      case 'autoPassthrough':
        return autoPassthrough(place, server);
      case 'tcp':
        return tcpParts(place, server).flatMap((part) => chainOf(place, [], part));
      case 'http':
        // All HTTP servers of the port are one chain with one route configuration.
        return index > 0 ? [] : [{ filters: httpFilters(place, server) }];
    }
  };
  return port.servers.flatMap(chainsOf);
}

function httpFilters({ evaluation, view, side, name, inShards }: Place, { routeName, server }: GatewayServer): Filters {
  return [
    httpConnectionManager(evaluation, {
      role: 'gateway',
      topology: view.topology,
      statPrefix: `outbound_${name}`,
      route: routeName!,
      inShards: inShards(routeName!),
      side,
      identified: view.client.identity !== undefined,
      guards: [
        ...httpAuthorization(evaluation, view.authorization),
        ...rateLimitFilters(evaluation, view.rateLimits, server.port.number),
      ],
      metered: { grpc: true },
      forwardProxy: evaluation.read(dynamicHostsTable, view.client.viewer),
      grpcWeb: server.port.protocol.toUpperCase() === 'GRPC-WEB',
    }),
  ];
}

/** The TCP routes of all VirtualServices for this server, oldest first, up to the one that takes every destination. */
function tcpParts(place: Place, target: GatewayServer): Part[] {
  const { evaluation, side } = place;
  const port = target.server.port.number;
  const context = { viewer: side.viewer, labels: {}, gateway: target.gatewayName, port };
  const parts: Part[] = [];
  for (const { object } of boundVirtualServices(evaluation, side.namespace, target)) {
    const owner = object.metadata.namespace ?? 'default';
    const routed = { owner, listenerPort: port, name: `${object.metadata.name}.${owner}`, names: [] };
    for (const { subnets, route } of tcpRoutes(object, (match, of) => appliesTo(match, context, of))) {
      const filters = forwarded(place, route, routed);
      if (!filters) continue;
      parts.push({ subnets, filters });
      if (subnets.length === 0) return parts;
    }
  }
  return parts;
}

function forwarded(
  { evaluation, view, side }: Place,
  route: readonly RouteDestination[],
  routed: { owner: string; listenerPort: number; name: string; names: readonly string[] },
): Filters | undefined {
  const filters = tcpToDestinations(evaluation, side, route, routed);
  return filters && [...tcpAuthorization(evaluation, view.authorization), ...filters];
}

/**
 * A server without its Secret keeps its names all the same: Envoy closes such connections, rather than hand them to a
 * server that asks for less.
 */
function terminated(place: Place, target: GatewayServer, parts: () => Part[]): FilterChain[] {
  const names = hostNamesOf(target);
  return ended(
    place,
    target,
    parts().flatMap((part) => chainOf(place, names, part)),
  );
}

/** TLS ends here before the filters see anything. */
function ended({ evaluation, view }: Place, target: GatewayServer, chains: readonly FilterChain[]): FilterChain[] {
  const alpn = target.kind === 'https' ? ['h2', 'http/1.1'] : [];
  const guard = certificateGuard(target.server.tls!);
  const mesh = evaluation.meshConfig();
  const member = { identity: view.client.identity, trustDomains: trustDomainsOf(mesh), mesh };
  return chains.map((chain) => ({
    ...chain,
    filters: [...(guard ? [guard] : []), ...(chain.filters ?? [])],
    transport_socket: downstreamTls(target.server.tls!, alpn, member),
  }));
}

/**
 * A listener of the Gateway API for TLS: a server name belongs to the listener with the closest host, and there to the
 * route that names it closest. What a listener has no route for does not go to a wider one: it is closed.
 */
function byServerName(place: Place, target: GatewayServer, servers: readonly GatewayServer[]): FilterChain[] {
  const { evaluation, side } = place;
  const isOwn = ownerCheck(servers.filter(isOfGatewayApi), target);
  const bound = boundVirtualServices(evaluation, side.namespace, target);
  const chains = rankedServerNames(bound).flatMap(({ host, object }) => {
    const { namespace: owner = 'default', name } = object.metadata;
    const route = object.spec.tls?.[0]?.route ?? object.spec.tcp?.[0]?.route ?? [];
    const routed = {
      owner,
      listenerPort: target.server.port.number,
      name: `${name}.${owner}`,
      names: host === '*' ? [] : [host],
    };
    const filters = isOwn(host) ? forwarded(place, route, routed) : undefined;
    return filters ? chainOf(place, [host], { subnets: [], filters }) : [];
  });
  const rest = servers.length > 1 ? hostNamesOf(target).filter((host) => host !== '*') : [];
  const closed = { subnets: [], filters: [tcpToCluster(evaluation, side, BLACK_HOLE_CLUSTER)] };
  return rest.length > 0 ? [...chains, ...chainOf(place, rest, closed)] : chains;
}

function passthrough(place: Place, target: GatewayServer): FilterChain[] {
  const { evaluation, side } = place;
  const port = target.server.port.number;
  return boundVirtualServices(evaluation, side.namespace, target).flatMap(({ object }) => {
    const owner = object.metadata.namespace ?? 'default';
    const context = { viewer: side.viewer, labels: {}, gateway: target.gatewayName, port };
    const routed = { owner, listenerPort: port, name: `${object.metadata.name}.${owner}` };
    return (object.spec.tls ?? []).flatMap(({ match, route = [] }) =>
      match
        .filter((each) => appliesTo(each, context, owner))
        .flatMap(({ sniHosts, destinationSubnets: subnets = [] }) => {
          const names = sniHosts.map((name) => name.toLowerCase());
          const filters = forwarded(place, route, { ...routed, names });
          return filters ? chainOf(place, names, { subnets, filters }) : [];
        }),
    );
  });
}

/**
 * To whichever service of the mesh the server name says, as it comes: both ends of the TLS are sidecars. Nothing but the
 * mesh's own TLS passes, and only to endpoints that end it.
 */
function autoPassthrough(place: Place, target: GatewayServer): FilterChain[] {
  const { evaluation, view, side } = place;
  const filters = [
    { name: SNI_CLUSTER, typed_config: any('envoy.extensions.filters.network.sni_cluster.v3.SniCluster', {}) },
    ...tcpAuthorization(evaluation, view.authorization),
    // The filter before names the cluster in its place.
    tcpToCluster(evaluation, side, BLACK_HOLE_CLUSTER),
  ];
  return chainOf(place, hostNamesOf(target), { subnets: [], filters }).map((chain) => ({
    ...chain,
    filter_chain_match: {
      ...chain.filter_chain_match,
      transport_protocol: 'tls',
      application_protocols: [...MESH_ALPN],
    },
  }));
}

const SNI_CLUSTER = 'envoy.filters.network.sni_cluster';

/** No names, and `*` among them: every connection, with TLS or without. */
function chainOf({ claims }: Place, names: readonly string[], { subnets, filters }: Part): FilterChain[] {
  return claims.claim(names.includes('*') ? [] : names, subnets).map((match) => ({
    ...(Object.keys(match).length > 0 && { filter_chain_match: match }),
    filters,
  }));
}
