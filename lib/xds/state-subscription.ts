/**
 * One resource type of one client, state-of-the-world variant. Clusters and listeners are always sent complete, since
 * what a response leaves out is removed; of the other types a response may hold just what has changed.
 */
import { createHash } from 'node:crypto';
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

export class StateSubscription implements Subscription {
  acknowledgedVersion = '';
  readonly rejections = new Map<string, Rejection>();
  readonly held = new Map<string, Held>();
  acknowledged: readonly EnvoyResource[] = [];

  private isFirst = true;
  private isWildcard = false;
  private isUnnamed = false;
  private names = new NameSet();
  private readonly owed = new NameSet();
  private owesAnswer = false;
  private nonce = '';
  private version = '';
  private lastSent: readonly EnvoyResource[] = [];

  isWaiting = false;

  /** `isComplete`: responses carry all resources, as Envoy expects of clusters and listeners. */
  constructor(private readonly isComplete: boolean) {}

  receive(request: Request): Received {
    const received = this.answer(request);
    // A client that answers an older response will answer the newer one too, with all the names it then wants.
    if (received === 'stale') return received;
    const isRepeated = received === 'subscribed' && !this.isFirst;
    const isNewlyWild = this.takeNames(request);
    checkNames(this.names, request.typeUrl);
    checkNames(this.owed, request.typeUrl);
    if (this.isFirst || isNewlyWild) this.owesAnswer = true;
    if (isRepeated) this.askedAgain();
    this.isFirst = false;
    return received;
  }

  private answer({ nonce, error }: Request): Received {
    if (nonce === '' || this.isFirst) return 'subscribed';
    if (nonce !== this.nonce) return 'stale';
    // The second request with one nonce is no second ACK: the client wants to hear again, for a cluster that warms.
    if (!this.isWaiting) return 'subscribed';
    this.isWaiting = false;
    this.rejections.clear();
    if (error === undefined) {
      this.acknowledgedVersion = this.version;
      this.acknowledged = this.lastSent;
      return 'acknowledged';
    }
    const suspects = this.lastSent.length === 1 ? this.lastSent : [];
    const name = suspects[0]?.name ?? '';
    this.rejections.set(name, { name, version: this.version, error, resource: suspects[0] });
    return 'rejected';
  }

  /** Returns whether the client wants everything now and did not before. */
  private takeNames({ names }: Request): boolean {
    const before = this.names;
    const wasWildcard = this.isWildcard;
    this.names = NameSet.of(names.filter((name) => name !== WILDCARD && name !== ''));
    // No names mean everything, until names have been sent once; from then on they mean nothing.
    this.isUnnamed = names.length === 0 && (this.isFirst || this.isUnnamed);
    this.isWildcard = names.includes(WILDCARD) || this.isUnnamed;
    for (const name of this.names) if (!before.has(name)) this.owed.add(name);
    if (!this.isWildcard) {
      for (const name of this.held.keys()) if (!this.names.has(name)) this.held.delete(name);
      for (const name of this.owed) if (!this.names.has(name)) this.owed.delete(name);
    }
    return this.isWildcard && !wasWildcard;
  }

  private askedAgain(): void {
    // A request that adds names asks for those; one that adds none asks for all again.
    if (this.owed.size > 0) return;
    this.owesAnswer = true;
    for (const name of this.isWildcard ? this.held.keys() : this.names) this.owed.add(name);
  }

  subscribesTo(name: string): boolean {
    return this.isWildcard || this.names.has(name);
  }

  repeat(names: Iterable<string>): void {
    for (const name of names) if (this.isWildcard || this.names.has(name)) this.owed.add(name);
  }

  due(wanted: Wanted, mayRemove: boolean): Update | undefined {
    const target: EnvoyResource[] = [];
    if (this.isWildcard) target.push(...wanted.values());
    else for (const name of this.names) if (wanted.has(name)) target.push(wanted.get(name)!);

    const news = target.filter(({ name }) => this.owed.has(name));
    for (const resource of target) {
      if (!this.owed.has(resource.name) && !isHeld(this.held.get(resource.name), resource)) news.push(resource);
    }
    const gone = [...this.held].filter(([name]) => !wanted.has(name));
    const isLoss = this.isComplete && mayRemove && gone.length > 0;
    if (news.length === 0 && !isLoss && !this.owesAnswer) return undefined;
    if (!this.isComplete) return { resources: news, removed: [] };
    // What goes away stays in the response until nothing refers to it any more.
    if (!mayRemove) for (const [, { resource }] of gone) if (resource) target.push(resource);
    return { resources: target, removed: [] };
  }

  sent({ resources }: Update, nonce: string): string {
    const hash = createHash('sha256');
    if (this.isComplete) this.held.clear();
    for (const resource of resources) {
      this.held.set(resource.name, { version: resource.version, resource });
      hash.update(resource.name).update('\0').update(resource.version).update('\0');
    }
    this.owed.clear();
    this.owesAnswer = false;
    this.lastSent = resources;
    this.nonce = nonce;
    this.isWaiting = true;
    this.version = hash.digest('base64url').slice(0, 16);
    return this.version;
  }
}
