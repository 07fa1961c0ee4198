/**
 * Who of several replicas does what only one may do: whoever holds a Lease (coordination.k8s.io/v1) of the API server.
 *
 * Clocks of machines differ, so nobody believes the times that another has written: a Lease that belongs to somebody else
 * is free when it has not changed for as long as it says, by the own clock. The holder counts from before each request,
 * and holds itself for deposed a third of that time earlier than anyone else may: also when its requests hang or its
 * process was stopped, because `isLeader()` looks at the clock itself. Every write says which version it replaces, so that of two that
 * try at once one gets it. The numbers are those of Kubernetes' own components.
 *
 * One that is preferred asks by an annotation, because stealing would leave two that believe to lead until the first looks again.
 * The holder gives it up at its next look, and leaves it for the one that has asked as long as it would leave it to a holder.
 */
import { randomUUID } from 'node:crypto';
import type { KubeObject } from '../../api/object';
import { KubeApiError } from './api-error';
import type { KubeClient } from './client';
import type { ReflectorClock } from './reflector';
import { systemClock } from './watch';

/** Whether this replica does what only one may do. */
export interface Leadership {
  /** To be asked before each such deed: it ends by itself. */
  isLeader(): boolean;
  /** Calls `onChange` when it begins or ends; returns how to stop. */
  subscribe(onChange: (isLeader: boolean) => void): () => void;
}

/** A replica without others, as on a laptop. */
export const soleReplica: Leadership = { isLeader: () => true, subscribe: () => () => undefined };

export interface LeaseOptions {
  readonly api: Pick<KubeClient, 'request'>;
  readonly namespace: string;
  readonly name: string;
  /** Who this replica is, such as its Pod's name; something unique is added. */
  readonly holder: string;
  /** Of the Lease that this replica makes. Default: none. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Whether it may take the Lease, or keep it: asked at each look. Default: always. */
  readonly mayHold?: () => boolean;
  /**
   * Whether this replica should rather hold it than one that is not preferred: that one gives it up when it is asked to, at its next
   * renewal; nothing is taken from anybody. Asked at each look. Default: never.
   */
  readonly isPreferred?: () => boolean;
  /** How long others wait for a holder that is silent, in seconds. Default 15. */
  readonly leaseSeconds?: number;
  /** After how long without a renewal the holder gives up by itself, in seconds. Default two thirds of the lease. */
  readonly renewSeconds?: number;
  /** How often a holder renews and others look, in seconds; each time a little more or less. Default 2. */
  readonly retrySeconds?: number;
  /** Default: the system's. */
  readonly clock?: ReflectorClock;
  /** The time of day, for those who read the Lease. Default: the system's. */
  readonly date?: () => Date;
  /** From 0 to 1. */
  readonly random?: () => number;
  /** A look at the Lease failed; undefined: it goes well again. Told when it changes. */
  readonly onTrouble?: (trouble: string | undefined) => void;
}

interface LeaseSpec {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  acquireTime?: string;
  renewTime?: string;
  leaseTransitions?: number;
}
type Lease = KubeObject<LeaseSpec>;

/** Who asks its holder for a Lease. */
const CLAIM = 'malha.dev/asked-for-by';

export class LeaseLeadership implements Leadership {
  readonly identity: string;
  private readonly clock: ReflectorClock;
  private readonly leaseMs: number;
  private readonly renewMs: number;
  private readonly listeners = new Set<(isLeader: boolean) => void>();
  /** Until when it is ours if nothing else happens. */
  private oursUntil = Number.NEGATIVE_INFINITY;
  /** What others have written, and since when it is known. */
  private seen: { version: string; since: number } | undefined;
  private wasLeader = false;
  private isClosed = false;
  private trouble: string | undefined;
  private cancel: () => void = () => undefined;
  private cancelEnd: () => void = () => undefined;
  private working: Promise<void> = Promise.resolve();

  constructor(private readonly options: LeaseOptions) {
    const { holder, leaseSeconds = 15, renewSeconds = (leaseSeconds * 2) / 3, clock = systemClock } = options;
    this.identity = `${holder}_${randomUUID()}`;
    this.clock = clock;
    this.leaseMs = leaseSeconds * 1000;
    this.renewMs = renewSeconds * 1000;
  }

  /** Begins to try for it. */
  start(): void {
    this.working = this.look();
  }

  /** Looks at the Lease now. */
  hurry(): void {
    if (!this.isClosed) this.working = this.working.then(() => (this.isClosed ? undefined : this.look()));
  }

  isLeader(): boolean {
    return !this.isClosed && this.clock.now() < this.oursUntil;
  }

  subscribe(onChange: (isLeader: boolean) => void): () => void {
    this.listeners.add(onChange);
    return () => this.listeners.delete(onChange);
  }

  /** Gives it back, so that nobody has to wait for it. */
  async close(): Promise<void> {
    const held = this.isLeader();
    this.isClosed = true;
    this.cancel();
    this.cancelEnd();
    this.tell();
    await this.working;
    if (held) await this.release().catch(() => undefined);
  }

  private async look(): Promise<void> {
    this.cancel();
    try {
      await this.attempt();
      this.note(undefined);
    } catch (error) {
      // Somebody else was faster: that is an answer.
      if (error instanceof KubeApiError && error.isConflict) this.note(undefined);
      else this.note((error as Error).message);
    }
    this.tell();
    if (this.isClosed) return;
    const { retrySeconds = 2, random = Math.random } = this.options;
    this.cancel = this.clock.after(retrySeconds * 1000 * (0.9 + 0.2 * random()), () => {
      this.working = this.look();
    });
  }

  private async attempt(): Promise<void> {
    const started = this.clock.now();
    const lease = await this.read();
    // Also looked at when it may not be ours, so that it is known since when its holder is silent.
    const isFree = !lease || this.mayTake(lease);
    const { mayHold = () => true, isPreferred = () => false } = this.options;
    if (!isFree || !mayHold() || this.isAskedFor(lease)) {
      // Also when it was ours a moment ago: whoever has it now has it.
      this.oursUntil = Number.NEGATIVE_INFINITY;
      if (isFree) await this.release();
      else if (mayHold() && isPreferred() && !this.isClosed) await this.ask(lease!);
      return;
    }
    if (this.isClosed) return;
    await this.write(lease && unclaimed(lease, this.identity), this.specOf(lease?.spec));
    this.oursUntil = started + this.renewMs;
    this.seen = undefined;
    this.cancelEnd();
    this.cancelEnd = this.clock.after(this.oursUntil - this.clock.now(), () => this.tell());
  }

  /** Whether somebody is to have it that is preferred, where we are not. */
  private isAskedFor(lease: Lease | undefined): boolean {
    const { isPreferred = () => false } = this.options;
    const claim = lease?.metadata.annotations?.[CLAIM];
    return (
      claim !== undefined && claim !== this.identity && lease?.spec?.holderIdentity === this.identity && !isPreferred()
    );
  }

  private async ask(lease: Lease): Promise<void> {
    if (lease.metadata.annotations?.[CLAIM] === this.identity) return;
    const annotations = { ...lease.metadata.annotations, [CLAIM]: this.identity };
    await this.write({ ...lease, metadata: { ...lease.metadata, annotations } }, lease.spec ?? {});
  }

  private mayTake({ spec = {}, metadata }: Lease): boolean {
    const claim = metadata.annotations?.[CLAIM];
    const isLeft = !spec.holderIdentity && claim !== undefined && claim !== this.identity;
    if ((!spec.holderIdentity && !isLeft) || spec.holderIdentity === this.identity) return true;
    const version = metadata.resourceVersion ?? '';
    const now = this.clock.now();
    if (this.seen?.version !== version) this.seen = { version, since: now };
    const said = isLeft ? this.leaseMs : (spec.leaseDurationSeconds ?? 0) * 1000;
    return now >= this.seen.since + Math.max(said, 1000);
  }

  private specOf(before: LeaseSpec = {}): LeaseSpec {
    const { date = () => new Date() } = this.options;
    const now = micros(date());
    const isRenewal = before.holderIdentity === this.identity;
    return {
      holderIdentity: this.identity,
      leaseDurationSeconds: Math.ceil(this.leaseMs / 1000),
      acquireTime: isRenewal ? before.acquireTime : now,
      renewTime: now,
      leaseTransitions: (before.leaseTransitions ?? 0) + (isRenewal || !before.acquireTime ? 0 : 1),
    };
  }

  private async release(): Promise<void> {
    const lease = await this.read();
    if (lease?.spec?.holderIdentity !== this.identity) return;
    await this.write(lease, { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1 });
  }

  private async read(): Promise<Lease | undefined> {
    try {
      return await this.options.api.request<Lease>('GET', this.path());
    } catch (error) {
      if (error instanceof KubeApiError && error.isNotFound) return undefined;
      throw error;
    }
  }

  private async write(before: Lease | undefined, spec: LeaseSpec): Promise<void> {
    const { api, namespace, name, labels } = this.options;
    const metadata = before?.metadata ?? { name, namespace, labels };
    const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec };
    await api.request(before ? 'PUT' : 'POST', this.path(before ? name : ''), { body });
  }

  private path(name = this.options.name): string {
    const folder = `/apis/coordination.k8s.io/v1/namespaces/${this.options.namespace}/leases`;
    return name ? `${folder}/${name}` : folder;
  }

  private note(trouble: string | undefined): void {
    if (this.trouble === trouble) return;
    this.trouble = trouble;
    this.options.onTrouble?.(trouble);
  }

  private tell(): void {
    const isLeader = this.isLeader();
    if (isLeader === this.wasLeader) return;
    this.wasLeader = isLeader;
    for (const onChange of this.listeners) onChange(isLeader);
  }
}

/** Without what its new holder has asked for, or whoever did and is gone. */
function unclaimed(lease: Lease, holder: string): Lease {
  const { [CLAIM]: claim, ...annotations } = lease.metadata.annotations ?? {};
  if (claim === undefined || (claim !== holder && lease.spec?.holderIdentity === holder)) return lease;
  return { ...lease, metadata: { ...lease.metadata, annotations } };
}

/** metav1.MicroTime. */
const micros = (date: Date) => date.toISOString().replace('Z', '000Z');
