/** From a descriptor that a proxy sends to the rule that it is of, and the key that is counted. */
import { createHash } from 'node:crypto';
import type { RateLimit, RateLimitRule } from '../../api';
import type { envoy } from '../../envoy/generated/envoy';
import { RULE_ENTRY, SECONDS_PER } from '../../pilot/rate-limit';
import type { WorldView } from '../../world';
import type { Window } from './count-store';

type Descriptor = envoy.extensions.common.ratelimit.v3.RateLimitDescriptor;

/** Longer keys are counted by their digest. Proxies of ours send none. */
const LONGEST_KEY = 300;

export interface Counted {
  readonly limit: RateLimit;
  readonly rule: RateLimitRule;
  readonly window: Window;
  readonly key: string;
}

/** Undefined when no rule of that name is in force, or not any more: a proxy may be a moment behind. */
export function countedBy(world: WorldView, descriptor: Descriptor): Counted | undefined {
  const entries = descriptor.entries ?? [];
  const id = entries.find(({ key }) => key === RULE_ENTRY)?.value ?? '';
  const [, namespace, name, index] = /^([^/]+)\/([^/]+)\/(\d{1,3})$/.exec(id) ?? [];
  const limit = namespace && name ? world.rateLimit(namespace, name) : undefined;
  const rule = limit?.spec.mode === 'global' ? limit.spec.rules[Number(index)] : undefined;
  if (!limit || !rule) return undefined;
  const { requests, per } = rule.limit;
  const values = entries.filter(({ key }) => key !== RULE_ENTRY).map(({ value = '' }) => value);
  return { limit, rule, window: { rule: id, requests, seconds: SECONDS_PER[per] }, key: keyOf(values) };
}

/** Two lists of values have one key only when they are equal. */
export function keyOf(values: readonly string[]): string {
  const text = values.map((value) => `${value.length}:${value}`).join('|');
  return text.length <= LONGEST_KEY ? text : `#${createHash('sha256').update(text).digest('base64url')}`;
}
