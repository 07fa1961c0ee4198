/** DestinationRule: policies and subsets of a service. https://istio.io/latest/docs/reference/config/networking/destination-rule/ */
import { type MeshObject, networkingKind } from '../kind';
import { list, message, type Static, text, textMap, texts } from '../schema';
import { WorkloadSelector } from '../selector';
import { TrafficPolicy } from './traffic-policy';

export const Subset = message(
  {
    name: text('The name by which routes refer to the subset.'),
    labels: textMap('Labels that the endpoints of the subset carry.'),
    trafficPolicy: TrafficPolicy,
  },
  { description: 'A named part of the endpoints of a service, such as a version.', required: ['name'] },
);
export type Subset = Static<typeof Subset>;

export const DestinationRuleSpec = message(
  {
    host: text(
      'The service, as in the registry. A short name is completed by the namespace of the object; wildcards are allowed.',
    ),
    trafficPolicy: TrafficPolicy,
    subsets: list(Subset, 'Parts of the service that routes can name; each may override the policy.'),
    exportTo: texts('Namespaces that see the object: `.` its own, `*` all (the default), or names.'),
    workloadSelector: WorkloadSelector,
  },
  { description: 'What is done with the traffic to a service after it was routed.', required: ['host'] },
);
export type DestinationRuleSpec = Static<typeof DestinationRuleSpec>;
export type DestinationRule = MeshObject<DestinationRuleSpec>;

export const DestinationRule = networkingKind({
  kind: 'DestinationRule',
  plural: 'destinationrules',
  shortNames: ['dr'],
  description: 'Policies for the traffic to a service, and the subsets of the service.',
  schema: DestinationRuleSpec,
  specRequired: true,
  printerColumns: [{ name: 'Host', type: 'string', jsonPath: '.spec.host', description: 'The service' }],
});
