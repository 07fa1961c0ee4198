/** Calls as access logs tell them, gathered by the two nodes that they go between. */
import { resolveHost, serviceHostname } from '../world';
import type { Directory, Entry } from './directory';

/** One kind of call, as Mixer has counted it. */
export interface ObservedTraffic {
  /** `NAME.NAMESPACE` of a Pod, or a SPIFFE identity where the callee has told of it. */
  readonly source: string;
  /** `HOST:PORT (SUBSET)`; `NAME.NAMESPACE:PORT` of a Pod where the callee has told of it. */
  readonly destination: string;
  readonly code: number;
  readonly protocol: 'http' | 'tcp';
  readonly count: number;
  readonly lastSeen: string;
  readonly lately?: { readonly perSecond: number; readonly times: Readonly<Record<string, number>> };
}

export interface Traffic {
  /** Since the control plane has begun to count. */
  readonly count: number;
  /** Of them: 5xx, or never answered. */
  readonly errors: number;
  readonly lastSeen: string;
  readonly codes: readonly { readonly code: number; readonly count: number }[];
  /** Of the callee, as routes have chosen it; none where no route chooses one. */
  readonly subsets: readonly { readonly name: string; readonly count: number }[];
  /** In the last half minute: calls a second, the share of them that failed, and times in milliseconds. */
  readonly perSecond: number;
  readonly errorShare?: number;
  readonly p50?: number;
  readonly p99?: number;
}

export interface ObservedEdge {
  readonly source: Entry;
  readonly target: Entry;
  readonly traffic: Traffic;
  /** The callee has seen the caller's certificate. */
  readonly isMutual: boolean;
}

/** Hosts that no object knows, which clients can make up, are nodes of their own up to here. */
const MOST_UNKNOWN_HOSTS = 50;
const OTHER_HOSTS = 'other hosts';

export function observedEdges(calls: readonly ObservedTraffic[], directory: Directory): ObservedEdge[] {
  const unknown = new Map<string, Entry>();
  const outside = (name: string): Entry => {
    const id = unknown.has(name) || unknown.size < MOST_UNKNOWN_HOSTS ? name : OTHER_HOSTS;
    const entry = unknown.get(id) ?? { id, name: id, namespace: '', kind: 'external', instances: [] };
    unknown.set(id, entry);
    return entry;
  };
  const edges = new Map<
    string,
    { source: Entry; target: Entry; byCaller: ObservedTraffic[]; byCallee: ObservedTraffic[] }
  >();
  for (const call of calls) {
    const isByCallee = call.source.startsWith('spiffe://');
    const sources = isByCallee ? directory.ofIdentity(call.source) : [directory.ofPod(call.source)];
    const source = sources[0] ?? outside(call.source);
    const [, host = call.destination] = /^(.*?)(?::\d*)?(?: \(.*\))?$/s.exec(call.destination) ?? [];
    const target =
      (isByCallee ? directory.ofPod(host) : (directory.ofHost(host) ?? directory.ofHost(complete(host, source)))) ??
      outside(host);
    const key = `${source.id}\0${target.id}`;
    const edge = edges.get(key) ?? { source, target, byCaller: [], byCallee: [] };
    edge[isByCallee ? 'byCallee' : 'byCaller'].push(call);
    edges.set(key, edge);
  }
  return [...edges.values()].map(({ source, target, byCaller, byCallee }) => ({
    source,
    target,
    // Both sides log a call; the caller also those that never came.
    traffic: trafficOf(byCaller.length > 0 ? byCaller : byCallee),
    isMutual: byCallee.length > 0,
  }));
}

/** What went to no cluster is named as the caller named it: `details` is the Service beside it, `details.shop` that of a namespace. */
function complete(host: string, { namespace }: Entry): string {
  const labels = host.split('.');
  return labels.length === 2 || (labels.length === 3 && labels[2] === 'svc')
    ? serviceHostname(labels[0]!, labels[1]!)
    : resolveHost(host, namespace);
}

function trafficOf(calls: readonly ObservedTraffic[]): Traffic {
  const codes = new Map<number, number>();
  const subsets = new Map<string, number>();
  const times = new Map<number, number>();
  let errors = 0;
  let perSecond = 0;
  let failing = 0;
  for (const { code, protocol, count, destination, lately } of calls) {
    const isError = code >= 500 || (code === 0 && protocol === 'http');
    if (isError) errors += count;
    codes.set(code, (codes.get(code) ?? 0) + count);
    const [, subset] = / \((.*)\)$/.exec(destination) ?? [];
    if (subset) subsets.set(subset, (subsets.get(subset) ?? 0) + count);
    if (!lately) continue;
    perSecond += lately.perSecond;
    if (isError) failing += lately.perSecond;
    for (const [upTo, inside] of Object.entries(lately.times)) {
      times.set(Number(upTo), (times.get(Number(upTo)) ?? 0) + inside);
    }
  }
  return {
    count: calls.reduce((sum, { count }) => sum + count, 0),
    errors,
    lastSeen: calls
      .map(({ lastSeen }) => lastSeen)
      .sort()
      .at(-1)!,
    codes: [...codes].sort(([a], [b]) => a - b).map(([code, count]) => ({ code, count })),
    subsets: [...subsets].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, count]) => ({ name, count })),
    perSecond: Math.round(perSecond * 1000) / 1000,
    ...(perSecond > 0 && { errorShare: failing / perSecond, p50: quantile(times, 0.5), p99: quantile(times, 0.99) }),
  };
}

/** The bound below which that share of the times lies. */
function quantile(times: ReadonlyMap<number, number>, share: number): number {
  const sorted = [...times].sort(([a], [b]) => a - b);
  let left = share * sorted.reduce((sum, [, count]) => sum + count, 0);
  for (const [bound, count] of sorted) {
    left -= count;
    if (left <= 0) return bound;
  }
  return 0;
}
