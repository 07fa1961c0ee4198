/** What the console reads of `/graph` and `/status`, and the questions that its views have about it. No DOM. */

export interface Version {
  readonly name: string;
  readonly instances: number;
  readonly weight?: number;
}

export interface Node {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly kind: 'service' | 'gateway' | 'workload' | 'external';
  readonly host?: string;
  readonly versions: readonly Version[];
  readonly mutualTls?: 'STRICT' | 'PERMISSIVE' | 'DISABLE';
}

export interface Traffic {
  readonly count: number;
  readonly errors: number;
  readonly lastSeen: string;
  readonly codes: readonly { readonly code: number; readonly count: number }[];
  readonly subsets: readonly { readonly name: string; readonly count: number }[];
  readonly perSecond: number;
  readonly errorShare?: number;
  readonly p50?: number;
  readonly p99?: number;
}

export type EdgeState = 'expected' | 'unseen' | 'undeclared' | 'declared';

export interface Edge {
  readonly source: string;
  readonly target: string;
  readonly state: EdgeState;
  readonly declaredBy: readonly string[];
  readonly mutualTls: 'seen' | 'required' | 'optional' | 'off' | 'unknown';
  readonly traffic?: Traffic;
}

/** Of the control plane. */
export interface Replica {
  readonly name: string;
  /** Since when it counts calls. */
  readonly since?: string;
  /** Why it could not be asked. */
  readonly error?: string;
}

export interface Graph {
  readonly version: string;
  readonly since: string;
  readonly wholeSince: string;
  readonly replicas: readonly Replica[];
  readonly lost: number;
  readonly nodes: readonly Node[];
  readonly edges: readonly Edge[];
  readonly unseen: readonly {
    readonly source: string;
    readonly target: string;
    readonly declaredBy: readonly string[];
  }[];
  readonly certificates: readonly {
    readonly level: string;
    readonly notBefore: string;
    readonly notAfter: string;
    readonly isOverdue: boolean;
    readonly replicas?: readonly string[];
  }[];
  readonly certificateSeconds?: number;
  readonly traces?: string;
}

export interface Finding {
  readonly code: string;
  readonly level: 'error' | 'warning' | 'info';
  readonly resource: string;
  readonly message: string;
  readonly path?: string;
  readonly file?: string;
  readonly line?: number;
  readonly construct?: string;
  readonly fix?: string;
}

export interface TypeStatus {
  readonly state: string;
  readonly resources: number;
  readonly error?: string;
  readonly rejected?: readonly { readonly name: string; readonly error: string }[];
}

export interface Proxy {
  readonly node: { readonly id: string; readonly version?: string };
  readonly connectedAt?: string;
  /** The replica that serves it. */
  readonly replica?: string;
  readonly credential?: { readonly identity: string; readonly kind: string; readonly expiresAt: string };
  readonly types: Readonly<Record<string, TypeStatus>>;
}

/** Of a proxy: by type what it has taken; of secrets the certificates. */
export interface Configured {
  readonly proxy: Proxy;
  readonly configuration: Readonly<Record<string, readonly Resource[]>>;
}

export interface Resource {
  readonly name?: string;
  readonly cluster_name?: string;
}

export interface Status {
  readonly version?: string;
  readonly configuration?: { readonly state: string; readonly generation?: number };
  readonly proxies: readonly Proxy[];
  readonly findings: readonly Finding[];
  readonly replicas?: readonly Replica[];
}

export interface Selection {
  /** Words that a name has to contain; empty: all. */
  readonly words: string;
  /** Empty: all. */
  readonly namespace: string;
  /** States of edges that are shown. */
  readonly states: ReadonlySet<EdgeState>;
  /** Namespaces that are shown as one node. */
  readonly collapsed: ReadonlySet<string>;
}

export interface Shown {
  readonly nodes: readonly Node[];
  readonly edges: readonly Edge[];
  /** Nodes that match by themselves; the others are their neighbours. */
  readonly matching: ReadonlySet<string>;
}

/** The id of a namespace that is shown as one node. */
export const groupId = (namespace: string) => `${namespace}/*`;

/** The part of the graph that is to be shown: what matches, what it calls and what calls it, whole namespaces as one node. */
export function shownOf(
  graph: Pick<Graph, 'nodes' | 'edges'>,
  { words, namespace, states, collapsed }: Selection,
): Shown {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = (node: Node) =>
    (namespace === '' || node.namespace === namespace) &&
    wanted.every((word) => `${node.id} ${node.host ?? ''}`.toLowerCase().includes(word));
  const isNarrowed = wanted.length > 0 || namespace !== '';
  const matching = new Set(graph.nodes.filter(matches).map(({ id }) => id));
  const near = graph.edges.filter(
    ({ source, target, state }) => states.has(state) && (matching.has(source) || matching.has(target)),
  );
  const ids = new Set([...matching, ...near.flatMap(({ source, target }) => [source, target])]);
  const nodes = graph.nodes.filter(({ id }) => ids.has(id));
  // Who looks for something wants to see it, not its namespace.
  if (isNarrowed || collapsed.size === 0) return { nodes, edges: near, matching };
  return folded(nodes, near, collapsed);
}

function folded(nodes: readonly Node[], edges: readonly Edge[], collapsed: ReadonlySet<string>): Shown {
  const standIn = new Map<string, string>();
  const shown = new Map<string, Node>();
  for (const node of nodes) {
    if (!collapsed.has(node.namespace)) {
      shown.set(node.id, node);
      continue;
    }
    const id = groupId(node.namespace);
    standIn.set(node.id, id);
    const before = shown.get(id)?.versions[0]?.instances ?? 0;
    const count = before + 1;
    shown.set(id, {
      id,
      name: node.namespace,
      namespace: '',
      kind: 'service',
      versions: [{ name: count === 1 ? 'service' : 'services', instances: count }],
    });
  }
  const merged = new Map<string, Edge>();
  for (const edge of edges) {
    const source = standIn.get(edge.source) ?? edge.source;
    const target = standIn.get(edge.target) ?? edge.target;
    if (source === target) continue;
    const key = `${source}\n${target}`;
    const known = merged.get(key);
    merged.set(key, known ? joined(known, edge) : { ...edge, source, target });
  }
  return { nodes: [...shown.values()], edges: [...merged.values()], matching: new Set(shown.keys()) };
}

const GRAVITY: Record<EdgeState, number> = { undeclared: 3, expected: 2, unseen: 1, declared: 0 };

/** Two edges as one: the state that matters more, and the sum of their traffic. */
function joined(one: Edge, other: Edge): Edge {
  const traffics = [one.traffic, other.traffic].filter((traffic) => traffic !== undefined);
  const sum = (value: (traffic: Traffic) => number) => traffics.reduce((total, traffic) => total + value(traffic), 0);
  const perSecond = sum((traffic) => traffic.perSecond);
  const traffic: Traffic | undefined =
    traffics.length < 2
      ? traffics[0]
      : {
          count: sum(({ count }) => count),
          errors: sum(({ errors }) => errors),
          lastSeen: traffics.map(({ lastSeen }) => lastSeen).sort()[1]!,
          codes: [],
          subsets: [],
          perSecond,
          ...(perSecond > 0 && {
            errorShare: sum(({ errorShare = 0, perSecond: rate }) => errorShare * rate) / perSecond,
            p99: Math.max(...traffics.map(({ p99 = 0 }) => p99)),
          }),
        };
  return {
    ...one,
    state: GRAVITY[one.state] >= GRAVITY[other.state] ? one.state : other.state,
    declaredBy: [...one.declaredBy, ...other.declaredBy],
    mutualTls: one.mutualTls === other.mutualTls ? one.mutualTls : 'unknown',
    ...(traffic && { traffic }),
  };
}

/**
 * The shortest way of a request to a node, from a gateway where one leads there, else from whoever is first: one that requests
 * were seen to go, else one that is declared.
 */
export function pathTo(graph: Pick<Graph, 'nodes' | 'edges'>, id: string): readonly string[] {
  const seen = pathAlong({ ...graph, edges: graph.edges.filter(({ traffic }) => traffic !== undefined) }, id);
  return seen.length > 1 ? seen : pathAlong(graph, id);
}

function pathAlong(graph: Pick<Graph, 'nodes' | 'edges'>, id: string): readonly string[] {
  const callers = new Map<string, string[]>();
  for (const { source, target } of graph.edges) callers.set(target, [...(callers.get(target) ?? []), source]);
  const gateways = new Set(graph.nodes.filter(({ kind }) => kind === 'gateway').map((node) => node.id));
  const next = new Map<string, string | undefined>([[id, undefined]]);
  let last = id;
  for (const each of next.keys()) {
    last = each;
    if (gateways.has(each)) break;
    for (const caller of callers.get(each) ?? []) if (!next.has(caller)) next.set(caller, each);
  }
  const path: string[] = [];
  for (let at: string | undefined = last; at !== undefined; at = next.get(at)) path.push(at);
  return path;
}

/** Findings about the objects that bear a node's name. */
export function findingsOf(findings: readonly Finding[], { namespace, name, host }: Node): readonly Finding[] {
  return findings.filter(({ resource, message }) => {
    const object = resource.slice(resource.indexOf(' ') + 1);
    return object === `${namespace}/${name}` || (host !== undefined && message.includes(host));
  });
}
