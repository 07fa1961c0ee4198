/** The clusters by which clients reach the services: one per port, and one per subset of each. */
import type { envoy } from '../envoy/generated/envoy';
import type { EnvoyResource } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import { connectionBounds } from './connection-pool';
import { loadAssignment } from './endpoints';
import { loadBalancing } from './load-balancing';
import type { Evaluation } from './memo';
import { labelled, provenance } from './metadata';
import { outboundClusterName } from './names';
import {
  type ClientTarget,
  clientTargetKey,
  endpointsOfTarget,
  isOriginalDestination,
  type OutboundTarget,
  sharedQuery,
  usesEds,
} from './outbound-target';
import { outlierDetection } from './outlier-detection';
import { ads } from './shapes';
import { effectivePolicy } from './traffic-policy';
import { speaksHttp2, upstreamHttp } from './upstream-http';
import { upstreamTls } from './upstream-tls';

type Cluster = envoy.config.cluster.v3.Cluster;

/** How often names are resolved where DNS itself gives no time to live. */
const DNS_REFRESH_RATE = '60s';

export function outboundCluster(evaluation: Evaluation, target: ClientTarget): EnvoyResource | undefined {
  return evaluation.derive(clusterQuery, clientTargetKey(target), target);
}

const clusterQuery = sharedQuery('outbound cluster', (evaluation, target) => {
  const name = outboundClusterName(target.service.hostname, target.port.number, target.subset);
  return evaluation.attempt(TypeUrl.cluster, name, () => translate(evaluation, target, name));
});

function translate(evaluation: Evaluation, target: OutboundTarget, name: string): Cluster {
  const { service, port, subset, rules } = target;
  const policy = effectivePolicy(rules, port.number, subset);
  const socket = upstreamTls(policy.tls, service, port, speaksHttp2(policy, port));
  const metadata = labelled(provenance({ config: rules[0], services: [service], subset }), service);
  return {
    name,
    ...discovery(evaluation, target, name),
    ...(isOriginalDestination(target)
      ? { lb_policy: 'CLUSTER_PROVIDED' as const }
      : loadBalancing(policy.loadBalancer)),
    ...connectionBounds(policy.connectionPool, evaluation.meshConfig()),
    ...outlierDetection(policy.outlierDetection),
    ...upstreamHttp(policy, service, port),
    ...(socket && { transport_socket: socket }),
    metadata,
  };
}

function discovery(evaluation: Evaluation, target: OutboundTarget, name: string): Partial<Cluster> {
  if (isOriginalDestination(target)) return { type: 'ORIGINAL_DST' };
  if (usesEds(target)) {
    return { type: 'EDS', eds_cluster_config: { eds_config: ads(), service_name: name } };
  }
  return {
    type: target.service.resolution === 'DNS' ? 'STRICT_DNS' : 'LOGICAL_DNS',
    dns_lookup_family: 'V4_ONLY',
    dns_refresh_rate: DNS_REFRESH_RATE,
    respect_dns_ttl: true,
    load_assignment: loadAssignment(name, endpointsOfTarget(evaluation, target)),
  };
}
