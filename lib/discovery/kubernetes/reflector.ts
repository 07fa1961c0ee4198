/**
 * One resource of an API server, mirrored: listed in pages, then watched, and listed again only when the server says that
 * what it knows of our version is gone (410). What was healthy stays through every failure.
 *
 * A list is no proof that what it leaves out is gone: an API server whose etcd was restored or emptied answers as
 * calmly as any. So a list that comes after the first one, and that goes back in time or leaves out more than half, is
 * *doubted*: what it says newly is taken, what it leaves out is held. It goes only when the same cluster (the uid of its
 * Namespace kube-system tells), not behind what it said before, has left it out for a minute. A watch's DELETED is
 * somebody's deed and is believed at once.
 */
import { sameValue } from '../../api/equality';
import type { KubeObject } from '../../api/object';
import { KubeApiError } from './api-error';
import { Backoff } from './backoff';
import type { Api, List, Query, WatchEvent } from './client';
import { kept, pathOf, type Resource, resourceName, type Standing, standingOf } from './resource';

export interface ReflectorClock {
  /** Milliseconds. */
  now(): number;
  /** Runs `task` later; returns how to cancel it. */
  after(milliseconds: number, task: () => void): () => void;
}

export interface ReflectorOptions {
  readonly api: Api;
  readonly resource: Resource;
  /** Called after each change of `objects`, and when the first list is there. */
  readonly onChange: () => void;
  /** Called when only what stands beside objects has changed. */
  readonly onStanding?: () => void;
  /** Called when a list or a watch fails, and with undefined when it goes well again. */
  readonly onTrouble: (trouble: string | undefined) => void;
  /** Whether the API server still is that of the cluster that was listed first. */
  readonly isSameCluster: () => Promise<boolean>;
  readonly clock: ReflectorClock;
  readonly random?: () => number;
  /** Nobody waits for it: that it may not be read counts as an answer. */
  readonly optional?: boolean;
}

const PAGE = 500;
/** A watch is asked anew after 5 to 10 minutes, so that replicas of the API server share the load. */
const WATCH_SECONDS = 300;
/** How long a request for a watch may take, and how much longer than agreed a watch may. */
const GRACE_MS = 30_000;
/** An API server that is back is noticed within this: much of what a mesh promises after an outage waits for it. */
const LONGEST_PAUSE_MS = 10_000;
/** A watch that ends sooner is a failure, however politely it ends. */
const SHORTEST_WATCH_MS = 1000;
/** How often a kind is looked for that the API server does not serve, or that we may not read. */
const ABSENT_MS = 10_000;
/** How long an unlikely list has to hold, and how often it is asked for meanwhile. */
export const CONFIRMED_AFTER_MS = 60_000;
export const CONFIRM_EVERY_MS = 10_000;

export class Reflector {
  private readonly known = new Map<string, KubeObject>();
  private readonly standings = new Map<string, Standing>();
  /** Left out by a list that is doubted. */
  private readonly held = new Set<string>();
  private heldSince = 0;
  private sorted: readonly KubeObject[] | undefined;
  private version: string | undefined;
  private highest = 0n;
  private listed = false;
  private stopped = false;
  private readonly backoff: Backoff;
  private interrupt: () => void = () => undefined;

  constructor(private readonly options: ReflectorOptions) {
    this.backoff = new Backoff({ random: options.random, longest: LONGEST_PAUSE_MS });
  }

  /** All objects, by namespace and name; the same array until something changes. */
  get objects(): readonly KubeObject[] {
    this.sorted ??= [...this.known].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
    return this.sorted;
  }

  /** What stands beside an object; undefined where the resource has no status of ours, or no such object. */
  standing(namespace: string | undefined, name: string): Standing | undefined {
    return this.standings.get(keyOf({ metadata: { namespace, name } }));
  }

  /** Whether the first list is there, so that `objects` can be relied on. */
  get isWhole(): boolean {
    return this.listed;
  }

  /** How many objects are held although the newest list leaves them out. */
  get heldObjects(): number {
    return this.held.size;
  }

  start(): void {
    void this.run();
  }

  stop(): void {
    this.stopped = true;
    this.interrupt();
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      try {
        if (this.version === undefined) await this.list();
        if (!this.stopped) await this.watch();
      } catch (error) {
        if (!this.stopped) await this.pause(this.failed(error as Error));
      }
    }
  }

  /** @returns how long to wait. */
  private failed(error: Error): number {
    if (error instanceof KubeApiError) {
      if (error.isExpired) {
        // Everything has to be listed again; that is how it should be, and no trouble.
        this.version = undefined;
        return this.backoff.next();
      }
      const answersForNow = error.isNotFound || (this.options.optional && error.status === 403);
      if (answersForNow && this.known.size === 0) {
        this.version = undefined;
        this.options.onTrouble(error.isNotFound ? undefined : error.message);
        this.whole();
        return ABSENT_MS;
      }
    }
    this.options.onTrouble(error.message);
    return this.backoff.next();
  }

  private whole(): void {
    if (this.listed) return;
    this.listed = true;
    this.options.onChange();
  }

  private pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.options.clock.after(milliseconds, resolve);
      this.interrupt = () => {
        cancel();
        resolve();
      };
    });
  }

  private selector(): Query {
    const { name, labels } = this.options.resource;
    const selected = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`);
    return {
      ...(name !== undefined && { fieldSelector: `metadata.name=${name}` }),
      ...(selected.length > 0 && { labelSelector: selected.join() }),
    };
  }

  private async list(): Promise<void> {
    const { api, resource } = this.options;
    const found = new Map<string, KubeObject>();
    let version: string | undefined;
    let next: string | undefined;
    do {
      const query: Query = { ...this.selector(), limit: PAGE, continue: next };
      const page: List = await api.get<List>(pathOf(resource), query);
      if (!Array.isArray(page.items) || !page.metadata) throw new Error(`${resourceName(resource)}: no list came`);
      for (const item of page.items) {
        if (!item?.metadata?.name) continue;
        found.set(keyOf(item), kept(item, resource));
        this.stand(item);
      }
      version = page.metadata.resourceVersion;
      next = page.metadata.continue || undefined;
    } while (next && !this.stopped);
    if (this.stopped) return;
    await this.take(found, version ?? '0');
    this.version = version ?? '0';
    this.backoff.reset();
    this.options.onTrouble(this.doubt());
  }

  private async take(found: ReadonlyMap<string, KubeObject>, version: string): Promise<void> {
    const { clock, isSameCluster } = this.options;
    const missing = [...this.known.keys()].filter((key) => !found.has(key));
    const number = toNumber(version);
    const wentBack = number < this.highest;
    const isUnlikely = missing.length > 0 && (wentBack || missing.length * 2 > this.known.size || this.held.size > 0);
    if (isUnlikely && this.held.size === 0) this.heldSince = clock.now();
    const hasStood = clock.now() - this.heldSince >= CONFIRMED_AFTER_MS;
    const isBelieved = !isUnlikely || (hasStood && !wentBack && (await isSameCluster()));
    if (number > this.highest) this.highest = number;

    let changed = false;
    for (const [key, object] of found) changed = this.put(key, object) || changed;
    this.held.clear();
    for (const key of missing) {
      if (isBelieved) changed = this.remove(key) || changed;
      else this.held.add(key);
    }
    if (!this.listed) this.whole();
    else if (changed) this.options.onChange();
    else this.options.onStanding?.();
  }

  private doubt(): string | undefined {
    if (this.held.size === 0) return undefined;
    const name = resourceName(this.options.resource);
    return (
      `${name}: the newest list leaves out ${this.held.size} of ${this.known.size}, which stay in force; they go when the ` +
      `same cluster has left them out for ${CONFIRMED_AFTER_MS / 1000} s, when they are deleted, or with a restart`
    );
  }

  /** @returns whether it is news. */
  private stand(item: KubeObject): boolean {
    if (!this.options.resource.hasOwnStatus) return false;
    const key = keyOf(item);
    const isNews = this.standings.get(key)?.resourceVersion !== item.metadata.resourceVersion;
    if (isNews) this.standings.set(key, standingOf(item));
    return isNews;
  }

  private put(key: string, object: KubeObject): boolean {
    this.held.delete(key);
    const before = this.known.get(key);
    if (before && sameValue(before, object)) return false;
    this.known.set(key, object);
    this.sorted = undefined;
    return true;
  }

  private remove(key: string): boolean {
    this.held.delete(key);
    this.standings.delete(key);
    this.sorted = undefined;
    return this.known.delete(key);
  }

  /** Resolves when a watch has ended as agreed. */
  private async watch(): Promise<void> {
    const { api, clock, resource, random = Math.random } = this.options;
    const timeoutSeconds = Math.round(WATCH_SECONDS * (1 + random()));
    const query = { ...this.selector(), resourceVersion: this.version, allowWatchBookmarks: true, timeoutSeconds };
    const started = clock.now();
    let events = 0;
    await new Promise<void>((resolve, reject) => {
      let stop: (() => void) | undefined;
      let ended = false;
      const timers: (() => void)[] = [];
      const finish = (error?: Error) => {
        if (ended) return;
        ended = true;
        for (const cancel of timers) cancel();
        stop?.();
        if (error) reject(error);
        else resolve();
      };
      this.interrupt = () => finish();
      const late = clock.after(GRACE_MS, () => {
        if (!stop) finish(new Error(`${resourceName(resource)}: no watch within ${GRACE_MS / 1000} s`));
      });
      const silent = clock.after(timeoutSeconds * 1000 + GRACE_MS, () => finish());
      timers.push(late, silent);
      if (this.held.size > 0) timers.push(clock.after(CONFIRM_EVERY_MS, () => this.listAgain(finish)));
      const onEvent = (event: WatchEvent) => {
        if (ended) return;
        events++;
        try {
          this.note(event);
        } catch (error) {
          finish(error as Error);
        }
      };
      api.watch(pathOf(resource), query, onEvent, finish).then((end) => {
        stop = end;
        if (ended) end();
      }, finish);
    });
    if (this.stopped || this.version === undefined) return;
    if (events === 0 && clock.now() - started < SHORTEST_WATCH_MS) {
      throw new Error(`${resourceName(resource)}: the watch ended at once`);
    }
    this.backoff.reset();
  }

  private listAgain(finish: () => void): void {
    this.version = undefined;
    finish();
  }

  private note({ type, object }: WatchEvent): void {
    const { resource, onChange, onTrouble } = this.options;
    if (type === 'ERROR') {
      const { code = 500 } = object as { code?: number };
      throw KubeApiError.of(`WATCH ${resourceName(resource)}`, code, JSON.stringify(object));
    }
    this.backoff.reset();
    if (this.held.size === 0) onTrouble(undefined);
    const { resourceVersion } = object.metadata;
    if (resourceVersion) {
      this.version = resourceVersion;
      const number = toNumber(resourceVersion);
      if (number > this.highest && this.held.size === 0) this.highest = number;
    }
    if (type === 'BOOKMARK') return;
    const key = keyOf(object);
    const hasMoved = type !== 'DELETED' && this.stand(object);
    if (type === 'DELETED' ? this.remove(key) : this.put(key, kept(object, resource))) onChange();
    else if (hasMoved) this.options.onStanding?.();
  }
}

function keyOf({ metadata: { namespace = '', name } }: Pick<KubeObject, 'metadata'>): string {
  return `${namespace}/${name}`;
}

/** Versions of one resource are decimal numbers that grow (Kubernetes 1.35 says so; all did so before). */
function toNumber(version: string): bigint {
  return /^\d{1,30}$/.test(version) ? BigInt(version) : 0n;
}
