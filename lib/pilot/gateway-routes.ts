/** The route configurations of a gateway: one for the HTTP servers of a port, one for each HTTPS server. */
import type { envoy } from '../envoy/generated/envoy';
import type { EnvoyResource } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import { bySpecificity, compareText, covers, sourceOf } from '../world';
import { boundVirtualServices, hostNamesOf } from './gateway-hosts';
import type { GatewayServer } from './gateway-servers';
import { type GatewayProxy, gatewayViewOf } from './gateway-view';
import type { Evaluation, Query } from './memo';
import { introduction } from './peer';
import { routesOf } from './route';
import { matchesEverything } from './route-match';
import { byPrecedence } from './route-precedence';
import { MAX_DIRECT_RESPONSE_BYTES } from './sidecar-routes';

type Route = envoy.config.route.v3.Route;
type VirtualHost = envoy.config.route.v3.VirtualHost;

export function gatewayRoutes(evaluation: Evaluation, proxy: GatewayProxy): (EnvoyResource | undefined)[] {
  const servers = gatewayViewOf(evaluation, proxy).ports.flatMap((port) => port.servers);
  const names = new Set(servers.map(({ routeName }) => routeName).filter((name) => name !== undefined));
  return [...names].map((name) => evaluation.derive(gatewayRouteQuery, `${proxy.key}|${name}`, { proxy, name }));
}

const gatewayRouteQuery: Query<{ proxy: GatewayProxy; name: string }, EnvoyResource | undefined> = {
  name: 'gateway route',
  compute: (evaluation, { proxy, name }) => {
    const { namespace, ports } = gatewayViewOf(evaluation, proxy);
    const servers = ports.flatMap((port) => port.servers).filter(({ routeName }) => routeName === name);
    return evaluation.resource(TypeUrl.route, name, () => ({
      name,
      virtual_hosts: virtualHosts(evaluation, namespace, servers),
      validate_clusters: false,
      max_direct_response_body_size_bytes: MAX_DIRECT_RESPONSE_BYTES,
      ignore_port_in_host_matching: true,
    }));
  },
};

interface HostParts {
  readonly port: number;
  readonly routes: Route[];
  requireTls: boolean;
  /** The most specific route is taken, not the first. */
  isRanked: boolean;
}

function virtualHosts(world: Evaluation, namespace: string, servers: readonly GatewayServer[]): VirtualHost[] {
  const hosts = new Map<string, HostParts>();
  const partsOf = (host: string, port: number) => {
    const parts = hosts.get(host) ?? { port, routes: [], requireTls: false, isRanked: false };
    hosts.set(host, parts);
    return parts;
  };
  for (const target of servers) {
    const port = target.server.port.number;
    // Listeners of the Gateway API do not share: a host belongs to the most specific one, even if that has no route for it.
    const isIsolated = sourceOf(target.gateway) !== undefined && target.kind === 'http';
    if (isIsolated) for (const host of hostNamesOf(target)) if (host !== '*') partsOf(host, port);
    for (const { object, hosts: all } of boundVirtualServices(world, namespace, target)) {
      const bound = isIsolated ? all.filter((host) => narrowest(servers, host) === target) : all;
      const isTls = target.kind === 'https';
      const context = { client: namespace, viewer: namespace, labels: {}, gateway: target.gatewayName, port, isTls };
      const routes = routesOf(world, object, context);
      for (const host of routes.length > 0 ? bound : []) {
        const parts = partsOf(host, port);
        for (const route of routes) parts.routes.push(route);
        if (sourceOf(object)) parts.isRanked = true;
      }
    }
    if (target.kind !== 'http' || !target.server.tls?.httpsRedirect) continue;
    for (const host of hostNamesOf(target)) partsOf(host, port).requireTls = true;
  }
  if (hosts.size === 0) return [{ name: `blackhole:${servers[0]?.server.port.number}`, domains: ['*'] }];
  return [...hosts]
    .sort(([a], [b]) => compareText(a, b))
    .map(([host, { port, routes, requireTls, isRanked }]) => ({
      name: `${host}:${port}`,
      domains: [host],
      ...(routes.length > 0 && { routes: isRanked ? byPrecedence(routes) : catchAllLast(routes) }),
      ...introduction(routes),
      ...(requireTls && { require_tls: 'ALL' as const }),
      include_request_attempt_count: true,
    }));
}

/** Of several servers, the one whose own host is closest to `host`. */
function narrowest(servers: readonly GatewayServer[], host: string): GatewayServer | undefined {
  const candidates = servers.flatMap((server) =>
    hostNamesOf(server).flatMap((name) => (covers(name, host) ? [{ server, name }] : [])),
  );
  return candidates.sort((a, b) => bySpecificity(a.name, b.name))[0]?.server;
}

/** Several VirtualServices may share a host here; the routes for everything of one must not hide those of the next. */
function catchAllLast(routes: readonly Route[]): Route[] {
  const isCatchAll = (route: Route) => matchesEverything(route.match!);
  const distinct = [...new Set(routes)];
  return [...distinct.filter((route) => !isCatchAll(route)), ...distinct.filter(isCatchAll).slice(0, 1)];
}
