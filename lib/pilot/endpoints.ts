/** The endpoints of an outbound cluster: ClusterLoadAssignment. */
import type { envoy } from '../envoy/generated/envoy';
import type { EnvoyResource } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import type { EndpointGroup } from './locality';
import type { Evaluation } from './memo';
import { labelledEndpoint } from './metadata';
import { type ClientService, clientServiceKey, groupsOfTarget, serviceQuery, usesEds } from './outbound-target';
import { endpointAddress } from './shapes';

type Assignment = envoy.config.endpoint.v3.ClusterLoadAssignment;

/** Of all clusters of a service, apart from those that find their endpoints otherwise. */
export function endpointsOfService(evaluation: Evaluation, service: ClientService): readonly EnvoyResource[] {
  return evaluation.derive(endpointsQuery, clientServiceKey(service), service);
}

const endpointsQuery = serviceQuery({
  name: 'endpoints',
  typeUrl: TypeUrl.endpoint,
  isFor: usesEds,
  translate: (_, target, name) => loadAssignment(name, groupsOfTarget(target)),
});

/** The groups in the order in which they are given. */
export function loadAssignment(name: string, groups: readonly EndpointGroup[]): Assignment {
  return {
    cluster_name: name,
    ...(groups.length > 0 && {
      endpoints: groups.map(({ locality, endpoints, priority, weight }) => ({
        ...envoyLocality(locality),
        lb_endpoints: endpoints.map((each) => {
          const metadata = labelledEndpoint(each);
          return {
            endpoint: { address: endpointAddress(each.address, each.port) },
            ...(each.weight && { load_balancing_weight: each.weight }),
            ...(metadata && { metadata }),
          };
        }),
        ...(weight !== undefined && { load_balancing_weight: weight }),
        ...(priority && { priority }),
      })),
    }),
  };
}

function envoyLocality(text: string): { locality?: envoy.config.core.v3.Locality } {
  const [region, zone, subZone] = text.split('/');
  if (!region && !zone && !subZone) return {};
  return { locality: { ...(region && { region }), ...(zone && { zone }), ...(subZone && { sub_zone: subZone }) } };
}
