/** The value behind `/tap`, which `malha tap` reads again and again: the requests since the last time, of all replicas. */
import {
  hasAnswered,
  type ReplicaAnswer,
  type ReplicaState,
  stateOf,
  type Topic,
} from '../../lib/controllers/replica-answers';
import type { RecentRequest, RecentRequests } from '../../lib/mixer/recent-requests';
import type { WorldView } from '../../lib/world';
import { namespaceOf } from './status';
import { nextCursor, type ReplicaCursor, readCursor, shortName } from './tap-cursor';

/** A request with who is on either side. */
export interface TappedRequest extends Omit<RecentRequest, 'proxy' | 'peer' | 'sequence'> {
  /** `NAME.NAMESPACE` of a Pod, or a SPIFFE identity; empty: unknown. */
  readonly from: string;
  readonly to: string;
  /** The caller's SPIFFE identity: by its certificate where the callee tells of it, else that of its Pod. */
  readonly identity?: string;
}

export interface Tap {
  /** To be asked for with `?after=`; it means nothing to anybody else. */
  readonly cursor: string;
  /** How many came since `after` and are not among these: forgotten already, or never taken in because there were too many. Of all namespaces. */
  readonly missed: number;
  /** Oldest first. */
  readonly requests: readonly TappedRequest[];
  /** One that could not be asked has an error: what its proxies tell is missing. */
  readonly replicas: readonly ReplicaState[];
}

/** What one replica has of them. */
export interface ReplicaTap extends ReplicaCursor {
  /** As cursors name it. */
  readonly replica: string;
  readonly missed: number;
  readonly requests: readonly TappedRequest[];
}

export interface TapSources {
  readonly replica: string;
  readonly since: Date;
  readonly recent: RecentRequests;
  readonly world: () => WorldView | undefined;
  readonly lost: () => number;
}

/** What one replica knows: its parameter is the cursor. */
export function tapTopic({ replica, since, recent, world, lost }: TapSources): Topic<ReplicaTap> {
  const name = shortName(replica);
  return {
    name: 'requests',
    answer(after) {
      const now: ReplicaCursor = { sequence: recent.last, lost: lost() };
      const cursor = readCursor(after);
      // One that began after the reader did has told it nothing yet; any other that is not in the cursor was not asked for what it had.
      const isNew = cursor !== undefined && since.getTime() >= cursor.begun;
      const from = cursor?.replicas.get(name) ?? (isNew ? { sequence: 0, lost: 0 } : now);
      const { requests, forgotten } = recent.after(Math.min(from.sequence, now.sequence));
      return {
        replica: name,
        ...now,
        missed: forgotten + Math.max(0, now.lost - from.lost),
        requests: requests.map((request) => tappedRequest(request, world())),
      };
    },
    read(value) {
      const { replica: told, sequence, lost: gone, missed, requests } = (value ?? {}) as Partial<ReplicaTap>;
      const counts = [sequence, gone, missed];
      if (!/^[0-9a-f]{8}$/.test(told ?? '') || !counts.every(Number.isSafeInteger) || !Array.isArray(requests))
        throw new Error('it answers with no requests');
      return { replica: told!, sequence: sequence!, lost: gone!, missed: missed!, requests };
    },
  };
}

/**
 * @param after the cursor of the last answer; null: begin now.
 * @param namespace one side has to be of it; undefined: all.
 */
export function tapOf(
  answers: readonly ReplicaAnswer<ReplicaTap>[],
  after: string | null,
  { namespace, now }: { namespace?: string; now: number },
): Tap {
  const told = answers.filter(hasAnswered).map(({ answer }) => answer);
  const before = readCursor(after ?? '') ?? { begun: now, replicas: new Map() };
  const isIn = (end: string) => namespaceOf(end) === namespace;
  const requests = told
    .flatMap((each) => each.requests)
    .filter(({ from, to }) => namespace === undefined || isIn(from) || isIn(to))
    .sort((a, b) => (a.time < b.time ? -1 : Number(a.time > b.time)));
  return {
    cursor: nextCursor(before, new Map(told.map(({ replica, sequence, lost }) => [replica, { sequence, lost }]))),
    missed: told.reduce((sum, { missed }) => sum + missed, 0),
    requests,
    replicas: answers.map(stateOf),
  };
}

function tappedRequest(
  { proxy, peer, sequence: _, ...request }: RecentRequest,
  world: WorldView | undefined,
): TappedRequest {
  if (request.reporter === 'destination') return { ...request, from: peer, to: proxy, ...(peer && { identity: peer }) };
  const dot = proxy.lastIndexOf('.');
  const namespace = proxy.slice(dot + 1);
  const pod = world?.pod(namespace, proxy.slice(0, dot));
  const domain = world?.meshConfig().trustDomain || 'cluster.local';
  const identity = pod && `spiffe://${domain}/ns/${namespace}/sa/${pod.spec?.serviceAccountName ?? 'default'}`;
  return { ...request, from: proxy, to: peer, ...(identity && { identity }) };
}
