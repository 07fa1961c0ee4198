/**
 * A snapshot as a bootstrap that needs no control plane: what would come over xDS is put in its place. So Envoy judges
 * routes, endpoints and secrets as well, which it would not when they were only named.
 */
import type { envoy } from '../envoy/generated/envoy';
import type { EnvoyResource, Snapshot } from '../envoy/resource';
import { ROOT_SECRET, WORKLOAD_SECRET } from '../world';

type Cluster = envoy.config.cluster.v3.Cluster;
type Listener = envoy.config.listener.v3.Listener;
type RouteConfiguration = envoy.config.route.v3.RouteConfiguration;
type Scope = envoy.config.route.v3.ScopedRouteConfiguration;
type HttpFilter = envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter;
type TypedExtensionConfig = envoy.config.core.v3.TypedExtensionConfig;
type ScopedRoutes = envoy.extensions.filters.network.http_connection_manager.v3.ScopedRoutes;

export function staticBootstrap(snapshot: Snapshot, adminPort = 0): envoy.config.bootstrap.v3.Bootstrap {
  return {
    node: { id: 'static', cluster: 'static' },
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: adminPort } } },
    static_resources: {
      clusters: snapshot.clusters.map(({ message }) =>
        withEndpoints(withOwnSecrets(message) as Cluster, snapshot.endpoints),
      ),
      listeners: snapshot.listeners.map(({ message }) => inline(message, snapshot) as Listener),
      secrets: snapshot.secrets.map(({ message }) => message),
    },
  };
}

function withEndpoints(cluster: Cluster, endpoints: readonly EnvoyResource[]): Cluster {
  if (cluster.type !== 'EDS') return cluster;
  const { eds_cluster_config: eds, type: _, ...rest } = cluster;
  const assignment = endpoints.find(({ name }) => name === eds?.service_name);
  if (!assignment) throw new Error(`no endpoints for ${cluster.name}`);
  return { ...rest, type: 'STATIC', load_assignment: assignment.message as Cluster['load_assignment'] };
}

/** The workload's own secrets are looked for in the bootstrap: there are no files of a kubelet here. */
function withOwnSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withOwnSecrets);
  if (typeof value !== 'object' || value === null) return value;
  const { name } = value as { name?: unknown };
  const isOwn = name === WORKLOAD_SECRET || name === ROOT_SECRET;
  const entries = Object.entries(value).filter(([key]) => !(isOwn && key === 'sds_config'));
  return Object.fromEntries(entries.map(([key, field]) => [key, withOwnSecrets(field)]));
}

/** Replaces `rds` by the routes themselves and `config_discovery` by the configuration, and lets `sds_config` refer to the secrets of the bootstrap. */
function inline(value: unknown, snapshot: Snapshot): unknown {
  if (Array.isArray(value)) return value.map((element) => inline(element, snapshot));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).flatMap(([key, field]): [string, unknown][] => {
    if (key === 'sds_config') return [];
    if (key === 'config_discovery') return [['typed_config', configurationOf(value as HttpFilter, snapshot)]];
    if (key === 'scoped_routes') return [[key, withScopes(field as ScopedRoutes, snapshot)]];
    if (key !== 'rds') return [[key, inline(field, snapshot)]];
    const { route_config_name: name } = field as { route_config_name: string };
    return [['route_config', routesNamed(snapshot, name)]];
  });
  return Object.fromEntries(entries);
}

/** What would come on its own; where that is not there, what stands in for it. */
function configurationOf({ name, config_discovery }: HttpFilter, { extensions = [] }: Snapshot): unknown {
  const found = extensions.find((each) => each.name === name)?.message as TypedExtensionConfig | undefined;
  return found?.typed_config ?? config_discovery?.default_config;
}

function withScopes(
  { name, scope_key_builder }: ScopedRoutes,
  { scopes, routes }: Pick<Snapshot, 'scopes' | 'routes'>,
): ScopedRoutes {
  const scoped_route_configurations = scopes.flatMap(({ message }) => {
    const { route_configuration_name: route = '', ...scope } = message as Scope;
    // Some are there a little longer than their routes.
    if (!routes.some((each) => each.name === route)) return [];
    return [{ ...scope, route_configuration: routesNamed({ routes }, route) }];
  });
  return { name, scope_key_builder, scoped_route_configurations_list: { scoped_route_configurations } };
}

function routesNamed({ routes }: Pick<Snapshot, 'routes'>, name: string): RouteConfiguration {
  const route = routes.find((each) => each.name === name);
  if (!route) throw new Error(`no route ${name}`);
  return route.message;
}
