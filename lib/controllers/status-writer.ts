/**
 * Writes statuses to an API server: the ones that differ, one request at a time, so many a second, and none twice within
 * 5 s on one object. Who decides what should stand calls `replace` with all of it, as often as anything changes.
 */
import { type KubeObject, objectName } from '../api/object';
import type { Leadership } from '../discovery/kubernetes';
import { KubeApiError } from '../discovery/kubernetes';
import { Backoff } from '../discovery/kubernetes/backoff';
import type { PatchType, Query } from '../discovery/kubernetes/client';
import type { ReflectorClock } from '../discovery/kubernetes/reflector';
import {
  applied,
  comparable,
  keyOf,
  type StatusResource,
  stands,
  statusResourceOf,
  type WantedStatus,
} from './wanted-status';

/** Under this name what we have written is ours. */
export const STATUS_MANAGER = 'malha-status';

/** What the writer needs of an API server. */
export interface StatusApi {
  patch<T = KubeObject>(path: string, type: PatchType, patch: unknown, query?: Query): Promise<T>;
}

export type WriteOutcome = 'written' | 'conflict' | 'gone' | 'forbidden' | 'invalid' | 'failed';

export interface StatusWriterOptions {
  readonly api: StatusApi;
  readonly leadership: Leadership;
  readonly clock: ReflectorClock;
  /** Told of each request. `problem` is what the server said, where it did not take it. */
  readonly onOutcome?: (outcome: WriteOutcome, object: KubeObject, problem?: string) => void;
  /** Asks for `replace` with what stands there by now. */
  readonly onStale?: () => void;
  /** From 0 to 1. */
  readonly random?: () => number;
}

/** An object's status is written at most this often. */
export const SAME_OBJECT_MS = 5_000;
/** All writes together: 20 a second. */
export const PACE_MS = 50;

export class StatusWriter {
  /** What differs, in the order in which it came to differ; within a namespace it is written so. */
  private queue = new Map<string, WantedStatus>();
  /** When an object's status was last written, as long as that matters. */
  private readonly written = new Map<string, number>();
  /** What an API server has made of a status, or has refused: trying again would change nothing. */
  private readonly settled = new Map<string, { readonly wanted: string; readonly got: string }>();
  /** When each namespace had its last turn, counted in turns, as long as anything waits. */
  private readonly turns = new Map<string, number>();
  private turn = 0;
  private readonly backoff: Backoff;
  private cancel: (() => void) | undefined;
  private isWriting = false;
  private isClosed = false;
  private notBefore = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: StatusWriterOptions) {
    this.backoff = new Backoff({ first: 500, random: options.random });
  }

  /** All statuses that should stand; objects that are not among them are no concern any more. */
  replace(all: readonly WantedStatus[]): void {
    const differing = new Map(all.filter((wanted) => this.isDue(wanted)).map((wanted) => [keyOf(wanted), wanted]));
    // Who has waited keeps its turn.
    const waiting = [...this.queue.keys()].flatMap((key) => (differing.has(key) ? [[key, differing.get(key)!]] : []));
    this.queue = new Map([...(waiting as [string, WantedStatus][]), ...differing]);
    if (this.settled.size > 0) {
      const known = new Set(all.map(keyOf));
      for (const key of this.settled.keys()) if (!known.has(key)) this.settled.delete(key);
    }
    this.next();
  }

  /** How many objects wait. */
  get waiting(): number {
    return this.queue.size;
  }

  close(): void {
    this.isClosed = true;
    this.queue.clear();
    this.cancel?.();
  }

  private isDue(wanted: WantedStatus): boolean {
    if (stands(wanted)) return false;
    const settled = this.settled.get(keyOf(wanted));
    if (!settled) return true;
    const { status, standing } = wanted;
    return settled.wanted !== comparable(status) || settled.got !== comparable(standing.status, status);
  }

  private next(): void {
    const { clock, leadership } = this.options;
    this.cancel?.();
    this.cancel = undefined;
    if (this.queue.size === 0) this.turns.clear();
    if (this.isClosed || this.isWriting || this.queue.size === 0) return;
    if (!leadership.isLeader()) {
      this.queue.clear();
      return;
    }
    const now = clock.now();
    for (const [key, at] of this.written) if (at + SAME_OBJECT_MS <= now) this.written.delete(key);
    const free = this.nextInTurn();
    const first = free === undefined ? Math.min(...[...this.queue.keys()].map((key) => this.freeAt(key))) : now;
    const at = Math.max(first, this.notBefore);
    if (at > now || free === undefined) {
      this.cancel = clock.after(at - now, () => this.next());
      return;
    }
    const wanted = this.queue.get(free)!;
    this.queue.delete(free);
    this.turns.set(wanted.object.metadata.namespace ?? '', ++this.turn);
    this.isWriting = true;
    this.notBefore = now + PACE_MS;
    void this.write(free, wanted).finally(() => {
      this.isWriting = false;
      this.next();
    });
  }

  /** Namespaces take turns, so that ten thousand objects of one keep nobody else waiting. */
  private nextInTurn(): string | undefined {
    let found: string | undefined;
    let longest = Number.POSITIVE_INFINITY;
    for (const [key, { object }] of this.queue) {
      const last = this.turns.get(object.metadata.namespace ?? '') ?? 0;
      if (last >= longest || this.written.has(key)) continue;
      [found, longest] = [key, last];
      if (last === 0) break;
    }
    return found;
  }

  private freeAt(key: string): number {
    return (this.written.get(key) ?? Number.NEGATIVE_INFINITY) + SAME_OBJECT_MS;
  }

  private async write(key: string, wanted: WantedStatus): Promise<void> {
    const { api, clock } = this.options;
    const { object, status, standing } = wanted;
    const kind = statusResourceOf(object);
    if (!kind) return;
    try {
      const answer = await api.patch(pathOf(kind, object), 'apply', bodyOf(kind, wanted), APPLY);
      this.backoff.reset();
      this.written.set(key, clock.now());
      const got = comparable(answer.status, status);
      if (got === comparable(status)) this.settled.delete(key);
      else this.settled.set(key, { wanted: comparable(status), got });
      this.tell('written', object);
    } catch (error) {
      this.failed(key, wanted, comparable(standing.status, status), error as Error);
    }
  }

  private failed(key: string, { object, status }: WantedStatus, got: string, error: Error): void {
    const { clock } = this.options;
    const code = error instanceof KubeApiError ? error.status : 0;
    const outcome = OUTCOMES[code] ?? 'failed';
    this.tell(outcome, object, error.message);
    // Somebody was faster: its version is on the way.
    if (outcome === 'conflict') this.written.set(key, clock.now() - SAME_OBJECT_MS + CONFLICT_MS);
    else if (outcome === 'invalid') this.settled.set(key, { wanted: comparable(status), got });
    else if (outcome !== 'gone') this.notBefore = clock.now() + this.backoff.next();
    if (outcome !== 'invalid' && outcome !== 'gone') this.options.onStale?.();
  }

  private tell(outcome: WriteOutcome, object: KubeObject, problem?: string): void {
    this.options.onOutcome?.(outcome, object, problem && `${objectName(object)}: ${problem}`);
  }
}

/** After a conflict an object waits this long. */
const CONFLICT_MS = 1_000;

const OUTCOMES: Readonly<Record<number, WriteOutcome>> = {
  400: 'invalid',
  403: 'forbidden',
  404: 'gone',
  409: 'conflict',
  422: 'invalid',
};

const APPLY: Query = { fieldManager: STATUS_MANAGER, force: true };

function pathOf(
  { group, storedVersion, plural }: StatusResource,
  { metadata: { namespace, name } }: KubeObject,
): string {
  const place = namespace === undefined ? '' : `/namespaces/${namespace}`;
  return `/apis/${group}/${storedVersion}${place}/${plural}/${name}/status`;
}

/** With the version that was looked at: what has changed since then is looked at first. */
function bodyOf({ group, storedVersion, kind }: StatusResource, wanted: WantedStatus): object {
  const { namespace, name } = wanted.object.metadata;
  return {
    apiVersion: `${group}/${storedVersion}`,
    kind,
    metadata: { name, ...(namespace !== undefined && { namespace }), resourceVersion: wanted.standing.resourceVersion },
    status: applied(wanted),
  };
}
