/** The endpoints of an outbound cluster: ClusterLoadAssignment. */
import type { envoy } from '../envoy/generated/envoy';
import type { EnvoyResource } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import type { Endpoint } from '../world';
import type { Evaluation } from './memo';
import { labelledEndpoint } from './metadata';
import { outboundClusterName } from './names';
import { type ClientTarget, clientTargetKey, endpointsOfTarget, sharedQuery, usesEds } from './outbound-target';
import { endpointAddress } from './shapes';

type Assignment = envoy.config.endpoint.v3.ClusterLoadAssignment;

/** Undefined for clusters that find their endpoints otherwise. */
export function endpointsResource(evaluation: Evaluation, target: ClientTarget): EnvoyResource | undefined {
  return evaluation.derive(endpointsQuery, clientTargetKey(target), target);
}

const endpointsQuery = sharedQuery('endpoints', (evaluation, target) => {
  if (!usesEds(target)) return undefined;
  const name = outboundClusterName(target.service.hostname, target.port.number, target.subset);
  return evaluation.attempt(TypeUrl.endpoint, name, () => loadAssignment(name, endpointsOfTarget(evaluation, target)));
});

/** Endpoints grouped by locality, both in the order in which they are given. */
export function loadAssignment(name: string, endpoints: readonly Endpoint[]): Assignment {
  const localities = new Map<string, Endpoint[]>();
  for (const endpoint of endpoints) {
    const group = localities.get(endpoint.locality);
    if (group) group.push(endpoint);
    else localities.set(endpoint.locality, [endpoint]);
  }
  return {
    cluster_name: name,
    ...(localities.size > 0 && {
      endpoints: [...localities].map(([locality, group]) => ({
        ...localityOf(locality),
        lb_endpoints: group.map((each) => {
          const metadata = labelledEndpoint(each);
          return {
            endpoint: { address: endpointAddress(each.address, each.port) },
            ...(each.weight && { load_balancing_weight: each.weight }),
            ...(metadata && { metadata }),
          };
        }),
      })),
    }),
  };
}

function localityOf(text: string): { locality?: envoy.config.core.v3.Locality } {
  const [region, zone, subZone] = text.split('/');
  if (!region && !zone && !subZone) return {};
  return { locality: { ...(region && { region }), ...(zone && { zone }), ...(subZone && { sub_zone: subZone }) } };
}
