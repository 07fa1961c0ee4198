/** What distinguishes workloads for authorization: the names of the policies that hold for them. */
import type { AuthorizationPolicy } from '../../api';
import { type Labels, nameKey, partsOfName, type Viewer, type WorldView } from '../../world';

export interface AuthorizationView {
  /** Two views with equal keys are interchangeable. */
  readonly key: string;
  /** The AuthorizationPolicies, `namespace/name`, of the root namespace first. */
  readonly policies: readonly string[];
  /** The RequestAuthentications, likewise. */
  readonly authentications: readonly string[];
  /** As whom the proxy finds those who are asked: issuers of tokens, and external authorizers. */
  readonly viewer: Viewer;
}

export function authorizationViewOf(
  world: WorldView,
  { namespace, labels }: { readonly namespace: string; readonly labels: Labels },
  viewer: Viewer,
): AuthorizationView {
  const namesOf = (objects: readonly { metadata: AuthorizationPolicy['metadata'] }[]) =>
    objects.map(({ metadata }) => nameKey(metadata.namespace, metadata.name));
  const holding = world.authorizationPolicies(namespace, labels);
  const policies = namesOf(holding);
  const authentications = namesOf(world.requestAuthentications(namespace, labels));
  // Most policies ask nobody, and mean the same wherever the proxy looks from.
  const asks = authentications.length > 0 || holding.some(({ spec }) => spec?.action === 'CUSTOM');
  const key = [policies.join(','), authentications.join(','), asks ? viewer : ''].join('|');
  return { key, policies, authentications, viewer: asks ? viewer : namespace };
}

export function policiesOf(world: WorldView, { policies }: AuthorizationView): AuthorizationPolicy[] {
  return policies.flatMap((key) => world.authorizationPolicy(...partsOfName(key)) ?? []);
}
