/** Counts of several control planes as one: each has seen what its own proxies told it. */
import type { ObservedCall } from './observed-calls';
import type { Lately } from './recent-window';

/** The same calls are one: sums of counts and rates, the mean time of all of them, the last time that one was seen. In no order. */
export function mergedCalls(parts: readonly (readonly ObservedCall[])[]): ObservedCall[] {
  if (parts.length === 1) return [...parts[0]!];
  const merged = new Map<string, ObservedCall>();
  for (const call of parts.flat()) {
    const { source, destination, code, protocol } = call;
    const key = JSON.stringify([source, destination, code, protocol]);
    const known = merged.get(key);
    merged.set(key, known ? together(known, call) : call);
  }
  return [...merged.values()];
}

function together(one: ObservedCall, other: ObservedCall): ObservedCall {
  const count = one.count + other.count;
  const milliseconds = (one.milliseconds * one.count + other.milliseconds * other.count) / count;
  const lately = one.lately && other.lately ? bothLately(one.lately, other.lately) : (one.lately ?? other.lately);
  return {
    ...one,
    count,
    milliseconds: Math.round(milliseconds * 1000) / 1000,
    lastSeen: [one.lastSeen, other.lastSeen].sort()[1]!,
    ...(lately && { lately }),
  };
}

function bothLately(one: Lately, other: Lately): Lately {
  const times: Record<string, number> = { ...one.times };
  for (const [bound, count] of Object.entries(other.times)) times[bound] = (times[bound] ?? 0) + count;
  return { perSecond: Math.round((one.perSecond + other.perSecond) * 1000) / 1000, times };
}
