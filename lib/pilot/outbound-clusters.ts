/** The clusters by which clients reach the services: one per port, and one per subset of each. */
import type { envoy } from '../envoy/generated/envoy';
import type { EnvoyResource } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import { connectionBounds } from './connection-pool';
import { loadAssignment } from './endpoints';
import { isPassthrough, loadBalancing } from './load-balancing';
import type { Evaluation, Query } from './memo';
import { provenance } from './metadata';
import { outboundClusterName } from './names';
import {
  endpointsOfTarget,
  isDns,
  isOriginalDestination,
  nameOf,
  type OutboundTarget,
  type TargetName,
  targetNamed,
} from './outbound-target';
import { outlierDetection } from './outlier-detection';
import { ads } from './shapes';
import { effectivePolicy } from './traffic-policy';
import { speaksHttp2, upstreamHttp } from './upstream-http';
import { upstreamTls } from './upstream-tls';

type Cluster = envoy.config.cluster.v3.Cluster;

/** How often names are resolved where DNS itself gives no time to live. */
const DNS_REFRESH_RATE = '60s';

export function outboundCluster(evaluation: Evaluation, target: OutboundTarget): EnvoyResource | undefined {
  const { key, name } = nameOf(target);
  return evaluation.derive(clusterQuery, key, name);
}

const clusterQuery: Query<TargetName, EnvoyResource | undefined> = {
  name: 'outbound cluster',
  compute: (evaluation, targetName) => {
    const target = targetNamed(evaluation, targetName);
    if (!target) return undefined;
    const name = outboundClusterName(targetName.hostname, targetName.port, targetName.subset);
    return evaluation.resource(TypeUrl.cluster, name, () => translate(evaluation, { ...target, name }));
  },
};

function translate(evaluation: Evaluation, target: OutboundTarget & { name: string }): Cluster {
  const { view, service, port, subset, name } = target;
  const rules = evaluation.destinationRules(view.namespace, service.hostname);
  const policy = effectivePolicy(rules, port.number, subset);
  const socket = upstreamTls(policy.tls, service, port, speaksHttp2(policy, port));
  const metadata = provenance({ config: rules[0], services: [service], subset });
  return {
    name,
    ...discovery(evaluation, target, isPassthrough(policy.loadBalancer)),
    ...(isOriginalDestination(target, isPassthrough(policy.loadBalancer))
      ? { lb_policy: 'CLUSTER_PROVIDED' as const }
      : loadBalancing(policy.loadBalancer)),
    ...connectionBounds(policy.connectionPool, evaluation.meshConfig()),
    ...outlierDetection(policy.outlierDetection),
    ...upstreamHttp(policy, service, port),
    ...(socket && { transport_socket: socket }),
    ...(metadata && { metadata }),
  };
}

function discovery(
  evaluation: Evaluation,
  target: OutboundTarget & { name: string },
  passthrough: boolean,
): Partial<Cluster> {
  const { service, name } = target;
  if (isOriginalDestination(target, passthrough)) return { type: 'ORIGINAL_DST' };
  if (!isDns(service)) {
    return { type: 'EDS', eds_cluster_config: { eds_config: ads(), service_name: name } };
  }
  return {
    type: service.resolution === 'DNS' ? 'STRICT_DNS' : 'LOGICAL_DNS',
    dns_lookup_family: 'V4_ONLY',
    dns_refresh_rate: DNS_REFRESH_RATE,
    respect_dns_ttl: true,
    load_assignment: loadAssignment(name, endpointsOfTarget(evaluation, target)),
  };
}
