/** The graph of services: calls that are declared, calls that were seen, and what they differ in. */
import type { KubeObject } from '../api/object';
import { type MutualTlsMode, viewerOf, type WorldView } from '../world';
import { type DeclaredCall, declaredCalls } from './declared-calls';
import { Directory, type Entry, type NodeKind } from './directory';
import { type ObservedTraffic, observedEdges, type Traffic } from './observed-edges';

export interface GraphNode {
  /** `NAMESPACE/NAME`, or the host where it is outside the mesh. */
  readonly id: string;
  readonly name: string;
  /** Empty outside the mesh. */
  readonly namespace: string;
  readonly kind: NodeKind;
  readonly host?: string;
  /** Its instances by version, and the share of requests that routes without conditions give each, in per cent. */
  readonly versions: readonly { readonly name: string; readonly instances: number; readonly weight?: number }[];
  /** What it takes; absent where it has no instances. */
  readonly mutualTls?: MutualTlsMode;
}

/** `seen`: the callee has seen the caller's certificate. `required`, `optional`, `off`: by what the callee takes. */
export type EdgeTls = 'seen' | 'required' | 'optional' | 'off' | 'unknown';

export interface GraphEdge {
  readonly source: string;
  readonly target: string;
  /**
   * `expected`: declared and seen. `unseen`: declared, never seen. `undeclared`: seen, and no object says so. `declared`: whether it
   * was seen is not known.
   */
  readonly state: 'expected' | 'unseen' | 'undeclared' | 'declared';
  /** The objects that declare it. */
  readonly declaredBy: readonly string[];
  readonly mutualTls: EdgeTls;
  readonly traffic?: Traffic;
}

/** Sorted by id, and by source and target. */
export interface ServiceGraph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

/** What does not depend on traffic; worked out once for a World. */
const declarations = new WeakMap<WorldView, { directory: Directory; declared: DeclaredCall[] }>();

/** What access logs have told. */
export interface Observed {
  readonly calls: readonly ObservedTraffic[];
  /** Whoever may have seen a call was asked: what is not among them was never seen. */
  readonly isWhole: boolean;
}

/**
 * @param objects those that the World was made of.
 * @param observed undefined: nobody has looked, the graph is of declarations alone.
 */
export function serviceGraph(world: WorldView, objects: readonly KubeObject[], observed?: Observed): ServiceGraph {
  const { directory, declared } = declarationsOf(world, objects);
  const edges = new Map<
    string,
    { source: Entry; target: Entry; by: Set<string>; traffic?: Traffic; isMutual?: boolean }
  >();
  const keyOf = (source: Entry, target: Entry) => `${source.id}\0${target.id}`;
  for (const { source, target, by } of declared) {
    const edge = edges.get(keyOf(source, target)) ?? { source, target, by: new Set() };
    edge.by.add(by);
    edges.set(keyOf(source, target), edge);
  }
  for (const { source, target, traffic, isMutual } of observedEdges(observed?.calls ?? [], directory)) {
    const known = edges.get(keyOf(source, target)) ?? { source, target, by: new Set<string>() };
    edges.set(keyOf(source, target), { ...known, traffic, isMutual });
  }
  const touched = new Set([...edges.values()].flatMap(({ source, target }) => [source, target]));
  const root = world.rootNamespace();
  // The mesh's own parts, and what nobody asks for from outside, are of interest only when somebody calls them.
  const isShown = (entry: Entry) =>
    touched.has(entry) || (entry.kind !== 'external' && entry.instances.length > 0 && entry.namespace !== root);
  const entries = [...new Set([...directory.all().filter(isShown), ...touched])];
  return {
    nodes: entries.map((entry) => nodeOf(world, entry)).sort((a, b) => (a.id < b.id ? -1 : 1)),
    edges: [...edges.values()]
      .map(({ source, target, by, traffic, isMutual }) => ({
        source: source.id,
        target: target.id,
        state: stateOf(by.size > 0, traffic !== undefined, observed?.isWhole === true),
        declaredBy: [...by].sort(),
        mutualTls: isMutual ? ('seen' as const) : tlsOf(modeOf(world, target)),
        ...(traffic && { traffic }),
      }))
      .sort((a, b) => (`${a.source}\0${a.target}` < `${b.source}\0${b.target}` ? -1 : 1)),
  };
}

function stateOf(isDeclared: boolean, isSeen: boolean, isWhole: boolean): GraphEdge['state'] {
  if (!isDeclared) return 'undeclared';
  if (isSeen) return 'expected';
  return isWhole ? 'unseen' : 'declared';
}

/** What somebody of one namespace may see: its own nodes, the calls from and to them, and of other namespaces their names. */
export function withinNamespace({ nodes, edges }: ServiceGraph, namespace: string): ServiceGraph {
  const own = new Set(nodes.filter((node) => node.namespace === namespace).map(({ id }) => id));
  const shown = edges.filter(({ source, target }) => own.has(source) || own.has(target));
  const touched = new Set(shown.flatMap(({ source, target }) => [source, target]));
  const others = nodes.filter(({ id }) => touched.has(id) && !own.has(id));
  return {
    nodes: [
      ...nodes.filter(({ id }) => own.has(id)),
      ...others.map(({ id, name, namespace: of, kind }) => ({ id, name, namespace: of, kind, versions: [] })),
    ].sort((a, b) => (a.id < b.id ? -1 : 1)),
    edges: shown,
  };
}

function declarationsOf(world: WorldView, objects: readonly KubeObject[]) {
  const known = declarations.get(world);
  if (known) return known;
  const directory = new Directory(world, objects);
  const made = { directory, declared: declaredCalls(world, objects, directory) };
  declarations.set(world, made);
  return made;
}

function nodeOf(world: WorldView, { id, name, namespace, kind, host, instances }: Entry): GraphNode {
  const counts = new Map<string, number>();
  for (const { version } of instances) counts.set(version, (counts.get(version) ?? 0) + 1);
  const weights = host && counts.size > 1 ? weightsOf(world, namespace, host) : new Map<string, number>();
  const mutualTls = modeOf(world, { instances });
  return {
    id,
    name,
    namespace: kind === 'external' ? '' : namespace,
    kind,
    ...(host && { host }),
    versions: [...counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([version, count]) => {
        const weight = weights.get(version);
        return { name: version, instances: count, ...(weight !== undefined && { weight }) };
      }),
    ...(mutualTls && { mutualTls }),
  };
}

function modeOf(world: WorldView, { instances }: Pick<Entry, 'instances'>): MutualTlsMode | undefined {
  const [first] = instances;
  return first && world.mutualTls(first.namespace, first.labels).mode;
}

function tlsOf(mode: MutualTlsMode | undefined): EdgeTls {
  return mode ? ({ STRICT: 'required', PERMISSIVE: 'optional', DISABLE: 'off' } as const)[mode] : 'unknown';
}

/** By version, as the first HTTP route without conditions splits requests. */
function weightsOf(world: WorldView, namespace: string, host: string): ReadonlyMap<string, number> {
  const viewer = viewerOf(namespace);
  const routes = world.virtualServicesFor(viewer, host).flatMap(({ spec }) => spec.http ?? []);
  const split = routes.find(({ match = [], route = [] }) => match.length === 0 && route.length > 0)?.route ?? [];
  const labels = new Map(
    world
      .destinationRules(viewer, host)
      .flatMap(({ spec }) => (spec.subsets ?? []).map((subset) => [subset.name, subset.labels?.['version']] as const)),
  );
  const total = split.reduce((sum, { weight = 0 }) => sum + weight, 0);
  return new Map(
    split.flatMap(({ destination, weight = 0 }) => {
      const subset = destination?.subset;
      if (!subset) return [];
      const share = total > 0 ? (100 * weight) / total : 100 / split.length;
      return [[labels.get(subset) ?? subset, Math.round(share * 10) / 10] as const];
    }),
  );
}
