/** An API server in memory, as far as a reflector sees it: paged lists, watches, and the ways in which they fail. */
import type { KubeObject } from '../../lib/api/object';
import { KubeApiError } from '../../lib/discovery/kubernetes/api-error';
import type { Api, List, Query, WatchEvent } from '../../lib/discovery/kubernetes/client';
import type { ReflectorClock } from '../../lib/discovery/kubernetes/reflector';

interface OpenWatch {
  readonly path: string;
  readonly query: Query;
  readonly onEvent: (event: WatchEvent) => void;
  readonly onEnd: (error?: Error) => void;
}

export const refusal = (status: number, message = `status ${status}`) =>
  KubeApiError.of('GET /fake', status, JSON.stringify({ message }));

export class FakeApi implements Api {
  /** By path; each with its objects by name. */
  readonly stored = new Map<string, Map<string, KubeObject>>();
  /** Every request, in order: `LIST /api/v1/services`, `WATCH /api/v1/services 12`. */
  readonly requests: string[] = [];
  readonly watches: OpenWatch[] = [];
  version = 1;
  clusterUid = 'cluster-1';
  /** What requests fail with, while it is set. */
  failure: Error | undefined;
  /** What single resources fail with, by path. */
  readonly failures = new Map<string, Error>();

  put(path: string, object: KubeObject): void {
    const objects = this.stored.get(path) ?? new Map<string, KubeObject>();
    this.stored.set(path, objects);
    const { name } = object.metadata;
    const type = objects.has(name) ? 'MODIFIED' : 'ADDED';
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.version) } };
    objects.set(name, stored);
    this.tell(path, { type, object: stored });
  }

  delete(path: string, name: string): void {
    const object = this.stored.get(path)?.get(name);
    if (!object) throw new Error(`there is no ${name} at ${path}`);
    this.stored.get(path)!.delete(name);
    const metadata = { ...object.metadata, resourceVersion: String(++this.version) };
    this.tell(path, { type: 'DELETED', object: { ...object, metadata } });
  }

  /** Changes what is stored without anyone being told: as while a watch was away. */
  unseen(change: (stored: FakeApi['stored']) => void): void {
    this.version++;
    change(this.stored);
  }

  tell(path: string, event: WatchEvent): void {
    for (const watch of this.watches.filter((each) => each.path === path)) watch.onEvent(event);
  }

  /** Ends all watches, as a server that goes away does. */
  endWatches(error?: Error): void {
    for (const watch of this.watches.splice(0)) watch.onEnd(error);
  }

  async get<T>(path: string, query: Query = {}): Promise<T> {
    if (path === '/api/v1/namespaces/kube-system') {
      if (this.failure) throw this.failure;
      return { metadata: { name: 'kube-system', uid: this.clusterUid } } as T;
    }
    this.requests.push(`LIST ${path}`);
    const failure = this.failure ?? this.failures.get(path);
    if (failure) throw failure;
    const name = /^metadata\.name=(.*)$/.exec(String(query['fieldSelector'] ?? ''))?.[1];
    const all = [...(this.stored.get(path)?.values() ?? [])].filter(
      ({ metadata }) => name === undefined || metadata.name === name,
    );
    const from = Number(query['continue'] ?? 0);
    const to = from + Number(query['limit']);
    const next = to < all.length ? String(to) : undefined;
    const page: List = {
      metadata: { resourceVersion: String(this.version), continue: next },
      items: all.slice(from, to),
    };
    return structuredClone(page) as T;
  }

  async watch(
    path: string,
    query: Query,
    onEvent: (event: WatchEvent) => void,
    onEnd: (error?: Error) => void,
  ): Promise<() => void> {
    this.requests.push(`WATCH ${path} ${query['resourceVersion']}`);
    const failure = this.failure ?? this.failures.get(path);
    if (failure) throw failure;
    const watch = { path, query, onEvent, onEnd };
    this.watches.push(watch);
    return () => {
      const at = this.watches.indexOf(watch);
      if (at >= 0) this.watches.splice(at, 1);
    };
  }
}

/** A clock that is moved by hand; each step lets promises settle. */
export class FakeClock implements ReflectorClock {
  private time = 0;
  private tasks: { at: number; task: () => void }[] = [];
  /** All delays that were asked for. */
  readonly delays: number[] = [];

  now(): number {
    return this.time;
  }

  after(milliseconds: number, task: () => void): () => void {
    this.delays.push(milliseconds);
    const entry = { at: this.time + milliseconds, task };
    this.tasks.push(entry);
    return () => {
      this.tasks = this.tasks.filter((each) => each !== entry);
    };
  }

  async advance(milliseconds: number): Promise<void> {
    const until = this.time + milliseconds;
    await settle();
    for (;;) {
      const next = this.tasks.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.tasks = this.tasks.filter((each) => each !== next);
      this.time = Math.max(this.time, next.at);
      next.task();
      await settle();
    }
    this.time = until;
    await settle();
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
