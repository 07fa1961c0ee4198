/** Small resources for the tests of this room. */
import { EnvoyResource, type Snapshot } from '../../lib/envoy/resource';
import { TypeUrl } from '../../lib/envoy/type-url';

const ADS = { eds_config: { ads: {}, resource_api_version: 'V3' } };

/** `version` makes a cluster that differs in content. */
export const cluster = (name: string, version = 1) =>
  new EnvoyResource(TypeUrl.cluster, name, {
    name,
    type: 'EDS',
    eds_cluster_config: ADS,
    connect_timeout: `${version}s`,
  });

export const endpoints = (name: string, port = 80) =>
  new EnvoyResource(TypeUrl.endpoint, name, {
    cluster_name: name,
    endpoints: [
      { lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } }] },
    ],
  });

export const route = (name: string, cluster: string) =>
  new EnvoyResource(TypeUrl.route, name, {
    name,
    virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster } }] }],
  });

export const listener = (name: string, port: number, routeName: string) =>
  new EnvoyResource(TypeUrl.listener, name, {
    name,
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: {
              '@type':
                'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
              stat_prefix: name,
              rds: { config_source: { ads: {}, resource_api_version: 'V3' }, route_config_name: routeName },
              http_filters: [
                {
                  name: 'envoy.filters.http.router',
                  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
                },
              ],
            },
          },
        ],
      },
    ],
  });

export const snapshotOf = (parts: Partial<Snapshot>): Snapshot => ({
  clusters: [],
  endpoints: [],
  listeners: [],
  routes: [],
  scopes: [],
  secrets: [],
  ...parts,
});

export const byName = (...resources: EnvoyResource[]) => new Map(resources.map((each) => [each.name, each]));
