/** The clusters by which clients reach the services: one per port, and one per subset of each. */
import type { envoy } from '../envoy/generated/envoy';
import type { EnvoyResource } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import { connectionBounds } from './connection-pool';
import { loadAssignment } from './endpoints';
import { dnsCacheCluster } from './forward-proxy';
import { loadBalancing } from './load-balancing';
import type { Evaluation } from './memo';
import { labelled, provenance } from './metadata';
import {
  type ClientService,
  clientServiceKey,
  groupsOfTarget,
  isDynamic,
  isOriginalDestination,
  type OutboundTarget,
  serviceQuery,
  usesEds,
} from './outbound-target';
import { outlierDetection, panicThreshold } from './outlier-detection';
import { ads, duration } from './shapes';
import { type EffectivePolicy, effectivePolicy, withBackendTls } from './traffic-policy';
import { upstreamHttp } from './upstream-http';
import { showsIdentity, upstreamSecurity } from './upstream-security';
import { namesByAuthority } from './upstream-tls';

type Cluster = envoy.config.cluster.v3.Cluster;

/** How often names are resolved where DNS itself gives no time to live and the mesh configuration no other time. */
const DNS_REFRESH_RATE = '60s';

export function clustersOfService(evaluation: Evaluation, service: ClientService): readonly EnvoyResource[] {
  return evaluation.derive(clustersQuery, clientServiceKey(service), service);
}

const clustersQuery = serviceQuery({
  name: 'outbound clusters',
  typeUrl: TypeUrl.cluster,
  isFor: () => true,
  translate,
});

function translate(evaluation: Evaluation, target: OutboundTarget, name: string): Cluster {
  const { service, port, subset, rules } = target;
  const policy = withBackendTls(effectivePolicy(rules, port.number, subset), target.backendTls);
  const mesh = evaluation.meshConfig();
  const metadata = labelled(provenance({ config: rules[0], services: [service], subset }), service);
  return {
    name,
    ...discovery(evaluation, target, policy, name),
    ...(isOriginalDestination(target) || isDynamic(service)
      ? { lb_policy: 'CLUSTER_PROVIDED' as const }
      : loadBalancing(policy.loadBalancer)),
    ...connectionBounds(policy.connectionPool, mesh, policy.retryBudget),
    ...(target.buffer && { per_connection_buffer_limit_bytes: target.buffer }),
    ...outlierDetection(policy.outlierDetection),
    ...commonBalancing(policy, target),
    // The names in certificates of the mesh are not those in authorities.
    ...upstreamHttp(showsIdentity(target, policy) ? { ...policy, tls: undefined } : policy, service, port, mesh),
    ...upstreamSecurity(evaluation, target, policy),
    metadata,
  };
}

function commonBalancing({ outlierDetection: ejection }: EffectivePolicy, target: OutboundTarget): Partial<Cluster> {
  const common = {
    ...panicThreshold(ejection),
    // What has weights by locality is balanced between localities first.
    ...(target.near &&
      !isOriginalDestination(target) &&
      !isDynamic(target.service) && { locality_weighted_lb_config: {} }),
  };
  return Object.keys(common).length > 0 ? { common_lb_config: common } : {};
}

function discovery(
  evaluation: Evaluation,
  target: OutboundTarget,
  { tls }: EffectivePolicy,
  name: string,
): Partial<Cluster> {
  if (isDynamic(target.service)) return dnsCacheCluster(namesByAuthority(tls, target.service));
  if (isOriginalDestination(target)) return { type: 'ORIGINAL_DST' };
  if (usesEds(target)) {
    return { type: 'EDS', eds_cluster_config: { eds_config: ads(), service_name: name } };
  }
  const groups = groupsOfTarget(target);
  const isOne = groups.length === 1 && groups[0]!.endpoints.length === 1;
  return {
    // Envoy's LOGICAL_DNS is for a single name.
    type: target.service.resolution === 'DNS_ROUND_ROBIN' && isOne ? 'LOGICAL_DNS' : 'STRICT_DNS',
    dns_lookup_family: 'V4_ONLY',
    dns_refresh_rate: duration(evaluation.meshConfig().dnsRefreshRate ?? DNS_REFRESH_RATE),
    respect_dns_ttl: true,
    load_assignment: loadAssignment(name, groups),
  };
}
