/** The route configurations of a gateway: one for the HTTP servers of a port, one for each HTTPS server; in parts where it is large. */
import type { envoy } from '../envoy/generated/envoy';
import type { EnvoyResource } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import { compareText, covers, sameAnswer } from '../world';
import type { ClientView } from './client-view';
import { rankedHosts } from './gateway-api-hosts';
import { boundVirtualServices, hostNamesOf, isOfGatewayApi, ownerCheck } from './gateway-hosts';
import type { GatewayServer } from './gateway-servers';
import { isSharded, MOST_HOSTS_OF_ONE, SCOPE_HEADER, SHARDS, scopesOf, shardName, shardsOf } from './gateway-shards';
import { type GatewayProxy, gatewayViewOf } from './gateway-view';
import type { Evaluation, Query } from './memo';
import { introduction } from './peer';
import { routesOf } from './route';
import { matchesEverything } from './route-match';
import { MAX_DIRECT_RESPONSE_BYTES } from './sidecar-routes';

type Route = envoy.config.route.v3.Route;
type VirtualHost = envoy.config.route.v3.VirtualHost;

export function gatewayRoutes(evaluation: Evaluation, proxy: GatewayProxy): (EnvoyResource | undefined)[] {
  return routeNames(evaluation, proxy).flatMap((name) => {
    const shards = isInShards(evaluation, proxy, name) ? SHARDS : [WHOLE];
    return shards.map((shard) =>
      evaluation.derive(gatewayRouteQuery, `${proxy.key}|${name}|${shard}`, { proxy, name, shard }),
    );
  });
}

/**
 * Their scopes are there before route configurations are in parts, and stay for a while when they are no more: a listener
 * that ends still needs them.
 */
export function gatewayScopes(evaluation: Evaluation, proxy: GatewayProxy): EnvoyResource[] {
  return routeNames(evaluation, proxy).flatMap((name) =>
    evaluation.derive(scopesQuery, `${proxy.key}|${name}`, { proxy, name }),
  );
}

/** Whether the listener takes its routes from several route configurations. */
export function isInShards(evaluation: Evaluation, proxy: GatewayProxy, name: string): boolean {
  return evaluation.derive(inShardsQuery, `${proxy.key}|${name}`, { proxy, name });
}

function routeNames(evaluation: Evaluation, proxy: GatewayProxy): string[] {
  const servers = gatewayViewOf(evaluation, proxy).ports.flatMap((port) => port.servers);
  return [...new Set(servers.map(({ routeName }) => routeName).filter((name) => name !== undefined))];
}

interface RouteArgs {
  readonly proxy: GatewayProxy;
  readonly name: string;
}

interface ShardArgs extends RouteArgs {
  readonly shard: string;
}

/** In place of a shard's key: all hosts together. */
const WHOLE = '';

const hostsQuery: Query<RouteArgs, readonly VirtualHost[]> = {
  name: 'gateway virtual hosts',
  compute: (evaluation, { proxy, name }) => {
    const { client, ports } = gatewayViewOf(evaluation, proxy);
    const neighbours = ports.find((port) => port.servers.some(({ routeName }) => routeName === name))?.servers ?? [];
    const servers = ports.flatMap((port) => port.servers).filter(({ routeName }) => routeName === name);
    return virtualHosts(evaluation, client, servers, neighbours);
  },
};

function hostsOf(evaluation: Evaluation, { proxy, name }: RouteArgs): readonly VirtualHost[] {
  return evaluation.derive(hostsQuery, `${proxy.key}|${name}`, { proxy, name });
}

const inShardsQuery: Query<RouteArgs, boolean> = {
  name: 'gateway in shards',
  compute: (evaluation, args) => isSharded(hostsOf(evaluation, args)),
};

const scopesQuery: Query<RouteArgs, readonly EnvoyResource[]> = {
  name: 'gateway scopes of a route configuration',
  compute: (evaluation, args) =>
    isSharded(hostsOf(evaluation, args), MOST_HOSTS_OF_ONE / 2) ? scopesOf(evaluation, args.name) : [],
};

/** Apart from the resource: a shard whose hosts are the same is not even encoded. */
const shardQuery: Query<ShardArgs, readonly VirtualHost[]> = {
  name: 'gateway shard',
  compute: (evaluation, { shard, ...args }) => {
    const hosts = hostsOf(evaluation, args);
    return shard === WHOLE ? hosts : (shardsOf(hosts).get(shard) ?? []);
  },
};

const gatewayRouteQuery: Query<ShardArgs, EnvoyResource | undefined> = {
  name: 'gateway route',
  compute: (evaluation, { proxy, name: whole, shard }) => {
    const name = shard === WHOLE ? whole : shardName(whole, shard);
    const hosts = evaluation.derive(shardQuery, `${proxy.key}|${whole}|${shard}`, { proxy, name: whole, shard });
    return evaluation.resource(TypeUrl.route, name, () => ({
      name,
      ...(hosts.length > 0 && { virtual_hosts: [...hosts] }),
      ...(shard !== WHOLE && { request_headers_to_remove: [SCOPE_HEADER] }),
      validate_clusters: false,
      max_direct_response_body_size_bytes: MAX_DIRECT_RESPONSE_BYTES,
      ignore_port_in_host_matching: true,
    }));
  },
};

interface HostParts {
  readonly port: number;
  routes: readonly Route[];
  requireTls: boolean;
  /** The routes are in their order already. */
  isRanked: boolean;
}

/** @param neighbours all servers of the port, those with route configurations of their own among them. */
function virtualHosts(
  world: Evaluation,
  { namespace, identity, own }: Pick<ClientView, 'namespace' | 'identity' | 'own'>,
  servers: readonly GatewayServer[],
  neighbours: readonly GatewayServer[],
): VirtualHost[] {
  const hosts = new Map<string, HostParts>();
  const partsOf = (host: string, port: number) => {
    const parts = hosts.get(host) ?? { port, routes: [], requireTls: false, isRanked: false };
    hosts.set(host, parts);
    return parts;
  };
  for (const target of servers) {
    const port = target.server.port.number;
    const isTls = target.kind === 'https';
    const identified = identity !== undefined;
    const client = identified ? `${namespace} identified` : namespace;
    const gateway = target.gatewayName;
    const context = { client, viewer: namespace, labels: {}, gateway, port, isTls, identified };
    const bound = boundVirtualServices(world, namespace, target);
    if (isOfGatewayApi(target)) {
      // Listeners of the Gateway API do not share: a host belongs to the most specific one, even if that has no route for it.
      const alike = neighbours.filter((each) => each.kind === target.kind && isOfGatewayApi(each));
      for (const host of hostNamesOf(target)) if (host !== '*') partsOf(host, port);
      const isOwn = ownerCheck(alike, target);
      const own = bound.map(({ object, hosts: all }) => ({ object, hosts: all.filter(isOwn) }));
      for (const [host, routes] of rankedHosts(own, (object) => routesOf(world, object, context))) {
        const parts = partsOf(host, port);
        parts.routes = parts.routes.length > 0 ? [...parts.routes, ...routes] : routes;
        parts.isRanked = true;
      }
      if (isTls) for (const host of foreignHosts(alike, target)) partsOf(host, port).routes = [MISDIRECTED];
    } else {
      for (const { object, hosts: named } of bound) {
        const routes = routesOf(world, object, context);
        for (const host of routes.length > 0 ? named : []) {
          const parts = partsOf(host, port);
          parts.routes = [...parts.routes, ...routes];
        }
      }
    }
    if (target.kind !== 'http' || !target.server.tls?.httpsRedirect) continue;
    for (const host of hostNamesOf(target)) partsOf(host, port).requireTls = true;
  }
  if (hosts.size === 0) return [{ name: `blackhole:${servers[0]?.server.port.number}`, domains: ['*'] }];
  const previous = (world.previous as readonly VirtualHost[] | undefined) ?? [];
  const before = new Map(previous.map((host) => [host.name, host]));
  return [...hosts]
    .sort(([a], [b]) => compareText(a, b))
    .map(([host, parts]) => virtualHost(host, parts, before, own.headers.attemptCount));
}

/**
 * The one of before, where nothing about it has changed: one change among thousands of hosts then costs the encoding of
 * one (`codec.ts`), not of all.
 */
function virtualHost(
  host: string,
  parts: HostParts,
  before: ReadonlyMap<string | undefined, VirtualHost>,
  attemptCount: boolean,
): VirtualHost {
  const { port, requireTls, isRanked } = parts;
  const name = `${host}:${port}`;
  const routes = isRanked ? parts.routes : catchAllLast(parts.routes);
  const known = before.get(name);
  // All else about a host follows from its name, its routes and the proxy.
  if (known && sameAnswer(known.routes ?? [], routes) && !!known.require_tls === requireTls) return known;
  return Object.freeze({
    name,
    domains: [host],
    ...(routes.length > 0 && { routes: [...routes] }),
    ...introduction(routes),
    ...(requireTls && { require_tls: 'ALL' as const }),
    include_request_attempt_count: attemptCount,
  });
}

/** The connection is for one listener by its server name, the request for another: 421 (Listener.hostname, RFC 9110, 15.5.20). */
const MISDIRECTED: Route = { name: 'misdirected', match: { prefix: '/' }, direct_response: { status: 421 } };

/** Hosts that other listeners of the port have; with many of them, only what is carved out of the listener's own. */
function foreignHosts(servers: readonly GatewayServer[], target: GatewayServer): readonly string[] {
  const own = hostNamesOf(target);
  const foreign = [...new Set(servers.flatMap(hostNamesOf))].filter((host) => !own.includes(host));
  if (foreign.length <= MOST_FOREIGN) return foreign;
  return foreign.filter((host) => own.some((name) => covers(name, host)));
}

/** A thousand listeners that all know of each other would be a million hosts; the rest is 404 rather than 421. */
const MOST_FOREIGN = 256;

/** Several VirtualServices may share a host here; the routes for everything of one must not hide those of the next. */
function catchAllLast(routes: readonly Route[]): Route[] {
  const isCatchAll = (route: Route) => matchesEverything(route.match!);
  const distinct = [...new Set(routes)];
  return [...distinct.filter((route) => !isCatchAll(route)), ...distinct.filter(isCatchAll).slice(0, 1)];
}
