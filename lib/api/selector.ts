/** How policies pick what they hold for: workloads by labels, or named objects. */
import { choice, list, map, message, type Static, text, textMap, texts } from './schema';

export const WorkloadSelector = message(
  {
    matchLabels: map(text('A value.', { maxLength: 63 }), 'Labels that the Pods have to carry.', {
      maxProperties: 4096,
    }),
  },
  { description: 'Workloads of the namespace by their labels; in the root namespace, of all namespaces.' },
);
export type WorkloadSelector = Static<typeof WorkloadSelector>;

/** The selector of ServiceEntry and Sidecar, whose field has another name. */
export const NetworkingWorkloadSelector = message(
  {
    labels: map(text('A value.', { maxLength: 63 }), 'Labels that the workloads have to carry.', {
      maxProperties: 256,
    }),
  },
  { description: 'Workloads of the namespace by their labels.' },
);
export type NetworkingWorkloadSelector = Static<typeof NetworkingWorkloadSelector>;

const NAME = '^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$';

export const PolicyTargetReference = message(
  {
    group: text('The API group of the target; empty is the core group.', { maxLength: 253, pattern: NAME }),
    kind: text('The kind of the target.', {
      minLength: 1,
      maxLength: 63,
      pattern: '^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$',
    }),
    name: text('The name of the target.', { minLength: 1, maxLength: 253 }),
    namespace: text('Has to be empty: targets are of the same namespace.', { maxLength: 0 }),
  },
  { description: 'An object that the policy holds for.', required: ['kind', 'name'] },
);
export type PolicyTargetReference = Static<typeof PolicyTargetReference>;

export const PolicyTargetReferences = list(
  PolicyTargetReference,
  'Objects that the policy holds for. Not together with a selector.',
  {
    maxItems: 16,
  },
);

export const LabelSelector = message(
  {
    matchLabels: textMap('Labels that the namespace has to carry.'),
    matchExpressions: list(
      message(
        {
          key: text('The key of a label.'),
          operator: choice(['In', 'NotIn', 'Exists', 'DoesNotExist'], 'How the values are meant.'),
          values: texts('The values.'),
        },
        { description: 'A condition on a label.', required: ['key', 'operator'] },
      ),
      'Conditions, all of which have to hold.',
    ),
  },
  { description: 'Namespaces by their labels.' },
);
export type LabelSelector = Static<typeof LabelSelector>;
