/** The value behind `/graph`, which the console and `malha graph` read: services, calls, certificates and links. */
import { type ServiceGraph, serviceGraph, withinNamespace } from '../../lib/graph/service-graph';
import type { ObservedCalls } from '../../lib/mixer/observed-calls';
import type { MeshSource } from '../../lib/xds/mesh-source';
import type { CitadelExpiry } from './citadel';

export interface GraphPage extends ServiceGraph {
  readonly version: string;
  /** Since when calls are counted, as an ISO time. */
  readonly since: string;
  /** Declared calls that were never seen since then. */
  readonly unseen: readonly {
    readonly source: string;
    readonly target: string;
    readonly declaredBy: readonly string[];
  }[];
  /** The mesh's own certificates, ISO times; workloads' are their proxies' own. Only for those who run the mesh. */
  readonly certificates: readonly {
    readonly level: CitadelExpiry['level'];
    readonly notBefore: string;
    readonly notAfter: string;
    readonly isOverdue: boolean;
  }[];
  /** How long workloads' certificates live, in seconds; absent where the mesh has no authority. */
  readonly certificateSeconds?: number;
  /** Where to look at traces: given by whoever runs the control plane. */
  readonly traces?: string;
}

export interface GraphSources {
  readonly version: string;
  readonly since: Date;
  readonly source: MeshSource;
  readonly calls: ObservedCalls;
  readonly expiries?: readonly CitadelExpiry[];
  readonly certificateSeconds?: number;
  readonly traces?: string;
}

/** @param namespace of whose services and calls it tells; undefined: of all. */
export function graphOf(sources: GraphSources, namespace?: string): GraphPage {
  const { source, calls, version, since, expiries = [], certificateSeconds, traces } = sources;
  const whole = source.world ? serviceGraph(source.world, source.objects, calls.all()) : { nodes: [], edges: [] };
  const graph = namespace === undefined ? whole : withinNamespace(whole, namespace);
  return {
    version,
    since: since.toISOString(),
    ...graph,
    unseen: graph.edges
      .filter(({ state }) => state === 'unseen')
      .map(({ source: caller, target, declaredBy }) => ({ source: caller, target, declaredBy })),
    certificates:
      namespace === undefined
        ? expiries.map(({ level, notBefore, notAfter, isOverdue }) => ({
            level,
            notBefore: notBefore.toISOString(),
            notAfter: notAfter.toISOString(),
            isOverdue,
          }))
        : [],
    ...(certificateSeconds !== undefined && { certificateSeconds }),
    ...(traces && { traces }),
  };
}
