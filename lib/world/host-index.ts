/** Objects by the hosts that they are for, wildcards among them. */
import { bySpecificity, covers } from './hostname';

export type ByHost<V> = { readonly exact: ReadonlyMap<string, V[]>; readonly wildcards: readonly string[] };

/** The objects, in their order, under each of their hosts. */
export function byHost<V>(objects: readonly V[], hostsOf: (object: V) => string[]): ByHost<V> {
  const exact = new Map<string, V[]>();
  for (const object of objects) {
    for (const host of new Set(hostsOf(object))) {
      const list = exact.get(host);
      if (list) list.push(object);
      else exact.set(host, [object]);
    }
  }
  return { exact, wildcards: [...exact.keys()].filter((host) => host.startsWith('*')).sort(bySpecificity) };
}

/** The objects of the host that fits best: the name itself, or the longest wildcard. */
export function mostSpecific<V>(hostname: string, objects: ByHost<V>): readonly V[] | undefined {
  const exact = objects.exact.get(hostname);
  if (exact) return exact;
  const wildcard = objects.wildcards.find((host) => covers(host, hostname));
  return wildcard === undefined ? undefined : objects.exact.get(wildcard);
}
