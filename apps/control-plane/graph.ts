/** The value behind `/graph`, which the console and `malha graph` read: services, calls, certificates and links. */
import type { ReplicaState } from '../../lib/controllers/replica-answers';
import { type ServiceGraph, serviceGraph, withinNamespace } from '../../lib/graph/service-graph';
import type { MeshSource } from '../../lib/xds/mesh-source';
import type { CertificateStatus, StatusOfAll } from './status';

export interface GraphPage extends ServiceGraph {
  readonly version: string;
  /** Since when the first of the replicas counts calls, as an ISO time. */
  readonly since: string;
  /** Since when nothing that was counted is missing: all replicas count since then, and none has gone. */
  readonly wholeSince: string;
  /** Who counts, since when; one that did not answer has an error, and what it alone has seen is missing. */
  readonly replicas: readonly (ReplicaState & { readonly since?: string })[];
  /** Entries of access logs that came too fast to be counted. */
  readonly lost: number;
  /**
   * Declared calls that were never seen since `wholeSince`. None is named while nobody can know: where a replica does not answer, and
   * before the first access log.
   */
  readonly unseen: readonly {
    readonly source: string;
    readonly target: string;
    readonly declaredBy: readonly string[];
  }[];
  /** Only for those who run the mesh. */
  readonly certificates: readonly CertificateStatus[];
  /** How long workloads' certificates live, in seconds; absent where the mesh has no authority. */
  readonly certificateSeconds?: number;
  /** Where to look at traces: given by whoever runs the control plane. */
  readonly traces?: string;
}

export interface GraphSources {
  readonly source: Pick<MeshSource, 'world' | 'objects'>;
  readonly status: StatusOfAll;
  /** When a replica was last seen to go, and with it what it had counted. */
  readonly replicaGone?: Date;
  readonly certificateSeconds?: number;
  readonly traces?: string;
}

/** @param namespace of whose services and calls it tells; undefined: of all. */
export function graphOf(sources: GraphSources, namespace?: string): GraphPage {
  const { source, status, replicaGone, certificateSeconds, traces } = sources;
  const { version, since, calls, replicas, lost } = status;
  // No data is not zero: without any log, nobody can tell what was not called.
  const isWhole = calls.length > 0 && replicas.every(({ error }) => error === undefined);
  const whole = source.world
    ? serviceGraph(source.world, source.objects, { calls, isWhole })
    : { nodes: [], edges: [] };
  const graph = namespace === undefined ? whole : withinNamespace(whole, namespace);
  const begun = replicas.flatMap((replica) => replica.since ?? []);
  return {
    version,
    since,
    wholeSince: [...begun, ...(replicaGone ? [replicaGone.toISOString()] : [])].sort().at(-1) ?? since,
    replicas: replicas.map(({ name, address, error, since: from }) => ({
      name,
      ...(address && { address }),
      ...(error !== undefined && { error }),
      ...(from && { since: from }),
    })),
    lost,
    ...graph,
    unseen: graph.edges
      .filter(({ state }) => state === 'unseen')
      .map(({ source: caller, target, declaredBy }) => ({ source: caller, target, declaredBy })),
    certificates: namespace === undefined ? status.certificates : [],
    ...(certificateSeconds !== undefined && { certificateSeconds }),
    ...(traces && { traces }),
  };
}
