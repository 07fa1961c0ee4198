/**
 * Envoy as a forward proxy: the endpoint of a request is found by resolving its authority, that of a TLS connection by its
 * server name. Clusters and filters work together by the DNS cache whose settings they share.
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/http_proxy
 */
import type { envoy } from '../envoy/generated/envoy';
import { any } from '../envoy/message';

/** Envoy refuses a second cache of one name with other settings, so these never change. */
const DNS_CACHE = { name: 'outbound', dns_lookup_family: 'V4_ONLY' as const };

export const FORWARD_PROXY_FILTER = 'envoy.filters.http.dynamic_forward_proxy';

/**
 * The part of a cluster that makes its endpoints from the names that are asked for.
 * @param names what a cluster with TLS takes from the authority. Envoy wants all of it checked, unless it is told that there is
 *   no TLS, or that a rule says otherwise.
 */
export function dnsCacheCluster(names?: {
  auto_sni?: boolean;
  auto_san_validation?: boolean;
}): Pick<envoy.config.cluster.v3.Cluster, 'cluster_type' | 'lb_policy'> {
  const isChecked = names?.auto_sni && names.auto_san_validation;
  return {
    lb_policy: 'CLUSTER_PROVIDED',
    cluster_type: {
      name: 'envoy.clusters.dynamic_forward_proxy',
      typed_config: any('envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig', {
        dns_cache_config: DNS_CACHE,
        ...(!isChecked && { allow_insecure_cluster_options: true }),
      }),
    },
  };
}

/** The filter that resolves the authority before the router asks such a cluster. It tells later filters the address. */
export function forwardProxyFilter(): envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter {
  return {
    name: FORWARD_PROXY_FILTER,
    typed_config: any('envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig', {
      dns_cache_config: DNS_CACHE,
      save_upstream_address: true,
    }),
  };
}

/** The same for TLS that passes through, by its server name. @param port where the host is connected to. */
export function serverNameFilter(port: number): envoy.config.listener.v3.Filter {
  return {
    name: 'envoy.filters.network.sni_dynamic_forward_proxy',
    typed_config: any('envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig', {
      dns_cache_config: DNS_CACHE,
      port_value: port,
    }),
  };
}
