/** The load balancer of a cluster, from `trafficPolicy.loadBalancer`. */
import type { LoadBalancerSettings } from '../api';
import type { envoy } from '../envoy/generated/envoy';

/** The API's default for the size of a hash ring. */
const DEFAULT_RING_SIZE = 1024;

type Balancing = Pick<
  envoy.config.cluster.v3.Cluster,
  'lb_policy' | 'ring_hash_lb_config' | 'maglev_lb_config' | 'least_request_lb_config'
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
  switch (settings?.simple) {
    case 'ROUND_ROBIN':
      return { lb_policy: 'ROUND_ROBIN' };
    case 'RANDOM':
      return { lb_policy: 'RANDOM' };
    default:
      return { lb_policy: 'LEAST_REQUEST' };
  }
}

/** The client chose the address itself; Envoy connects to just that. */
export function isPassthrough(settings: LoadBalancerSettings | undefined): boolean {
  return settings?.simple === 'PASSTHROUGH' && !settings.consistentHash;
}
