/** The route configurations of a sidecar's outbound listeners: one per HTTP port, and one of the HTTP proxy. */
import type { MeshConfig } from '../api';
import type { envoy } from '../envoy/generated/envoy';
import type { EnvoyResource } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import { compareText, MESH_GATEWAY, resolveHost } from '../world';
import type { ClientView } from './client-view';
import type { Evaluation, Query } from './memo';
import { HTTP_PROXY_ROUTE, PASSTHROUGH_CLUSTER } from './names';
import { httpPortsTable, httpServicesTable } from './outbound-tables';
import { routesOf } from './route';
import { timeouts } from './route-action';
import { meshContext, serviceVirtualHost, type VirtualHost, withUniqueDomains } from './virtual-host';

type RouteConfiguration = envoy.config.route.v3.RouteConfiguration;

/** The route of one HTTP port, named by it. */
export function portRoute(evaluation: Evaluation, view: ClientView, port: number): EnvoyResource | undefined {
  return evaluation.derive(portRouteQuery, `${view.key}|${port}`, { view, port });
}

const portRouteQuery: Query<{ view: ClientView; port: number }, EnvoyResource | undefined> = {
  name: 'port route',
  compute: (evaluation, { view, port }) =>
    evaluation.resource(TypeUrl.route, String(port), () =>
      configuration(String(port), evaluation.meshConfig(), hostsOf(evaluation, view, port, false), true),
    ),
};

/** The route of the HTTP proxy: all ports, by the authority alone. */
export function httpProxyRoute(evaluation: Evaluation, view: ClientView): EnvoyResource | undefined {
  return evaluation.derive(httpProxyRouteQuery, view.key, view);
}

const httpProxyRouteQuery: Query<ClientView, EnvoyResource | undefined> = {
  name: 'http proxy route',
  compute: (evaluation, view) =>
    evaluation.resource(TypeUrl.route, HTTP_PROXY_ROUTE, () => {
      const ports = evaluation.read(httpPortsTable, view.namespace);
      const hosts = ports.flatMap((port) => hostsOf(evaluation, view, port, true));
      return configuration(HTTP_PROXY_ROUTE, evaluation.meshConfig(), hosts, false);
    }),
};

function hostsOf(evaluation: Evaluation, view: ClientView, port: number, withPort: boolean): VirtualHost[] {
  const services = evaluation.read(httpServicesTable, `${view.namespace}|${port}`);
  const hosts = services
    .map(({ hostname }) => serviceVirtualHost(evaluation, { view, hostname, port, withPort }))
    .filter((host) => host !== undefined);
  return port === 80 ? [...hosts, ...foreignHosts(evaluation, view)] : hosts;
}

/** Hosts of VirtualServices that no service answers to: on port 80 they are routed all the same. */
function foreignHosts(world: Evaluation, view: ClientView): VirtualHost[] {
  const known = world.visibleServices(view.namespace);
  return world.virtualServices(view.namespace, MESH_GATEWAY).flatMap((object) =>
    [...new Set((object.spec.hosts ?? []).map((host) => resolveHost(host, object.metadata.namespace ?? 'default')))]
      .filter((host) => !known.some(({ hostname }) => hostname === host || isBelow(hostname, host)))
      .filter((host) => world.virtualServiceFor(view.namespace, host) === object)
      .flatMap((host) => {
        const routes = [...routesOf(world, object, meshContext(view, 80))];
        return routes.length > 0
          ? [{ name: `${host}:80`, domains: [host], routes, include_request_attempt_count: true }]
          : [];
      }),
  );
}

/** The wildcard `host` stands for a service, which then carries its routes. */
function isBelow(hostname: string, host: string): boolean {
  return host.startsWith('*') && hostname.endsWith(host.slice(1));
}

function configuration(
  name: string,
  mesh: MeshConfig,
  hosts: readonly VirtualHost[],
  ignorePort: boolean,
): RouteConfiguration {
  const sorted = withUniqueDomains([...hosts].sort((a, b) => compareText(a.name ?? '', b.name ?? '')));
  const isTaken = sorted.some(({ domains }) => domains?.includes('*'));
  return {
    name,
    virtual_hosts: isTaken ? sorted : [...sorted, catchAll(mesh)],
    validate_clusters: false,
    max_direct_response_body_size_bytes: MAX_DIRECT_RESPONSE_BYTES,
    ...(ignorePort && { ignore_port_in_host_matching: true }),
  };
}

/** The API allows bodies of 1 MB, Envoy's default is 4 kB. */
export const MAX_DIRECT_RESPONSE_BYTES = 1_048_576;

/** What happens to requests for hosts that nobody knows. */
function catchAll(mesh: MeshConfig): VirtualHost {
  const name = isRegistryOnly(mesh) ? 'block_all' : 'allow_any';
  return {
    name,
    domains: ['*'],
    routes: [
      {
        name,
        match: { prefix: '/' },
        ...(isRegistryOnly(mesh)
          ? { direct_response: { status: 502 } }
          : { route: { cluster: PASSTHROUGH_CLUSTER, ...timeouts(undefined) } }),
      },
    ],
    include_request_attempt_count: true,
  };
}

/** Only destinations of the registry can be reached. */
export function isRegistryOnly(mesh: MeshConfig): boolean {
  return mesh.outboundTrafficPolicy?.mode === 'REGISTRY_ONLY';
}
