/**
 * What an Envoy of the mesh knows before it has met the control plane: where that is, and the two listeners that must
 * not depend on it (readiness and metrics). Everything else comes by ADS.
 */
import { LARGEST_PROGRAM } from '../api/regular-expression';
import type { envoy } from '../envoy/generated/envoy';
import { controlPlaneService, type ProxyIdentity, provenCluster } from './identity';
import { METRICS_PAGE_BYTES, namesFilter } from './metrics-listener';
import { type ProxiedProbe, probeClusters, probeFilters, probeRoutes, probeStats } from './probes';
import { ProxyPort } from './proxy-port';
import { STANDBY_CLUSTER, STANDBY_RUNTIME, type Standby, standbyOf, standbyService, verifiedStandby } from './standby';
import { mergedInclusion, type StatsInclusion, statsMatcher } from './stats-matcher';
import { statsConfig } from './stats-tags';

type Bootstrap = envoy.config.bootstrap.v3.Bootstrap;
type Listener = envoy.config.listener.v3.Listener;
type Cluster = envoy.config.cluster.v3.Cluster;
type Address = envoy.config.core.v3.Address;
type HttpFilter = envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter;
type RouteConfiguration = envoy.config.route.v3.RouteConfiguration;

export interface BootstrapOptions {
  /** Host and port of the control plane: `malha-control-plane.malha-system.svc.cluster.local:15012`, 15010 for plaintext. */
  controlPlane: string;
  /** Where it asks while no control plane answers. Default: nowhere; without effect unless `identity` is `podCertificate`. */
  standby?: Standby;
  /** How the proxy proves who it is. Default: it does not. */
  identity?: ProxyIdentity;
  /** How traffic gets into a sidecar: by iptables (`REDIRECT`), or because it owns addresses (`NONE`). Not for gateways. */
  capture?: 'REDIRECT' | 'NONE';
  /** Statistics to keep beside the usual ones. Default: none. */
  stats?: StatsInclusion;
  /** Values for Envoy's runtime. Default: none. */
  runtime?: Readonly<Record<string, string>>;
  /** Probes of the application that the proxy answers. Default: none. */
  probes?: readonly ProxiedProbe[];
  /** The pod's address. Default `$(POD_IP)`, which the kubelet fills in. */
  podIP?: string;
}

/**
 * The bootstrap, as a message in canonical JSON. Identity comes on the command line (`--service-node`), so that one
 * text serves every replica.
 *
 * The proxy opens no port, readiness included, before its first listeners and clusters have arrived and warmed:
 * `initial_fetch_timeout: 0s` makes Envoy wait for them, and workers start after that.
 */
export function bootstrap(options: BootstrapOptions): Bootstrap {
  const podIP = options.podIP ?? '$(POD_IP)';
  const { controlPlane, identity = 'none', probes = [] } = options;
  const standby = standbyOf(options.standby, identity);
  return {
    ...(options.capture && { node: { metadata: { INTERCEPTION_MODE: options.capture } } }),
    admin: { address: tcp('127.0.0.1', ProxyPort.admin) },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        // A plain Envoy lists every extension in its node: 61 kB that nobody needs twice.
        set_node_on_first_message_only: true,
        grpc_services: [controlPlaneService, ...(standby ? [standbyService] : [])],
      },
      cds_config: { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' },
      lds_config: { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' },
    },
    // What Galley admits, Envoy has to take.
    layered_runtime: {
      layers: [
        // The later layer wins.
        ...(options.runtime ? [{ name: 'proxy-config', static_layer: { ...options.runtime } }] : []),
        {
          name: 'malha',
          static_layer: { 're2.max_program_size.error_level': LARGEST_PROGRAM, ...(standby && STANDBY_RUNTIME) },
        },
      ],
    },
    stats_config: { ...statsConfig(), stats_matcher: statsMatcher(mergedInclusion(options.stats, probeStats(probes))) },
    static_resources: {
      listeners: [readinessListener(podIP, probes), metricsListener(podIP)],
      clusters: [
        controlPlaneCluster(controlPlane, identity),
        ...(standby ? [standbyCluster(standby)] : []),
        adminCluster(),
        ...probeClusters(probes),
      ],
    },
  };
}

/** The health-check filter rather than a fixed answer: it turns to 503 when Envoy is told to drain. */
function readinessListener(podIP: string, probes: readonly ProxiedProbe[]): Listener {
  return httpListener('readiness', podIP, ProxyPort.readiness, {
    routes: { name: 'readiness', virtual_hosts: [{ name: 'readiness', domains: ['*'], routes: probeRoutes(probes) }] },
    filters: [
      {
        name: 'envoy.filters.http.health_check',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.filters.http.health_check.v3.HealthCheck',
          pass_through_mode: false,
          headers: [{ name: ':path', string_match: { exact: '/healthz/ready' } }],
        },
      },
      ...probeFilters(probes),
    ],
  });
}

/** Only this one path of the admin interface leaves the pod. */
function metricsListener(podIP: string): Listener {
  const listener = httpListener('metrics', podIP, ProxyPort.metrics, {
    routes: {
      name: 'metrics',
      virtual_hosts: [
        {
          name: 'metrics',
          domains: ['*'],
          routes: [
            {
              match: { path: '/stats/prometheus' },
              route: { cluster: 'prometheus_stats' },
              // The page is rewritten, which needs it as text.
              request_headers_to_remove: ['accept-encoding'],
            },
          ],
        },
      ],
    },
    filters: [namesFilter()],
  });
  return { ...listener, per_connection_buffer_limit_bytes: METRICS_PAGE_BYTES };
}

function httpListener(
  name: string,
  podIP: string,
  port: number,
  http: { routes: RouteConfiguration; filters: HttpFilter[] },
): Listener {
  return {
    name,
    address: tcp(podIP, port),
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: {
              '@type':
                'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
              stat_prefix: name,
              route_config: http.routes,
              http_filters: [
                ...http.filters,
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
  };
}

function controlPlaneCluster(controlPlane: string, identity: ProxyIdentity): Cluster {
  const { host } = splitHostPort(controlPlane);
  return provenCluster(xdsCluster('xds-grpc', controlPlane), identity, host);
}

function standbyCluster(standby: Standby): Cluster {
  const { host } = splitHostPort(standby.address);
  const cluster = xdsCluster(STANDBY_CLUSTER, standby.address);
  return provenCluster(cluster, 'podCertificate', host, undefined, verifiedStandby(standby));
}

function xdsCluster(name: string, hostPort: string): Cluster {
  const { host, port } = splitHostPort(hostPort);
  return {
    name,
    type: 'STRICT_DNS',
    connect_timeout: '1s',
    dns_lookup_family: 'V4_PREFERRED',
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: tcp(host, port) } }] }],
    },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: {
          // A control plane that is gone without a word (a lost node) is noticed by the missing ping.
          http2_protocol_options: { connection_keepalive: { interval: '30s', timeout: '10s' } },
        },
      },
    },
    upstream_connection_options: { tcp_keepalive: { keepalive_time: 300 } },
  };
}

function adminCluster(): Cluster {
  return {
    name: 'prometheus_stats',
    type: 'STATIC',
    connect_timeout: '0.250s',
    load_assignment: {
      cluster_name: 'prometheus_stats',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: tcp('127.0.0.1', ProxyPort.admin) } }] }],
    },
  };
}

function tcp(address: string, port: number): Address {
  return { socket_address: { address, port_value: port } };
}

function splitHostPort(text: string): { host: string; port: number } {
  const match = /^(\[[^\]]+\]|[^:]+):(\d+)$/.exec(text);
  if (!match) throw new Error(`control plane address '${text}' is not host:port, as in control-plane.example:15010`);
  return { host: match[1]!.replace(/^\[|\]$/g, ''), port: Number(match[2]) };
}
