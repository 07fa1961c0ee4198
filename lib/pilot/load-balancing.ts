/** The load balancer of a cluster, from `trafficPolicy.loadBalancer`. */
import type { LoadBalancerSettings } from '../api';
import type { envoy } from '../envoy/generated/envoy';
import { duration } from './shapes';

/** The API's default for the size of a hash ring. */
const DEFAULT_RING_SIZE = 1024;

type Balancing = Pick<
  envoy.config.cluster.v3.Cluster,
  'lb_policy' | 'ring_hash_lb_config' | 'maglev_lb_config' | 'least_request_lb_config' | 'round_robin_lb_config'
>;

/** LEAST_REQUEST where nothing else is said. */
export function loadBalancing(settings: LoadBalancerSettings | undefined): Balancing {
  const hash = settings?.consistentHash;
  if (hash?.maglev) {
    const size = hash.maglev.tableSize;
    return { lb_policy: 'MAGLEV', ...(size && { maglev_lb_config: { table_size: size } }) };
  }
  if (hash) {
    const size = hash.ringHash?.minimumRingSize || hash.minimumRingSize || DEFAULT_RING_SIZE;
    return { lb_policy: 'RING_HASH', ring_hash_lb_config: { minimum_ring_size: size } };
  }
  const slow = slowStart(settings);
  switch (settings?.simple) {
    case 'ROUND_ROBIN':
      return { lb_policy: 'ROUND_ROBIN', ...(slow && { round_robin_lb_config: slow }) };
    case 'RANDOM':
      return { lb_policy: 'RANDOM' };
    default:
      return { lb_policy: 'LEAST_REQUEST', ...(slow && { least_request_lb_config: slow }) };
  }
}

/** New endpoints start with a part of their share; only for the two balancers that have weights to begin with. */
function slowStart(settings: LoadBalancerSettings | undefined) {
  const {
    duration: window,
    minimumPercent,
    aggression,
  } = settings?.warmup ?? { duration: settings?.warmupDurationSecs };
  if (window === undefined) return undefined;
  return {
    slow_start_config: {
      slow_start_window: duration(window),
      ...(aggression && { aggression: { default_value: aggression, runtime_key: 'slow_start.aggression' } }),
      ...(minimumPercent !== undefined && { min_weight_percent: { value: minimumPercent } }),
    },
  };
}

/** The client chose the address itself; Envoy connects to just that. */
export function isPassthrough(settings: LoadBalancerSettings | undefined): boolean {
  return settings?.simple === 'PASSTHROUGH' && !settings.consistentHash;
}
