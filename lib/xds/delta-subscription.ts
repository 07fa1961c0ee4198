/** One resource type of one client, delta variant: the server knows what the client has, and sends differences. */
import type { EnvoyResource } from '../envoy/resource';
import {
  checkNames,
  type Held,
  isHeld,
  NameSet,
  type Received,
  type Rejection,
  type Request,
  type Subscription,
  type Update,
  type Wanted,
  WILDCARD,
} from './subscription';

/** Responses spent on finding out which resource of a rejected response was at fault. */
const MAX_ISOLATION = 64;

interface Outstanding {
  readonly nonce: string;
  readonly resources: readonly EnvoyResource[];
  readonly version: string;
}

export class DeltaSubscription implements Subscription {
  acknowledgedVersion = '';
  readonly rejections = new Map<string, Rejection>();
  readonly held = new Map<string, Held>();
  acknowledged: readonly EnvoyResource[] = [];

  private isFirst = true;
  private isWildcard = false;
  private readonly names = new NameSet();
  /** Names that the client asked about and is owed an answer on, whatever it has. */
  private readonly owed = new NameSet();
  /** The first request of a stream is always answered: a client with nothing to wait for would wait. */
  private owesAnswer = false;
  private outstanding?: Outstanding;
  /** Parts of a rejected response, each to be sent alone; the next first. */
  private parts: (readonly EnvoyResource[])[] = [];
  private isolations = 0;

  get isWaiting(): boolean {
    return this.outstanding !== undefined;
  }

  receive(request: Request): Received {
    const received = this.answer(request);
    // On a reconnect the client subscribes to what it has; there, the difference is answer enough.
    const has = this.isFirst ? new Set(Object.keys(request.initialVersions)) : undefined;
    if (this.isFirst) this.begin(request);
    for (const name of request.subscribe) this.subscribe(name, !has?.has(name));
    for (const name of request.unsubscribe) this.unsubscribe(name);
    checkNames(this.names, request.typeUrl);
    checkNames(this.owed, request.typeUrl);
    return received;
  }

  private answer({ nonce, error }: Request): Received {
    // A nonce from before this stream answers nothing on it.
    if (nonce === '' || this.isFirst) return 'subscribed';
    if (nonce !== this.outstanding?.nonce) return 'stale';
    const { resources, version } = this.outstanding;
    this.outstanding = undefined;
    if (error === undefined) {
      this.acknowledgedVersion = version;
      this.acknowledged = resources;
      for (const { name } of resources) this.take(name);
      this.rejections.delete('');
      return 'acknowledged';
    }
    this.reject(resources, error);
    return 'rejected';
  }

  /** Halves what was rejected until the culprit is alone; the client may have skipped everything behind it. */
  private reject(resources: readonly EnvoyResource[], error: string): void {
    if (resources.length > 1 && this.isolations < MAX_ISOLATION) {
      const middle = resources.length >> 1;
      this.parts.unshift(resources.slice(0, middle), resources.slice(middle));
      return;
    }
    for (const resource of resources) this.keep(resource, error);
    if (resources.length === 0) this.rejections.set('', { name: '', version: '', error });
  }

  private take(name: string): void {
    this.rejections.delete(name);
    const held = this.held.get(name);
    if (held?.before !== undefined) this.held.set(name, { version: held.version, resource: held.resource });
  }

  /** The client goes on with what it had before. */
  private keep(resource: EnvoyResource, error: string): void {
    const { name, version } = resource;
    const held = this.held.get(name);
    const before = held?.version === version ? held.before : undefined;
    if (before) this.held.set(name, before);
    else if (before === null) this.held.delete(name);
    this.rejections.set(name, { name, version, error, resource, ...(before?.resource && { kept: before.resource }) });
  }

  private begin({ subscribe, initialVersions }: Request): void {
    this.isFirst = false;
    this.owesAnswer = true;
    // Before `*` was a name, a first request without names meant everything.
    if (subscribe.length === 0) this.isWildcard = true;
    for (const [name, version] of Object.entries(initialVersions)) this.held.set(name, { version });
    // What it held under names that it no longer wants is no concern of ours.
    if (!this.isWildcard && !subscribe.includes(WILDCARD)) {
      const wanted = new Set(subscribe);
      for (const name of this.held.keys()) if (!wanted.has(name)) this.held.delete(name);
    }
  }

  private subscribe(name: string, isOwed: boolean): void {
    if (name === WILDCARD) {
      this.isWildcard = true;
      this.owesAnswer = true;
    } else if (name !== '') {
      this.names.add(name);
      if (isOwed) this.owed.add(name);
    }
  }

  private unsubscribe(name: string): void {
    if (name === WILDCARD) {
      this.isWildcard = false;
      for (const held of this.held.keys()) if (!this.names.has(held)) this.forget(held);
      return;
    }
    this.names.delete(name);
    this.forget(name);
    // The client cannot know whether the wildcard covers the name, so it is told.
    if (this.isWildcard) this.owed.add(name);
  }

  private forget(name: string): void {
    this.held.delete(name);
    this.owed.delete(name);
    this.rejections.delete(name);
  }

  subscribesTo(name: string): boolean {
    return this.isWildcard || this.names.has(name);
  }

  repeat(names: Iterable<string>): void {
    for (const name of names) if (this.isWildcard || this.names.has(name)) this.owed.add(name);
  }

  due(wanted: Wanted, mayRemove: boolean): Update | undefined {
    const part = this.nextPart(wanted);
    if (part) return { resources: part, removed: [] };
    const resources: EnvoyResource[] = [];
    const removed: string[] = [];
    if (this.isWildcard) {
      for (const resource of wanted.values()) if (this.isNews(resource)) resources.push(resource);
    } else {
      for (const name of this.names) {
        const resource = wanted.get(name);
        if (resource && this.isNews(resource)) resources.push(resource);
      }
    }
    for (const name of this.owed) if (!wanted.has(name)) removed.push(name);
    if (mayRemove)
      for (const name of this.held.keys()) if (!wanted.has(name) && !this.owed.has(name)) removed.push(name);
    return resources.length > 0 || removed.length > 0 || this.owesAnswer ? { resources, removed } : undefined;
  }

  /** What the client has rejected is not tried again, unless it asks. */
  private isNews(resource: EnvoyResource): boolean {
    if (this.owed.has(resource.name)) return true;
    if (isHeld(this.held.get(resource.name), resource)) return false;
    const rejection = this.rejections.get(resource.name);
    return rejection === undefined || rejection.version !== resource.version;
  }

  /** The next part that is still what the client should have; anything newer comes by the ordinary difference. */
  private nextPart(wanted: Wanted): readonly EnvoyResource[] | undefined {
    while (this.parts.length > 0) {
      const current = this.parts[0]!.filter((resource) => {
        const now = wanted.get(resource.name);
        return (
          now !== undefined && isHeld({ resource, version: resource.version }, now) && this.held.has(resource.name)
        );
      });
      if (current.length > 0) return current;
      this.parts.shift();
    }
    return undefined;
  }

  sent(update: Update, nonce: string): string {
    if (this.parts.length > 0) {
      this.parts.shift();
      this.isolations++;
    } else {
      this.isolations = 0;
      this.owesAnswer = false;
    }
    for (const resource of update.resources) {
      const previous = this.held.get(resource.name);
      const before = previous?.before === undefined ? (previous ?? null) : previous.before;
      this.held.set(resource.name, { version: resource.version, resource, before });
      this.owed.delete(resource.name);
    }
    for (const name of update.removed) this.forget(name);
    this.outstanding = { nonce, resources: update.resources, version: nonce };
    return nonce;
  }
}
