/** Finds hosts that overlap without comparing each with each. Hosts are names or wildcards such as `*.example.com`. */
export class HostIndex<T> {
  private readonly byHost = new Map<string, T[]>();
  /** Under each wildcard, whatever it covers. */
  private readonly below = new Map<string, T[]>();

  add(host: string, item: T): void {
    push(this.byHost, host, item);
    for (const wildcard of wildcardsAbove(host)) {
      push(this.below, wildcard, item);
    }
  }

  /** The items of exactly this host. */
  same(host: string): readonly T[] {
    return this.byHost.get(host) ?? [];
  }

  /** The items of the host itself, else of the narrowest wildcard that covers it. */
  nearest(host: string): readonly T[] {
    for (const candidate of [host, ...wildcardsAbove(host)]) {
      const items = this.byHost.get(candidate);
      if (items) {
        return items;
      }
    }
    return [];
  }

  /** The items of every host that has a name in common with `host`. */
  overlapping(host: string): T[] {
    const above = [host, ...wildcardsAbove(host)].flatMap((candidate) => this.byHost.get(candidate) ?? []);
    return host.startsWith('*') ? [...above, ...(this.below.get(host) ?? [])] : above;
  }

  hosts(): Iterable<string> {
    return this.byHost.keys();
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
