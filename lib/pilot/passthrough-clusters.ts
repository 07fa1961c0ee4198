/**
 * The clusters behind AUTO_PASSTHROUGH: named as the server names that clients of the mesh ask for, so that a gateway
 * passes their TLS on without ending it. Only endpoints that take mutual TLS are in them: whoever comes through such a
 * gateway reaches nothing that would not ask for a certificate.
 */
import type { envoy } from '../envoy/generated/envoy';
import type { EnvoyResource } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import { connectionBounds } from './connection-pool';
import { loadAssignment } from './endpoints';
import { loadBalancing } from './load-balancing';
import type { Evaluation } from './memo';
import { labelled, provenance } from './metadata';
import { outboundServerName } from './names';
import {
  type ClientService,
  clientServiceKey,
  groupsOfTarget,
  type OutboundTarget,
  serviceQuery,
  usesEds,
} from './outbound-target';
import { outlierDetection, panicThreshold } from './outlier-detection';
import { ads } from './shapes';
import { effectivePolicy } from './traffic-policy';

/** The clusters and endpoints of a service as a gateway passes on to it. */
export function passthroughClusters(evaluation: Evaluation, service: ClientService): readonly EnvoyResource[] {
  return evaluation.derive(clustersQuery, clientServiceKey(service), service);
}

export function passthroughEndpoints(evaluation: Evaluation, service: ClientService): readonly EnvoyResource[] {
  return evaluation.derive(endpointsQuery, clientServiceKey(service), service);
}

const isFor = (target: OutboundTarget) => usesEds(target) && !target.service.external;

const clustersQuery = serviceQuery({
  name: 'passthrough clusters',
  typeUrl: TypeUrl.cluster,
  nameOf: outboundServerName,
  isFor,
  translate: (evaluation, target, name): envoy.config.cluster.v3.Cluster => {
    const { service, port, subset, rules } = target;
    const policy = effectivePolicy(rules, port.number, subset);
    const panic = panicThreshold(policy.outlierDetection);
    return {
      name,
      type: 'EDS',
      eds_cluster_config: { eds_config: ads(), service_name: name },
      ...loadBalancing(policy.loadBalancer),
      ...connectionBounds(policy.connectionPool, evaluation.meshConfig(), policy.retryBudget),
      ...outlierDetection(policy.outlierDetection),
      ...(Object.keys(panic).length > 0 && { common_lb_config: panic }),
      metadata: labelled(provenance({ config: rules[0], services: [service], subset }), service),
    };
  },
});

const endpointsQuery = serviceQuery({
  name: 'passthrough endpoints',
  typeUrl: TypeUrl.endpoint,
  nameOf: outboundServerName,
  isFor,
  translate: (_, target, name) =>
    loadAssignment(
      name,
      groupsOfTarget(target)
        .map((group) => ({ ...group, endpoints: group.endpoints.filter(({ mutualTls }) => mutualTls) }))
        .filter(({ endpoints }) => endpoints.length > 0),
    ),
});
