/** The route configurations of a sidecar's outbound listeners: one per HTTP port, and one of the HTTP proxy. */
import type { envoy } from '../envoy/generated/envoy';
import type { EnvoyResource } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import {
  compareText,
  isHttp,
  keyOf,
  MESH_GATEWAY,
  protocolNamed,
  resolveHost,
  type Service,
  type Viewer,
} from '../world';
import type { ClientView } from './client-view';
import { anyHostRules } from './dynamic-hosts';
import {
  type EgressView,
  hasOwnAddress,
  httpServicesAt,
  isClaimed,
  isOwnListener,
  routeNameOf,
  servesAllPorts,
} from './egress';
import type { Evaluation, Query } from './memo';
import { DYNAMIC_DNS_CLUSTER, HTTP_PROXY_ROUTE, PASSTHROUGH_CLUSTER, sniffedRouteName } from './names';
import { httpPortsTable, httpServicesTable, sniffedPortsTable, sniffedServicesTable } from './outbound-tables';
import { introduction } from './peer';
import { routesOf } from './route';
import { timeouts } from './route-action';
import { meshContext, serviceVirtualHost, type VirtualHost, withUniqueDomains } from './virtual-host';

type RouteConfiguration = envoy.config.route.v3.RouteConfiguration;

/** The routes of all HTTP ports of a sidecar, each named by its port. */
export function portRoutes(evaluation: Evaluation, view: ClientView): (EnvoyResource | undefined)[] {
  return view.egress.flatMap((listener, index) => {
    const ports = portsOf(evaluation, view, listener);
    return ports.map((port) => evaluation.derive(portRouteQuery, keyOf(view.key, index, port), { view, index, port }));
  });
}

/** The routes of services at their own addresses where HTTP is found and not declared. */
export function sniffedRoutes(evaluation: Evaluation, view: ClientView): (EnvoyResource | undefined)[] {
  return view.egress.flatMap((listener) => {
    if (hasOwnAddress(listener) || listener.bindToPort) return [];
    const ports = evaluation.read(sniffedPortsTable, listener.viewer);
    return ports
      .filter((port) => !isClaimed(view, listener, port))
      .flatMap((port) =>
        evaluation
          .read(sniffedServicesTable, keyOf(listener.viewer, port))
          .map(({ hostname }) =>
            evaluation.derive(sniffedRouteQuery, keyOf(view.key, hostname, port), { view, hostname, port }),
          ),
      );
  });
}

const sniffedRouteQuery: Query<{ view: ClientView; hostname: string; port: number }, EnvoyResource | undefined> = {
  name: 'sniffed route',
  compute: (evaluation, { view, hostname, port }) => {
    const host = serviceVirtualHost(evaluation, { view, hostname, port, withPort: false });
    if (!host) return undefined;
    const name = sniffedRouteName(hostname, port);
    // The address has said which service is meant, whatever the authority says.
    const hosts = [{ ...host, domains: ['*'] }];
    return evaluation.resource(TypeUrl.route, name, () => configuration(name, view, hosts, false));
  },
};

function portsOf(evaluation: Evaluation, view: ClientView, listener: EgressView): readonly number[] {
  if (isOwnListener(listener)) return [listener.port];
  if (listener.bindToPort && !listener.bind) return [];
  return evaluation.read(httpPortsTable, listener.viewer).filter((port) => !isClaimed(view, listener, port));
}

const portRouteQuery: Query<{ view: ClientView; index: number; port: number }, EnvoyResource | undefined> = {
  name: 'port route',
  compute: (evaluation, { view, index, port }) => {
    const listener = view.egress[index]!;
    const all = servesAllPorts(listener);
    const hosts = all ? hostsOfAllPorts(evaluation, view, listener.viewer) : hostsOf(evaluation, view, listener, port);
    // Only a place that services or a proxy make for HTTP has routes.
    if (isOwnListener(listener) && !all && hosts.length === 0 && !isHttp(protocolNamed(listener.protocol))) {
      return undefined;
    }
    const name = routeNameOf(listener, port);
    return evaluation.resource(TypeUrl.route, name, () => configuration(name, view, hosts, !all));
  },
};

/** The route of the HTTP proxy: all ports, by the authority alone. */
export function httpProxyRoute(evaluation: Evaluation, view: ClientView): EnvoyResource | undefined {
  return evaluation.derive(httpProxyRouteQuery, view.key, view);
}

const httpProxyRouteQuery: Query<ClientView, EnvoyResource | undefined> = {
  name: 'http proxy route',
  compute: (evaluation, view) =>
    evaluation.resource(TypeUrl.route, HTTP_PROXY_ROUTE, () =>
      configuration(HTTP_PROXY_ROUTE, view, hostsOfAllPorts(evaluation, view, view.viewer), false),
    ),
};

function hostsOfAllPorts(evaluation: Evaluation, view: ClientView, viewer: Viewer): VirtualHost[] {
  const ports = new Set([...evaluation.read(httpPortsTable, viewer), ...evaluation.read(sniffedPortsTable, viewer)]);
  return [...ports]
    .sort((a, b) => a - b)
    .flatMap((port) => {
      const services = [httpServicesTable, sniffedServicesTable].flatMap((table) =>
        evaluation.read(table, keyOf(viewer, port)),
      );
      return virtualHosts(evaluation, view, viewer, services, port, true);
    });
}

function hostsOf(evaluation: Evaluation, view: ClientView, listener: EgressView, port: number): VirtualHost[] {
  const services = httpServicesAt(evaluation, listener, port);
  return virtualHosts(evaluation, view, listener.viewer, services, port, false);
}

function virtualHosts(
  evaluation: Evaluation,
  view: ClientView,
  viewer: Viewer,
  services: readonly Service[],
  port: number,
  withPort: boolean,
): VirtualHost[] {
  const hosts = services
    .map(({ hostname }) => serviceVirtualHost(evaluation, { view, hostname, port, withPort }))
    .filter((host) => host !== undefined);
  return port === 80 ? [...hosts, ...foreignHosts(evaluation, view, viewer)] : hosts;
}

/** Hosts of VirtualServices that no service answers to: on port 80 they are routed all the same. */
function foreignHosts(world: Evaluation, view: ClientView, viewer: Viewer): VirtualHost[] {
  const known = new Set(world.visibleServices(viewer).map(({ hostname }) => hostname));
  return world.virtualServices(viewer, MESH_GATEWAY).flatMap((object) =>
    [...new Set((object.spec.hosts ?? []).map((host) => resolveHost(host, object.metadata.namespace ?? 'default')))]
      .filter((host) => !known.has(host) && !hasBelow(known, host))
      .filter((host) => world.virtualServiceFor(viewer, host) === object)
      .flatMap((host) => {
        const routes = [...routesOf(world, object, meshContext(view, 80))];
        return routes.length > 0
          ? [
              {
                name: `${host}:80`,
                domains: [host],
                routes,
                ...introduction(routes),
                include_request_attempt_count: view.own.headers.attemptCount,
              },
            ]
          : [];
      }),
  );
}

/** The wildcard `host` stands for a service, which then carries its routes. */
function hasBelow(hostnames: Iterable<string>, host: string): boolean {
  if (!host.startsWith('*')) return false;
  for (const hostname of hostnames) if (hostname.endsWith(host.slice(1))) return true;
  return false;
}

function configuration(
  name: string,
  view: ClientView,
  hosts: readonly VirtualHost[],
  ignorePort: boolean,
): RouteConfiguration {
  const sorted = withUniqueDomains([...hosts].sort((a, b) => compareText(a.name ?? '', b.name ?? '')));
  const isTaken = sorted.some(({ domains }) => domains?.includes('*'));
  return {
    name,
    virtual_hosts: isTaken ? sorted : [...sorted, catchAll(view)],
    validate_clusters: false,
    max_direct_response_body_size_bytes: MAX_DIRECT_RESPONSE_BYTES,
    ...(ignorePort && { ignore_port_in_host_matching: true }),
  };
}

/** The API allows bodies of 1 MB, Envoy's default is 4 kB. */
export const MAX_DIRECT_RESPONSE_BYTES = 1_048_576;

/** What happens to requests for hosts that nobody knows. */
export function catchAll({ elsewhere, own }: Pick<ClientView, 'elsewhere' | 'own'>): VirtualHost {
  const { isRegistryOnly, resolvesNames, egressProxy } = elsewhere;
  const name = isRegistryOnly ? 'block_all' : 'allow_any';
  return {
    name,
    domains: ['*'],
    routes: [
      {
        name,
        match: { prefix: '/' },
        ...(isRegistryOnly
          ? { direct_response: { status: 502 } }
          : {
              route: {
                cluster: resolvesNames ? DYNAMIC_DNS_CLUSTER : egressProxy || PASSTHROUGH_CLUSTER,
                ...timeouts(undefined),
              },
            }),
        ...(resolvesNames && { typed_per_filter_config: anyHostRules() }),
      },
    ],
    include_request_attempt_count: own.headers.attemptCount,
  };
}
