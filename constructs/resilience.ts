/** How callers of a service protect it and themselves. Written as the traffic policy of its DestinationRule. */
import type { TrafficPolicy } from '../lib/api';
import type { LoadBalancing } from './load-balancing';
import { type Duration, durationText, type Percent, percentOf } from './units';

/** Limits and the ejection of what fails; what is left out is not limited. */
export interface Resilience {
  /** Leave out an endpoint for a while after this many 5xx answers in a row. Default: never. */
  readonly ejectAfter5xx?: number;
  /** The same after this many answers 502, 503 and 504, or failed connections. Default: never. */
  readonly ejectAfterGatewayErrors?: number;
  /** How long an endpoint is left out, times how often it has been. Default: 30 s. */
  readonly ejectFor?: Duration;
  /** How often endpoints are judged. Default: 10 s. */
  readonly ejectEvery?: Duration;
  /** How many of the endpoints may be left out at once. Default: 10 %, the API's. */
  readonly maxEjected?: Percent;
  /** Below this share of endpoints that are well, nothing is left out any more: all of them are tried. Default: 0. */
  readonly minHealthy?: Percent;
  /** TCP connections per sidecar. Default: no limit. */
  readonly maxConnections?: number;
  /** Requests that may wait for a connection. Default: no limit. */
  readonly maxPendingRequests?: number;
  /** Requests in flight at once. Default: no limit. */
  readonly maxRequests?: number;
  /** Retries in flight at once. Default: no limit. */
  readonly maxRetries?: number;
  /** Requests over one connection, before a new one takes its place. Default: no limit. */
  readonly maxRequestsPerConnection?: number;
  /** How long a connection without requests is kept. Default: 1 h, Envoy's. */
  readonly idleTimeout?: Duration;
  /** How long a connection may take to open. Default: 10 s. */
  readonly connectTimeout?: Duration;
}

/** @internal */
export function trafficPolicyOf(resilience: Resilience, balancing?: LoadBalancing): TrafficPolicy | undefined {
  const { maxConnections, connectTimeout, maxPendingRequests, maxRequests, maxRetries } = resilience;
  const tcp = kept({ maxConnections, connectTimeout: connectTimeout && durationText(connectTimeout) });
  const http = kept({
    http1MaxPendingRequests: maxPendingRequests,
    http2MaxRequests: maxRequests,
    maxRetries,
    maxRequestsPerConnection: resilience.maxRequestsPerConnection,
    idleTimeout: resilience.idleTimeout && durationText(resilience.idleTimeout),
  });
  const outlierDetection = kept({
    consecutive5xxErrors: resilience.ejectAfter5xx,
    consecutiveGatewayErrors: resilience.ejectAfterGatewayErrors,
    minHealthPercent: resilience.minHealthy && percentOf(resilience.minHealthy, 'minHealthy'),
    interval: resilience.ejectEvery && durationText(resilience.ejectEvery),
    baseEjectionTime: resilience.ejectFor && durationText(resilience.ejectFor),
    maxEjectionPercent: resilience.maxEjected && percentOf(resilience.maxEjected, 'maxEjected'),
  });
  return kept({ connectionPool: kept({ tcp, http }), outlierDetection, loadBalancer: balancing?.settings });
}

function kept<T extends object>(fields: T): Partial<T> | undefined {
  const set = Object.entries(fields).filter(([, value]) => value !== undefined);
  return set.length > 0 ? (Object.fromEntries(set) as Partial<T>) : undefined;
}
