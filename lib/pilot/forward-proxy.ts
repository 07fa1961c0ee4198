/**
 * Envoy as a plain forward proxy, which resolves the authority of requests itself: how explicit capture serves
 * destinations outside of the registry when the outbound policy is ALLOW_ANY.
 */
import type { envoy } from '../envoy/generated/envoy';
import { any } from '../envoy/message';

const DNS_CACHE = { name: 'outbound', dns_lookup_family: 'V4_ONLY' as const };

/** The part of a cluster that makes its endpoints from the authorities of requests. */
export function dnsCacheCluster(): Pick<envoy.config.cluster.v3.Cluster, 'cluster_type' | 'lb_policy'> {
  return {
    lb_policy: 'CLUSTER_PROVIDED',
    cluster_type: {
      name: 'envoy.clusters.dynamic_forward_proxy',
      typed_config: any('envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig', {
        dns_cache_config: DNS_CACHE,
      }),
    },
  };
}

/** The filter that resolves names before the router asks such a cluster. */
export function forwardProxyFilter(): envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter {
  return {
    name: 'envoy.filters.http.dynamic_forward_proxy',
    typed_config: any('envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig', {
      dns_cache_config: DNS_CACHE,
    }),
  };
}
