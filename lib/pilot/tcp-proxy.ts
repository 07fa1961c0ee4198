/** The TCP proxy: connections to one cluster, or split over several. */
import type { RouteDestination } from '../api';
import type { envoy } from '../envoy/generated/envoy';
import { any } from '../envoy/message';
import type { Viewer, WorldView } from '../world';
import { accessLogs } from './access-log';
import { type ResolvedDestination, resolveDestination } from './destinations';
import { filtersByServerName } from './dynamic-hosts';
import { tcpHashPolicy } from './hash-policy';
import type { ServiceName } from './inbound-ports';
import { atEnd, metricLogs } from './metrics';
import { BLACK_HOLE_CLUSTER } from './names';
import { duration, unlessEmpty } from './shapes';
import type { ObservedSide } from './tracing';
import { effectivePolicy } from './traffic-policy';

type Filter = envoy.config.listener.v3.Filter;
type TcpProxy = envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy;

export interface TcpOptions {
  readonly statPrefix: string;
  readonly side: ObservedSide;
  readonly target: Pick<TcpProxy, 'cluster' | 'weighted_clusters'>;
  /** The service behind an inbound port. */
  readonly service?: ServiceName;
  /** From the destination's policy. */
  readonly settings?: Pick<
    TcpProxy,
    'idle_timeout' | 'max_downstream_connection_duration' | 'hash_policy' | 'tunneling_config'
  >;
}

export function tcpProxy(world: WorldView, { statPrefix, side, target, service, settings }: TcpOptions): Filter {
  const metrics = metricLogs(world, side, { of: 'tcp', service });
  const logs = accessLogs(world, side, 'tcp').map((log) => (metrics.length > 0 ? onlyAtEnd(log) : log));
  return {
    name: 'envoy.filters.network.tcp_proxy',
    typed_config: any('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
      stat_prefix: statPrefix,
      ...target,
      ...settings,
      ...(logs.length + metrics.length > 0 && { access_log: [...logs, ...metrics] }),
      ...(metrics.length > 0 && { access_log_options: { flush_access_log_on_connected: true } }),
    }),
  };
}

/** Metrics have the proxy log twice: when a connection stands, and at its end. */
function onlyAtEnd(log: envoy.config.accesslog.v3.AccessLog): envoy.config.accesslog.v3.AccessLog {
  return { ...log, filter: log.filter ? { and_filter: { filters: [atEnd, log.filter] } } : atEnd };
}

/** One cluster that is not a service's. */
export function tcpToCluster(world: WorldView, side: ObservedSide, cluster: string): Filter {
  return tcpProxy(world, { statPrefix: cluster, side, target: { cluster } });
}

/** A service as a whole. @param names the server names that connections ask for; none where they are not known. */
export function tcpToService(
  world: WorldView,
  side: ObservedSide,
  destination: ResolvedDestination,
  names: readonly string[],
): Filter[] {
  const before = filtersByServerName(world, side.viewer, [destination], names);
  if (!before) return [tcpToCluster(world, side, BLACK_HOLE_CLUSTER)];
  const proxy = tcpProxy(world, {
    statPrefix: destination.cluster,
    side,
    target: { cluster: destination.cluster },
    settings: settingsOf(world, side.viewer, destination),
  });
  return [...before, proxy];
}

/**
 * The destinations of a TCP or TLS route; undefined where none has weight.
 * @param routed.names the server names that connections ask for; none where they are not known.
 */
export function tcpToDestinations(
  world: WorldView,
  side: ObservedSide,
  destinations: readonly RouteDestination[],
  { owner, listenerPort, name, names }: { owner: string; listenerPort: number; name: string; names: readonly string[] },
): Filter[] | undefined {
  const weighted = destinations.filter(({ weight }, _, all) => all.length === 1 || (weight ?? 0) > 0);
  const place = { viewer: side.viewer, owner, listenerPort };
  const resolved = weighted.map(({ destination }) => resolveDestination(world, destination, place));
  const first = resolved[0];
  if (!first) return undefined;
  const before = filtersByServerName(world, side.viewer, resolved, names);
  if (!before) return [tcpToCluster(world, side, BLACK_HOLE_CLUSTER)];
  const proxy = tcpProxy(world, {
    statPrefix: resolved.length === 1 ? first.cluster : name,
    side,
    target:
      resolved.length === 1
        ? { cluster: first.cluster }
        : {
            weighted_clusters: {
              clusters: resolved.map(({ cluster }, i) => ({ name: cluster, weight: weighted[i]!.weight })),
            },
          },
    settings: settingsOf(world, side.viewer, first, weighted[0]!.destination.subset),
  });
  return [...before, proxy];
}

function settingsOf(world: WorldView, viewer: Viewer, { hostname, port }: ResolvedDestination, subset?: string) {
  const { connectionPool, loadBalancer, tunnel } = effectivePolicy(
    world.destinationRules(viewer, hostname),
    port,
    subset,
  );
  const hash_policy = tcpHashPolicy(loadBalancer);
  return {
    ...unlessEmpty({
      idle_timeout: duration(connectionPool?.tcp?.idleTimeout),
      max_downstream_connection_duration: duration(connectionPool?.tcp?.maxConnectionDuration),
    }),
    ...(hash_policy.length > 0 && { hash_policy }),
    ...(tunnel && {
      tunneling_config: {
        hostname: `${tunnel.targetHost.includes(':') ? `[${tunnel.targetHost}]` : tunnel.targetHost}:${tunnel.targetPort}`,
        ...(tunnel.protocol?.toUpperCase() === 'POST' && { use_post: true }),
      },
    }),
  };
}
