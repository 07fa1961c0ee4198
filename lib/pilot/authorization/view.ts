/** What distinguishes workloads for authorization: the names of the policies that hold for them. */
import type { AuthorizationPolicy } from '../../api';
import { type Labels, nameKey, partsOfName, type WorldView } from '../../world';

export interface AuthorizationView {
  /** Two views with equal keys are interchangeable. */
  readonly key: string;
  /** `namespace/name`, of the root namespace first. */
  readonly policies: readonly string[];
}

export function authorizationViewOf(world: WorldView, namespace: string, labels: Labels): AuthorizationView {
  const policies = world
    .authorizationPolicies(namespace, labels)
    .map(({ metadata }) => nameKey(metadata.namespace, metadata.name));
  return { key: policies.join(','), policies };
}

export function policiesOf(world: WorldView, { policies }: AuthorizationView): AuthorizationPolicy[] {
  return policies.flatMap((key) => world.authorizationPolicy(...partsOfName(key)) ?? []);
}
