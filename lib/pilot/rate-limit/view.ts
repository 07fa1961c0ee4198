/** What distinguishes workloads for rate limits: the names of the RateLimits that hold for them. */
import type { RateLimit } from '../../api';
import { type Labels, nameKey, partsOfName, type WorldView } from '../../world';

export interface RateLimitView {
  /** Two views with equal keys are interchangeable. */
  readonly key: string;
  /** The RateLimits, `namespace/name`, of the root namespace first. */
  readonly limits: readonly string[];
}

export function rateLimitViewOf(
  world: WorldView,
  { namespace, labels }: { readonly namespace: string; readonly labels: Labels },
): RateLimitView {
  const limits = world.rateLimits(namespace, labels).map(({ metadata }) => nameKey(metadata.namespace, metadata.name));
  return { key: limits.join(','), limits };
}

export function limitsOf(world: WorldView, { limits }: RateLimitView): RateLimit[] {
  return limits.flatMap((key) => world.rateLimit(...partsOfName(key)) ?? []);
}
