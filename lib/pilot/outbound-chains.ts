/** Filter chains of an outbound listener for ports that are not HTTP: by server name, or whatever comes. */
import type { L4MatchAttributes, RouteDestination, VirtualService } from '../api';
import type { envoy } from '../envoy/generated/envoy';
import { isTls, MESH_GATEWAY, type Service, type ServicePort, type WorldView } from '../world';
import { ChainClaims } from './chain-claims';
import type { ClientView } from './client-view';
import { destinationAt } from './destinations';
import { WILDCARD_ADDRESS } from './names';
import { isDynamic } from './outbound-target';
import { appliesTo } from './route';
import { tcpToDestinations, tcpToService } from './tcp-proxy';
import type { ObservedSide } from './tracing';

type FilterChain = envoy.config.listener.v3.FilterChain;
type Filters = envoy.config.listener.v3.Filter[];

export interface OpaqueChains {
  /** Chosen by the server name or the destination's block of addresses; no two take the same. */
  readonly chosen: FilterChain[];
  /** For everything else. */
  readonly otherwise?: FilterChain;
}

/**
 * @param services those at `address` and `port`, by host name. At the wildcard address, server names and blocks of
 *   addresses tell them apart; what cannot be told apart goes to the first.
 */
export function opaqueChains(
  world: WorldView,
  view: ClientView,
  side: ObservedSide,
  { services, address, port }: { services: readonly Service[]; address: string; port: number },
): OpaqueChains {
  const chosen: FilterChain[] = [];
  const claims = new ChainClaims();
  let otherwise: FilterChain | undefined;
  const add = (names: readonly string[], blocks: readonly string[], filters: Filters) => {
    for (const match of claims.claim(names, blocks)) chosen.push({ filter_chain_match: match, filters });
  };
  for (const service of services) {
    const servicePort = service.ports.find(({ number }) => number === port)!;
    const objects = world.virtualServicesFor(view.viewer, service.hostname);
    const blocks = address === WILDCARD_ADDRESS ? service.addresses.filter((each) => each.includes('/')) : [];
    // Its own addresses say nothing of which of its hosts is meant.
    const isByName = address === WILDCARD_ADDRESS || isDynamic(service);
    const names = isByName && isTls(servicePort.protocol) && service.hostname !== '*' ? [service.hostname] : [];
    if (isDynamic(service) && names.length === 0) continue;
    const byName = objects.flatMap((object) => tlsRoutes(world, view, side, object, port));
    for (const { names: asked, subnets, filters } of byName) {
      add(asked, subnets.length > 0 ? subnets : blocks, filters);
    }
    const { bySubnet, filters } = forService(world, view, side, objects, service, servicePort, names);
    for (const { subnets, filters: chosenBySubnet } of bySubnet) add([], subnets, chosenBySubnet);
    if (names.length > 0 || blocks.length > 0) add(names, blocks, filters);
    else otherwise ??= { filters };
  }
  return { chosen, otherwise };
}

function contextOf(view: ClientView, port: number) {
  return { viewer: view.viewer, labels: view.labels, gateway: MESH_GATEWAY, port };
}

function tlsRoutes(world: WorldView, view: ClientView, side: ObservedSide, object: VirtualService, port: number) {
  const owner = object.metadata.namespace ?? 'default';
  return (object.spec.tls ?? []).flatMap(({ match, route = [] }) =>
    match
      .filter((each) => appliesTo(each, contextOf(view, port), owner))
      .flatMap(({ sniHosts, destinationSubnets: subnets = [] }) => {
        const place = { owner, listenerPort: port, name: nameOf(object), names: sniHosts };
        const filters = tcpToDestinations(world, side, route, place);
        return filters ? [{ names: sniHosts, subnets, filters }] : [];
      }),
  );
}

interface ServiceFilters {
  /** Of TCP routes that are for some destinations only. */
  readonly bySubnet: readonly { subnets: readonly string[]; filters: Filters }[];
  readonly filters: Filters;
}

function forService(
  world: WorldView,
  view: ClientView,
  side: ObservedSide,
  objects: readonly VirtualService[],
  { hostname }: Service,
  { number: port }: ServicePort,
  names: readonly string[],
): ServiceFilters {
  const ruled = objects.flatMap((object) => {
    const routes = tcpRoutes(object, (match, owner) => appliesTo(match, contextOf(view, port), owner));
    return routes.flatMap(({ subnets, route }) => {
      const place = { owner: object.metadata.namespace ?? 'default', listenerPort: port, name: nameOf(object), names };
      const filters = tcpToDestinations(world, side, route, place);
      return filters ? [{ subnets, filters }] : [];
    });
  });
  return {
    bySubnet: ruled.filter(({ subnets }) => subnets.length > 0),
    filters:
      ruled.find(({ subnets }) => subnets.length === 0)?.filters ??
      tcpToService(world, side, destinationAt(world, view.viewer, hostname, port), names),
  };
}

export interface AppliedTcpRoute {
  /** The destinations that it is for; empty for all. */
  readonly subnets: readonly string[];
  readonly route: readonly RouteDestination[];
}

/** The TCP routes with a match that applies, in order, up to the first that takes every destination. */
export function tcpRoutes(
  object: VirtualService,
  applies: (match: L4MatchAttributes | undefined, owner: string) => boolean,
): AppliedTcpRoute[] {
  const owner = object.metadata.namespace ?? 'default';
  const applied = (object.spec.tcp ?? []).flatMap(({ match, route = [] }) => {
    const matches: (L4MatchAttributes | undefined)[] = match?.length ? match : [undefined];
    return matches
      .filter((each) => applies(each, owner))
      .map((each) => ({ subnets: each?.destinationSubnets ?? [], route }));
  });
  const last = applied.findIndex(({ subnets }) => subnets.length === 0);
  return last < 0 ? applied : applied.slice(0, last + 1);
}

/** For statistics: `name.namespace`. */
function nameOf({ metadata }: VirtualService): string {
  return `${metadata.name}.${metadata.namespace ?? 'default'}`;
}
