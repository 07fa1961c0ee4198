/**
 * What the proxies of all replicas have made of objects, for the one that leads: it asks the others, and puts together what they
 * say. A replica that cannot be reached says nothing, and nobody waits for it; one that is connected is waited for.
 */
import type { KubeObject } from '../api/object';
import type { Leadership } from '../discovery/kubernetes';
import { Backoff } from '../discovery/kubernetes/backoff';
import type { ReflectorClock } from '../discovery/kubernetes/reflector';
import type { ObjectReport, ProxyReports } from '../xds/local-reports';
import { type ReportMessage, together, versionOf } from './object-reports';

/** Opens a stream of reports; `onEnd` is called once, in every case. Returns how to end it. */
export type WatchReports = (
  address: string,
  onMessage: (message: ReportMessage) => void,
  onEnd: (error?: Error) => void,
) => () => void;

export interface ReplicaReportsOptions {
  /** This one. */
  readonly replica: string;
  readonly local: ProxyReports;
  /** `HOST:PORT` of all replicas, this one too. */
  readonly addresses: () => readonly string[];
  /** Calls `onChange` when there may be others; returns how to stop. */
  readonly subscribe: (onChange: () => void) => () => void;
  readonly watch: WatchReports;
  readonly leadership: Leadership;
  readonly clock: ReflectorClock;
  readonly log: { warn(fields: object, message: string): void };
}

class Replica {
  readonly reports = new Map<string, ObjectReport>();
  readonly backoff = new Backoff();
  isConnected = false;
  isSelf = false;
  stop: () => void = () => undefined;
}

export class ReplicaReports implements ProxyReports {
  private readonly replicas = new Map<string, Replica>();
  private readonly listeners = new Set<() => void>();
  private readonly stops: (() => void)[];
  private isClosed = false;

  constructor(private readonly options: ReplicaReportsOptions) {
    const { local, subscribe, leadership } = options;
    this.stops = [
      local.subscribe(() => this.tell()),
      subscribe(() => this.look()),
      leadership.subscribe(() => this.look()),
    ];
    this.look();
  }

  now(): (object: KubeObject) => ObjectReport {
    const own = this.options.local.now();
    const others = [...this.replicas.values()].filter(({ isConnected, isSelf }) => isConnected && !isSelf);
    if (others.length === 0) return own;
    return (object) => {
      const said = own(object);
      if (said.state === 'unknown') return said;
      const version = versionOf(object);
      return together([said, ...others.map(({ reports }) => reports.get(version) ?? ({ state: 'pending' } as const))]);
    };
  }

  subscribe(onChange: () => void): () => void {
    this.listeners.add(onChange);
    return () => this.listeners.delete(onChange);
  }

  close(): void {
    this.isClosed = true;
    for (const stop of this.stops) stop();
    this.keepOnly(new Set());
  }

  private tell(): void {
    for (const onChange of this.listeners) onChange();
  }

  private look(): void {
    const isLeader = !this.isClosed && this.options.leadership.isLeader();
    const wanted = new Set(isLeader ? this.options.addresses() : []);
    this.keepOnly(wanted);
    for (const address of wanted) if (!this.replicas.has(address)) this.open(address);
  }

  private keepOnly(wanted: ReadonlySet<string>): void {
    for (const [address, replica] of this.replicas) {
      if (wanted.has(address)) continue;
      this.replicas.delete(address);
      replica.stop();
      this.tell();
    }
  }

  private open(address: string, replica = new Replica()): void {
    const { watch, clock, log } = this.options;
    this.replicas.set(address, replica);
    const isCurrent = () => this.replicas.get(address) === replica;
    replica.stop = watch(
      address,
      (message) => {
        if (isCurrent()) this.take(replica, message);
      },
      (error) => {
        if (!isCurrent()) return;
        replica.isConnected = false;
        replica.reports.clear();
        this.tell();
        if (replica.isSelf) return;
        log.warn({ address, error: error?.message }, 'a replica does not tell what its proxies have');
        replica.stop = clock.after(replica.backoff.next(), () => {
          if (isCurrent()) this.open(address, replica);
        });
      },
    );
  }

  private take(replica: Replica, { replica: name, changes }: ReportMessage): void {
    replica.backoff.reset();
    if (name === this.options.replica) {
      replica.isSelf = true;
      replica.stop();
      return;
    }
    replica.isConnected = true;
    for (const [version, said] of Object.entries(changes)) {
      if (said) replica.reports.set(version, said);
      else replica.reports.delete(version);
    }
    this.tell();
  }
}
