/** Bounds on connections and requests, from `trafficPolicy.connectionPool`. */
import {
  type ConnectionPoolSettings,
  type MeshConfig,
  parseDuration,
  protobufDuration,
  type RetryBudget,
} from '../api';
import type { envoy } from '../envoy/generated/envoy';
import { duration, unlessEmpty } from './shapes';

/** Envoy's own bounds (1024 connections, 3 retries …) surprise people; the API's default is no bound. */
const UNBOUNDED = 4294967295;
const DEFAULT_CONNECT_TIMEOUT = '10s';

type Bounds = Pick<
  envoy.config.cluster.v3.Cluster,
  'circuit_breakers' | 'connect_timeout' | 'upstream_connection_options'
>;

/** The bounds that a cluster itself carries; those of HTTP are in `upstream-http.ts`. */
export function connectionBounds(
  settings: ConnectionPoolSettings | undefined,
  mesh: MeshConfig,
  budget?: RetryBudget,
): Bounds {
  const { tcp } = settings ?? {};
  const keepalive = tcp?.tcpKeepalive ?? mesh.tcpKeepalive;
  return {
    connect_timeout: duration(tcp?.connectTimeout ?? mesh.connectTimeout ?? DEFAULT_CONNECT_TIMEOUT),
    circuit_breakers: budget ? circuitBreakers(settings, budget) : unbudgeted(settings),
    ...(keepalive && {
      upstream_connection_options: {
        tcp_keepalive: {
          keepalive_probes: keepalive.probes,
          keepalive_time: seconds(keepalive.time),
          keepalive_interval: seconds(keepalive.interval),
        },
      },
    }),
  };
}

type CircuitBreakers = envoy.config.cluster.v3.CircuitBreakers;

const made = new WeakMap<ConnectionPoolSettings, CircuitBreakers>();
const UNSAID: ConnectionPoolSettings = {};

/** The same for all clusters of one setting, and frozen, so that it is encoded once. */
function unbudgeted(settings: ConnectionPoolSettings = UNSAID): CircuitBreakers {
  let breakers = made.get(settings);
  if (!breakers) {
    breakers = Object.freeze(circuitBreakers(settings));
    made.set(settings, breakers);
  }
  return breakers;
}

function circuitBreakers({ tcp, http }: ConnectionPoolSettings = {}, budget?: RetryBudget): CircuitBreakers {
  return {
    thresholds: [
      {
        max_connections: tcp?.maxConnections || UNBOUNDED,
        max_pending_requests: http?.http1MaxPendingRequests || UNBOUNDED,
        max_requests: http?.http2MaxRequests || UNBOUNDED,
        max_retries: http?.maxRetries || UNBOUNDED,
        ...(budget && { retry_budget: retryBudget(budget) }),
        track_remaining: true,
      },
    ],
  };
}

/** Retries as a share of the requests under way, or of those within a time; takes the place of `max_retries`. */
function retryBudget({ percent = 20, minRetryConcurrency = 3, budgetInterval }: RetryBudget) {
  const counted = parseDuration(budgetInterval ?? '') ?? 0;
  return {
    budget_percent: { value: percent },
    min_retry_concurrency: minRetryConcurrency,
    // Those under way alone, unless there is a time.
    ...(counted > 0 && { budget_interval: protobufDuration(counted) }),
  };
}

/** The bounds on HTTP connections, if there are any. */
export function httpBounds(
  settings: ConnectionPoolSettings | undefined,
): envoy.config.core.v3.HttpProtocolOptions | undefined {
  const { tcp, http } = settings ?? {};
  return unlessEmpty({
    idle_timeout: duration(http?.idleTimeout),
    max_requests_per_connection: http?.maxRequestsPerConnection || undefined,
    max_connection_duration: duration(tcp?.maxConnectionDuration),
  });
}

/** The kernel counts in whole seconds. */
function seconds(text: string | undefined): number | undefined {
  const value = duration(text);
  return value === undefined ? undefined : Math.max(1, Math.round(Number.parseFloat(value)));
}
