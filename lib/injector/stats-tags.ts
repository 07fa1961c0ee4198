/**
 * Which parts of a statistic's name become labels. Envoy's own rule for cluster names stops at the first dot, and cuts
 * `outbound|9080||reviews.shop.svc.cluster.local` in two: half a label, and a metric of its own for every namespace. A
 * rule for a name that has a default is only heard without the defaults, so those that a mesh uses are listed.
 */
import type { envoy } from '../envoy/generated/envoy';

type StatsConfig = envoy.config.metrics.v3.StatsConfig;

/** What follows a cluster's name (https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats). */
const CLUSTER_STATISTICS = [
  'assignment_',
  'bind_errors',
  'circuit_breakers\\.',
  'client_ssl_socket_factory\\.',
  'default\\.',
  'external\\.',
  'health_check\\.',
  'http1\\.',
  'http2\\.',
  'http3\\.',
  'init_fetch_timeout',
  'internal\\.',
  'lb_',
  'max_host_weight',
  'membership_',
  'original_dst_',
  'outlier_detection\\.',
  'retry_or_shadow_',
  'ssl\\.',
  'tls_',
  'update_',
  'upstream_',
  'version',
  'warming_state',
  'zone\\.',
];

/** Envoy's own rules, by name. */
const DEFAULTS = [
  'ext_authz_prefix',
  'http_conn_manager_prefix',
  'http_user_agent',
  'listener_address',
  'local_http_ratelimit_prefix',
  'ratelimit_prefix',
  'rbac_http_prefix',
  'rbac_policy_name',
  'rds_route_config',
  'response_code',
  'response_code_class',
  'route',
  'ssl_cipher',
  'ssl_curve',
  'ssl_sigalg',
  'ssl_version',
  'tcp_prefix',
  'virtual_cluster',
  'virtual_host',
  'worker_id',
];

/** The part of the bootstrap that says so. */
export function statsConfig(): StatsConfig {
  return {
    use_all_default_tags: false,
    stats_tags: [
      // The first group is cut out of the name, the second is the label's value.
      { tag_name: 'envoy.cluster_name', regex: `^cluster\\.((.+?)\\.)(?:${CLUSTER_STATISTICS.join('|')})` },
      ...DEFAULTS.map((name) => ({ tag_name: `envoy.${name}` })),
    ],
  };
}
