/** One stream of one proxy: the order among resource types, pacing, and what is known about the proxy. No gRPC. */
import type { EnvoyResource, Snapshot } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import { DeltaSubscription } from './delta-subscription';
import { Progress } from './progress';
import type { Quarantine, Quarantined } from './quarantine';
import { parseRequest, type Variant } from './request';
import { encodeResponse } from './response';
import { type Clock, type Logger, type Node, TYPES, type Type, type XdsObserver } from './source';
import { StateSubscription } from './state-subscription';
import { type ProxyStatus, statusOf } from './status';
import { type Held, ProtocolError, type Subscription, type Update } from './subscription';
import type { Room, WriteRoom } from './write-room';

/** Bytes that wait for the client to read; beyond them nothing more is written. */
const MAX_QUEUED_BYTES = 65_536;
/** Configurations of filters in one response, as long as each alone is no larger: clients of gRPC take no response of any size. */
const MAX_EXTENSION_BYTES = 4 * 1024 * 1024;
/** Types that we do not serve, per stream. */
const MAX_OTHER_TYPES = 16;

const URL_OF: Record<Type, TypeUrl> = {
  clusters: TypeUrl.cluster,
  endpoints: TypeUrl.endpoint,
  listeners: TypeUrl.listener,
  scopes: TypeUrl.scope,
  routes: TypeUrl.route,
  secrets: TypeUrl.secret,
  extensions: TypeUrl.extension,
};
const TYPE_OF = new Map<string, Type>(TYPES.map((type) => [URL_OF[type], type]));

/** What a stream needs from the one that owns it. */
export interface StreamEnvironment {
  readonly clock: Clock;
  readonly log: Logger;
  readonly observer: XdsObserver;
  /** Milliseconds to wait for an ACK before going on without it. */
  readonly patience: number;
  /** Of all streams. */
  readonly quarantine: Quarantine;
  /** For large responses, of all streams together. Default: as much as they need. */
  readonly room?: WriteRoom;
  /** Sends bytes; calls `done` when the client has room for more. */
  write(bytes: Buffer, done: () => void): void;
}

/** One type on this stream; `type` is absent where we do not serve it. */
interface Channel {
  readonly typeUrl: string;
  readonly type?: Type;
  readonly subscription: Subscription;
  sentAt: number;
  /** Nothing is due, and nothing has happened since that was found out. */
  isSettled: boolean;
  /** Resources that cannot be encoded, which would be our own mistake, by what is wrong. */
  readonly broken: Map<string, string>;
  /** By name: what others have rejected, where this client was sent the last good version instead, or nothing. */
  readonly standIns: Map<string, Quarantined>;
}

export class ProxyStream {
  node?: Node;
  readonly connectedAt: number;
  /** Which Worlds have come to the proxy. */
  readonly progress = new Progress();

  private readonly channels = new Map<string, Channel>();
  private wanted?: Record<Type, ReadonlyMap<string, EnvoyResource>>;
  private snapshot?: Snapshot;
  /** Endpoints that are gone while the client may still warm their clusters; it would wait for them. */
  private readonly retained = new Map<string, EnvoyResource>();
  private queuedBytes = 0;
  private readonly rooms = new Set<Room>();
  private nonces = 0;
  private changedAt?: number;
  private hasSentChange = false;
  private cancelRetry?: () => void;
  private isClosed = false;

  constructor(
    readonly variant: Variant,
    readonly peer: string,
    private readonly environment: StreamEnvironment,
  ) {
    this.connectedAt = environment.clock.now();
  }

  /** Takes in one request. Throws a ProtocolError when the client has broken the protocol and the stream should end. */
  receive(bytes: Uint8Array): void {
    const request = parseRequest(this.variant, bytes);
    this.node ??= request.node;
    if (!this.node) throw new ProtocolError('the first request of a stream has no node.id');
    const channel = this.channelOf(request.typeUrl);
    const received = channel.subscription.receive(request);
    channel.isSettled = false;
    if (!channel.type) return;
    const { clock, observer, log, quarantine } = this.environment;
    if (received === 'acknowledged') {
      observer.acknowledged?.(channel.type, (clock.now() - channel.sentAt) / 1000);
      quarantine.acknowledge(channel.type, channel.subscription.acknowledged);
    }
    if (received === 'rejected') {
      this.putInQuarantine(channel.type, channel.subscription);
      observer.rejected?.(channel.type);
      const resources = [...channel.subscription.rejections.keys()].slice(0, 10);
      const error = request.error?.slice(0, 2_000);
      log.warn({ proxy: this.node.id, type: channel.type, resources, error }, 'proxy rejected configuration');
    }
  }

  private putInQuarantine(type: Type, { rejections }: Subscription): void {
    for (const { resource, kept, error } of rejections.values()) {
      if (!resource) continue;
      this.environment.quarantine.reject({ type, resource, error, proxy: this.node!.id, lastGood: kept });
    }
  }

  /**
   * The proxy should have `snapshot` from now on, which is of the World `generation`.
   * @param changedAt when the server heard of the change.
   */
  offer(snapshot: Snapshot | undefined, changedAt?: number, generation = 0): void {
    if (snapshot) this.progress.offer(generation, snapshot !== this.snapshot);
    if (snapshot && snapshot !== this.snapshot) {
      const before = this.snapshot;
      const byName = (type: Type) => {
        if (before && before[type] === snapshot[type] && this.wanted) return this.wanted[type];
        const channel = this.channels.get(URL_OF[type]);
        if (channel) channel.isSettled = false;
        return indexOf(snapshot[type] ?? NONE);
      };
      for (const [name, resource] of this.wanted?.endpoints ?? []) this.retained.set(name, resource);
      this.wanted = Object.fromEntries(TYPES.map((type) => [type, byName(type)])) as typeof this.wanted;
      for (const name of this.wanted!.endpoints.keys()) this.retained.delete(name);
      this.snapshot = snapshot;
      this.changedAt ??= changedAt;
    }
  }

  get isKnown(): boolean {
    return this.snapshot !== undefined;
  }

  /** Sends whatever may be sent now. */
  pump(): void {
    this.cancelRetry?.();
    this.cancelRetry = undefined;
    for (const channel of this.channels.values()) if (!channel.type) this.send(channel, NOTHING, true);
    if (!this.wanted) return;
    // Make: what others refer to comes first. A type that has something due holds back those behind it.
    let mayGoOn = true;
    for (const type of ORDER) {
      if (!mayGoOn && WAITS_FOR_CLUSTERS.has(type)) break;
      const isDone = this.advance(type, LEAVES.has(type));
      if (type === 'clusters') mayGoOn = isDone && !this.isPatient(type);
      else if (type !== 'secrets') mayGoOn &&= isDone;
    }
    // They refer to nothing, and may be large: they come when all else is on its way.
    this.advance('extensions', false);
    // Break: nobody refers to it any more, and the client has said so.
    if (mayGoOn && !this.isPatient('listeners') && !this.isPatient('routes')) {
      this.retained.clear();
      this.advance('endpoints', true);
      this.advance('clusters', true);
    }
    this.watchProgress();
  }

  /** Sends what is due of one type. Returns whether nothing is left to send. */
  private advance(type: Type, mayRemove: boolean): boolean {
    const channel = this.channels.get(URL_OF[type]);
    const wanted = this.wanted![type];
    if (channel === undefined) return true;
    if (type === 'extensions') return this.send(channel, this.withAwaited(channel, wanted), mayRemove);
    const all = type === 'endpoints' && this.retained.size > 0 ? new Map([...this.retained, ...wanted]) : wanted;
    return this.send(channel, all, mayRemove);
  }

  /** What stands in for extensions that are to come; in the variant in which it is known what the client has. */
  private withAwaited({ subscription }: Channel, wanted: ReadonlyMap<string, EnvoyResource>) {
    const awaited = this.variant === 'delta' ? (this.snapshot?.awaited ?? NONE) : NONE;
    const lacking = awaited.filter(({ name }) => !subscription.held.has(name));
    return lacking.length === 0 ? wanted : new Map([...lacking.map((each) => [each.name, each] as const), ...wanted]);
  }

  private send(channel: Channel, all: ReadonlyMap<string, EnvoyResource>, mayRemove: boolean): boolean {
    if (channel.isSettled) return true;
    const usable = channel.broken.size > 0 ? this.withoutBroken(channel, all) : all;
    const wanted = this.withStandIns(channel, usable);
    const update = this.dueOf(channel, wanted, mayRemove);
    if (!update) {
      channel.isSettled = mayRemove || channel.type === 'extensions';
      return true;
    }
    const { clock, observer } = this.environment;
    if (this.isWaitingFor(channel) || this.queuedBytes >= MAX_QUEUED_BYTES || this.isClosed) return false;
    const room = this.roomFor(update);
    if (!room) return false;
    const beganAt = clock.now();
    if (channel.type === 'clusters') this.repeatEndpoints(channel, update);
    const nonce = (++this.nonces).toString(36);
    const version = channel.subscription.sent(update, nonce);
    const bytes = encodeResponse({ variant: this.variant, typeUrl: channel.typeUrl, nonce, version, update });
    channel.sentAt = clock.now();
    this.hasSentChange ||= this.changedAt !== undefined;
    this.queuedBytes += bytes.length;
    this.environment.write(bytes, () => {
      this.queuedBytes -= bytes.length;
      this.rooms.delete(room);
      room.release();
      this.pump();
    });
    if (channel.type) observer.pushed?.(channel.type, bytes.length, (clock.now() - beganAt) / 1000);
    return true;
  }

  private roomFor({ resources }: Update): Room | undefined {
    const { room: all } = this.environment;
    if (!all) return NO_ROOM;
    const bytes = resources.reduce((sum, resource) => sum + resource.any.length, 0);
    const room = all.take(this, bytes, () => this.pump());
    if (room) this.rooms.add(room);
    return room;
  }

  /** A resource that has no bytes must not keep the others from this proxy, nor end the process. */
  private dueOf(channel: Channel, wanted: ReadonlyMap<string, EnvoyResource>, mayRemove: boolean): Update | undefined {
    try {
      const due = channel.subscription.due(wanted, mayRemove);
      const update = due && channel.type === 'extensions' ? firstOf(due) : due;
      for (const resource of update?.resources ?? []) void resource.version;
      return update;
    } catch {
      for (const resource of wanted.values()) this.tryOut(channel, resource);
      return channel.broken.size > 0
        ? channel.subscription.due(this.withoutBroken(channel, wanted), mayRemove)
        : undefined;
    }
  }

  private tryOut(channel: Channel, resource: EnvoyResource): void {
    try {
      void resource.version;
    } catch (error) {
      const problem = (error as Error).message;
      if (channel.broken.get(resource.name) === problem) return;
      channel.broken.set(resource.name, problem);
      const { log } = this.environment;
      log.error(
        { proxy: this.node?.id, type: channel.type, resource: resource.name, error: problem },
        'resource cannot be encoded',
      );
    }
  }

  /** In place of a resource without bytes the client keeps what it has. */
  private withoutBroken(channel: Channel, all: ReadonlyMap<string, EnvoyResource>): Map<string, EnvoyResource> {
    const usable = new Map<string, EnvoyResource>();
    for (const [name, resource] of all) {
      if (channel.broken.has(name)) {
        try {
          void resource.version;
          channel.broken.delete(name);
        } catch {
          const last = channel.subscription.held.get(name)?.resource;
          if (last) usable.set(name, last);
          continue;
        }
      }
      usable.set(name, resource);
    }
    return usable;
  }

  /** A client that has nothing under a name gets no version that others have rejected, but the last one they took. */
  private withStandIns(channel: Channel, all: ReadonlyMap<string, EnvoyResource>): ReadonlyMap<string, EnvoyResource> {
    const { quarantine } = this.environment;
    const { type, standIns, subscription } = channel;
    if (!type || (quarantine.isEmpty && standIns.size === 0)) return all;
    for (const name of standIns.keys()) {
      const resource = all.get(name);
      if (!resource || !quarantine.get(type, resource)) standIns.delete(name);
    }
    for (const rejected of quarantine.all()) {
      const { name } = rejected.resource;
      const isMeant = rejected.type === type && all.get(name)?.version === rejected.resource.version;
      const hasNothing = !subscription.held.has(name) && !subscription.rejections.has(name);
      // Without any configuration a filter keeps its listener waiting; with one that is rejected it has its default.
      const canLack = type !== 'extensions' || rejected.lastGood !== undefined;
      if (isMeant && hasNothing && canLack && subscription.subscribesTo(name)) standIns.set(name, rejected);
    }
    if (standIns.size === 0) return all;
    const replaced = new Map(all);
    for (const [name, { lastGood }] of standIns) {
      if (lastGood) replaced.set(name, lastGood);
      else replaced.delete(name);
    }
    return replaced;
  }

  /** Envoy waits for the endpoints of a cluster that has changed, but does not ask for them anew. */
  private repeatEndpoints(clusters: Channel, update: Update): void {
    const endpoints = this.channels.get(TypeUrl.endpoint);
    if (!endpoints) return;
    const changed = update.resources.filter((resource) => {
      const held = clusters.subscription.held.get(resource.name);
      return held !== undefined && held.resource !== resource && held.version !== resource.version;
    });
    endpoints.subscription.repeat(changed.map(({ name, message }) => endpointName(message) || name));
    endpoints.isSettled = false;
  }

  private channelOf(typeUrl: string): Channel {
    let channel = this.channels.get(typeUrl);
    if (!channel) {
      const type = TYPE_OF.get(typeUrl);
      if (!type && this.channels.size >= TYPES.length + MAX_OTHER_TYPES) {
        throw new ProtocolError(`subscribes to more than ${MAX_OTHER_TYPES} types that are not served`, 'too-much');
      }
      const isComplete = type === 'clusters' || type === 'listeners' || type === 'scopes';
      const subscription = this.variant === 'delta' ? new DeltaSubscription() : new StateSubscription(isComplete);
      channel = { typeUrl, type, subscription, sentAt: 0, isSettled: false, broken: new Map(), standIns: new Map() };
      this.channels.set(typeUrl, channel);
    }
    return channel;
  }

  /** Whether the last response is without an answer, and it is too early to go on without one. */
  private isWaitingFor(channel: Channel): boolean {
    const { clock, patience } = this.environment;
    if (!channel.subscription.isWaiting) return false;
    const left = channel.sentAt + patience - clock.now();
    if (left > 0 && !this.cancelRetry) this.cancelRetry = clock.after(left + 1, () => this.pump());
    return left > 0;
  }

  private isPatient(type: Type): boolean {
    const channel = this.channels.get(URL_OF[type]);
    return channel !== undefined && this.isWaitingFor(channel);
  }

  /** Notes the moment at which the proxy has acknowledged all that followed from a change. */
  private watchProgress(): void {
    for (const { isSettled, subscription } of this.channels.values()) if (!isSettled || subscription.isWaiting) return;
    // Whoever has not asked for listeners is still starting.
    if (this.channels.has(TypeUrl.listener)) this.progress.settle();
    if (this.changedAt === undefined) return;
    const seconds = (this.environment.clock.now() - this.changedAt) / 1000;
    if (this.hasSentChange) this.environment.observer.converged?.(seconds);
    this.changedAt = undefined;
    this.hasSentChange = false;
  }

  /** The proxy should have just this. */
  wants(type: Type, { name, version }: EnvoyResource): boolean {
    return this.wanted?.[type].get(name)?.version === version;
  }

  status(): ProxyStatus {
    return statusOf(this, [...this.channels.values()], this.wanted);
  }

  /** What the proxy has of each type, as far as that is known: of what it took before it came here, only what is still the same. */
  configuration(): Readonly<Record<Type, readonly EnvoyResource[]>> {
    const taken = (type: Type) => {
      const { held } = this.channels.get(URL_OF[type])?.subscription ?? { held: new Map<string, Held>() };
      return [...held].flatMap(([name, { version, resource, before }]) => {
        if (before !== undefined) return before?.resource ?? [];
        const current = this.wanted?.[type].get(name);
        return resource ?? (current?.version === version ? current : []);
      });
    };
    return Object.fromEntries(TYPES.map((type) => [type, taken(type)])) as Record<Type, EnvoyResource[]>;
  }

  close(): void {
    this.isClosed = true;
    this.cancelRetry?.();
    this.environment.room?.forget(this);
    for (const room of this.rooms) room.release();
  }
}

const NOTHING: ReadonlyMap<string, EnvoyResource> = new Map();
const NONE: readonly EnvoyResource[] = [];
const NO_ROOM: Room = { release: () => {} };

/** What of it goes into one response; the rest is due when that is answered. */
function firstOf({ resources, removed }: Update): Update {
  let bytes = 0;
  const end = resources.findIndex(({ any }, index) => {
    bytes += any.length;
    return index > 0 && bytes > MAX_EXTENSION_BYTES;
  });
  return { resources: end < 0 ? resources : resources.slice(0, end), removed };
}
/**
 * Secrets wait for nobody: both clusters and listeners wait for them. Configurations of filters are never taken back: a
 * listener that drains still uses them, and Envoy unsubscribes from what no listener uses.
 */
const ORDER: readonly Type[] = ['secrets', 'clusters', 'endpoints', 'listeners', 'scopes', 'routes'];
const WAITS_FOR_CLUSTERS: ReadonlySet<Type> = new Set(['listeners', 'scopes', 'routes']);
/** Removed in their turn; what they refer to is removed behind them. */
const LEAVES: ReadonlySet<Type> = new Set(['secrets', 'listeners', 'scopes', 'routes']);

const indexes = new WeakMap<readonly EnvoyResource[], ReadonlyMap<string, EnvoyResource>>();

/** By name; made once for all proxies that share the list. */
function indexOf(resources: readonly EnvoyResource[]): ReadonlyMap<string, EnvoyResource> {
  let index = indexes.get(resources);
  if (!index) {
    index = new Map(resources.map((resource) => [resource.name, resource]));
    indexes.set(resources, index);
  }
  return index;
}

/** The name under which a cluster asks for its endpoints. */
function endpointName(cluster: object): string {
  const { eds_cluster_config: eds } = cluster as { eds_cluster_config?: { service_name?: string } };
  return eds?.service_name ?? '';
}
