/**
 * The kubelet has no certificate, so the probes of an application that takes mutual TLS alone go to its proxy, on the port of the
 * proxy's own readiness. There they are static, and nothing else of the application can be reached by them.
 *
 * An HTTP probe is passed on, to this one path. A TCP or gRPC probe becomes an HTTP probe that is answered by what Envoy's own
 * health check of the application finds: a plain accept would be the proxy's word for an application that may be dead.
 * https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
 */
import type { Container } from '../api/kubernetes';
import type { envoy } from '../envoy/generated/envoy';
import { ProxyPort } from './proxy-port';
import type { StatsInclusion } from './stats-matcher';

type Cluster = envoy.config.cluster.v3.Cluster;
type Route = envoy.config.route.v3.Route;
type HttpFilter = envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter;

interface HttpGet {
  readonly path?: string;
  readonly port: number | string;
  readonly host?: string;
  readonly scheme?: string;
  readonly httpHeaders?: readonly object[];
}

/** https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.34/#probe-v1-core */
interface Probe {
  readonly httpGet?: HttpGet;
  readonly tcpSocket?: { readonly port: number | string; readonly host?: string };
  readonly grpc?: { readonly port: number; readonly service?: string };
  readonly exec?: object;
  readonly periodSeconds?: number;
  readonly timeoutSeconds?: number;
}

/** A probe as the proxy answers it. */
export interface ProxiedProbe {
  /** Where the kubelet asks: `/app-health/main/readyz`. */
  readonly path: string;
  /** Of the application. */
  readonly port: number;
  readonly of:
    | { readonly kind: 'http'; readonly path: string; readonly isTls: boolean }
    | {
        readonly kind: 'tcp' | 'grpc';
        readonly service?: string;
        readonly periodSeconds: number;
        readonly timeoutSeconds: number;
      };
}

const KINDS = { readinessProbe: 'readyz', livenessProbe: 'livez', startupProbe: 'startupz' } as const;

/** The containers with probes that go to the proxy, and what the proxy has to know for them. A probe of another host stays. */
export function proxiedProbes(containers: readonly Container[]): { containers: Container[]; probes: ProxiedProbe[] } {
  const probes: ProxiedProbe[] = [];
  const changed = containers.map((container) => {
    const replaced = Object.entries(KINDS).flatMap(([field, name]) => {
      const probe = container[field] as Probe | undefined;
      const proxied = probe && proxiedProbe(probe, container, `/app-health/${container.name}/${name}`);
      if (!proxied) return [];
      probes.push(proxied);
      return [[field, askedOfProxy(probe, proxied.path)] as const];
    });
    return replaced.length > 0 ? { ...container, ...Object.fromEntries(replaced) } : container;
  });
  return { containers: changed, probes };
}

function proxiedProbe(probe: Probe, container: Container, path: string): ProxiedProbe | undefined {
  const { httpGet, tcpSocket, grpc, periodSeconds = 10, timeoutSeconds = 1 } = probe;
  const given = httpGet ?? tcpSocket ?? grpc;
  if (!given || ('host' in given && given.host)) return undefined;
  const port = portOf(given.port, container);
  if (port === undefined) return undefined;
  if (httpGet) {
    const isTls = httpGet.scheme?.toUpperCase() === 'HTTPS';
    return { path, port, of: { kind: 'http', path: withSlash(httpGet.path ?? '/'), isTls } };
  }
  const kind = tcpSocket ? 'tcp' : 'grpc';
  return { path, port, of: { kind, periodSeconds, timeoutSeconds, ...(grpc?.service && { service: grpc.service }) } };
}

const withSlash = (path: string) => (path.startsWith('/') ? path : `/${path}`);

/** A name that the container does not declare is the kubelet's to complain about. */
function portOf(port: number | string, { ports = [] }: Container): number | undefined {
  if (typeof port === 'number') return port;
  return /^\d+$/.test(port) ? Number(port) : ports.find(({ name }) => name === port)?.containerPort;
}

function askedOfProxy({ httpGet, tcpSocket: _tcp, grpc: _grpc, ...rest }: Probe, path: string): Probe {
  const headers = httpGet?.httpHeaders && { httpHeaders: httpGet.httpHeaders };
  return { ...rest, httpGet: { path, port: ProxyPort.readiness, ...headers } };
}

const clusterName = ({ port, of }: ProxiedProbe) =>
  `probe|${of.kind === 'http' ? (of.isTls ? 'https' : 'http') : [of.kind, of.service ?? ''].join('|')}|${port}`;

/** Routes of the readiness listener. */
export function probeRoutes(probes: readonly ProxiedProbe[]): Route[] {
  return probes.flatMap((probe) =>
    probe.of.kind === 'http'
      ? [
          {
            match: { path: probe.path },
            // How long it may take is the kubelet's to say.
            route: { cluster: clusterName(probe), prefix_rewrite: probe.of.path, timeout: '0s' },
          },
        ]
      : [],
  );
}

/** Filters of the readiness listener. */
export function probeFilters(probes: readonly ProxiedProbe[]): HttpFilter[] {
  return probes
    .filter(({ of }) => of.kind !== 'http')
    .map((probe) => ({
      name: 'envoy.filters.http.health_check',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.filters.http.health_check.v3.HealthCheck',
        pass_through_mode: false,
        cluster_min_healthy_percentages: { [clusterName(probe)]: { value: 100 } },
        headers: [{ name: ':path', string_match: { exact: probe.path } }],
      },
    }));
}

/** Envoy's filter looks at statistics to know how many endpoints are healthy: without them, none is. */
export function probeStats(probes: readonly ProxiedProbe[]): StatsInclusion {
  const isChecked = probes.some(({ of }) => of.kind !== 'http');
  return { regexps: isChecked ? ['cluster\\.probe\\|(tcp|grpc)\\|.*\\.membership_(total|healthy|degraded)'] : [] };
}

/** One for each port and way of asking. */
export function probeClusters(probes: readonly ProxiedProbe[]): Cluster[] {
  const unique = new Map(probes.map((probe) => [clusterName(probe), probe]));
  return [...unique].map(([name, probe]) => ({
    name,
    type: 'STATIC' as const,
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: name,
      endpoints: [
        {
          lb_endpoints: [
            { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: probe.port } } } },
          ],
        },
      ],
    },
    ...ways(probe),
  }));
}

function ways({ of }: ProxiedProbe): Partial<Cluster> {
  if (of.kind === 'http') {
    // The kubelet verifies no certificate either.
    const typed_config = {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
    };
    return of.isTls ? { transport_socket: { name: 'envoy.transport_sockets.tls', typed_config } } : {};
  }
  const interval = `${of.periodSeconds}s`;
  return {
    health_checks: [
      {
        timeout: `${of.timeoutSeconds}s`,
        interval,
        no_traffic_interval: interval,
        // Until it has answered once, it is asked each second, as an application that starts is.
        unhealthy_interval: '1s',
        unhealthy_threshold: 1,
        healthy_threshold: 1,
        ...(of.kind === 'tcp'
          ? { tcp_health_check: {} }
          : { grpc_health_check: of.service ? { service_name: of.service } : {} }),
      },
    ],
    ...(of.kind === 'grpc' && {
      typed_extension_protocol_options: {
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
          '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
          explicit_http_config: { http2_protocol_options: {} },
        },
      },
    }),
  };
}
