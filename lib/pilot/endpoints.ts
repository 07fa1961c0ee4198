/** The endpoints of an outbound cluster: ClusterLoadAssignment. */
import type { envoy } from '../envoy/generated/envoy';
import type { EnvoyResource } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import type { Endpoint } from '../world';
import type { EndpointGroup } from './locality';
import type { Evaluation } from './memo';
import { labelledEndpoint } from './metadata';
import { type ClientService, clientServiceKey, groupsOfTarget, serviceQuery, usesEds } from './outbound-target';
import { endpointAddress } from './shapes';

type Assignment = envoy.config.endpoint.v3.ClusterLoadAssignment;
type LbEndpoint = envoy.config.endpoint.v3.LbEndpoint;

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
        lb_endpoints: endpoints.map(lbEndpoint),
        ...(weight !== undefined && { load_balancing_weight: weight }),
        ...(priority && { priority }),
      })),
    }),
  };
}

const made = new WeakMap<Endpoint, LbEndpoint>();

/** Frozen, and the same for the service and its subsets, so that it is encoded once. */
function lbEndpoint(endpoint: Endpoint): LbEndpoint {
  const known = made.get(endpoint);
  if (known) return known;
  const metadata = labelledEndpoint(endpoint);
  const fresh: LbEndpoint = Object.freeze({
    endpoint: { address: endpointAddress(endpoint.address, endpoint.port) },
    ...(endpoint.weight && { load_balancing_weight: endpoint.weight }),
    ...(metadata && { metadata }),
  });
  made.set(endpoint, fresh);
  return fresh;
}

function envoyLocality(text: string): { locality?: envoy.config.core.v3.Locality } {
  const [region, zone, subZone] = text.split('/');
  if (!region && !zone && !subZone) return {};
  return { locality: { ...(region && { region }), ...(zone && { zone }), ...(subZone && { sub_zone: subZone }) } };
}
