/** Finds hosts that overlap without comparing each with each. Hosts are names or wildcards such as `*.example.com`. */
export class HostIndex<T> {
  private readonly byHost = new Map<string, T[]>();
  private hasWildcards = false;
  /** Under each wildcard, whatever it covers. Made when it is first asked for, as few ever ask. */
  private below: Map<string, T[]> | undefined;

  add(host: string, item: T): void {
    push(this.byHost, host, item);
    this.hasWildcards ||= host.startsWith('*');
    this.below = undefined;
  }

  /** The items of exactly this host. */
  same(host: string): readonly T[] {
    return this.byHost.get(host) ?? [];
  }

  /** The items of the host itself, else of the narrowest wildcard that covers it. */
  nearest(host: string): readonly T[] {
    const items = this.byHost.get(host);
    if (items) {
      return items;
    }
    for (const candidate of this.wildcardsAround(host)) {
      const covering = this.byHost.get(candidate);
      if (covering) {
        return covering;
      }
    }
    return [];
  }

  /** The items of every host that has a name in common with `host`. */
  overlapping(host: string): T[] {
    const above = [host, ...this.wildcardsAround(host)].flatMap((candidate) => this.byHost.get(candidate) ?? []);
    return host.startsWith('*') ? [...above, ...(this.coveredBy().get(host) ?? [])] : above;
  }

  hosts(): Iterable<string> {
    return this.byHost.keys();
  }

  private wildcardsAround(host: string): readonly string[] {
    return this.hasWildcards ? wildcardsAbove(host) : [];
  }

  private coveredBy(): ReadonlyMap<string, T[]> {
    if (!this.below) {
      this.below = new Map();
      for (const [host, items] of this.byHost) {
        for (const wildcard of wildcardsAbove(host)) {
          for (const item of items) push(this.below, wildcard, item);
        }
      }
    }
    return this.below;
  }
}

function push<T>(map: Map<string, T[]>, key: string, item: T): void {
  const list = map.get(key);
  if (list) {
    list.push(item);
  } else {
    map.set(key, [item]);
  }
}

/** `a.b.c` → `*.b.c`, `*.c`, `*`, from the narrowest to the widest. */
function wildcardsAbove(host: string): string[] {
  if (host === '*') {
    return [];
  }
  const name = host.startsWith('*.') ? host.slice(2) : host;
  const labels = name.split('.').slice(0, 64);
  const wildcards = labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join('.')}`);
  return [...wildcards, '*'];
}
