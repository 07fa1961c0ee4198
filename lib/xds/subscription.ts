/** What both variants of the protocol have in common about one client and one resource type. */
import type { EnvoyResource } from '../envoy/resource';

/** All resources of the type that the proxy should have, by name. */
export type Wanted = ReadonlyMap<string, EnvoyResource>;

/** What a response carries. */
export interface Update {
  readonly resources: readonly EnvoyResource[];
  /** Delta only: names that the client has to forget, or asked for in vain. */
  readonly removed: readonly string[];
}

/** A request of either variant; which fields matter is the variant's business. */
export interface Request {
  readonly typeUrl: string;
  /** Of the response that this answers; empty when it answers none. */
  readonly nonce: string;
  /** Why the client rejected that response. */
  readonly error?: string;
  /** State of the world: all names that the client wants. */
  readonly names: readonly string[];
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** Delta, first request of a stream: what the client still has from an earlier one. */
  readonly initialVersions: Readonly<Record<string, string>>;
}

/** `subscribed`: it answered no response; `stale`: it answered an older one than the last. */
export type Received = 'subscribed' | 'acknowledged' | 'rejected' | 'stale';

/** A resource that the client did not take, at this version; it keeps the one before. */
export interface Rejection {
  readonly name: string;
  readonly version: string;
  readonly error: string;
  /** Which one it was, and what the client has instead; absent where that is not known. */
  readonly resource?: EnvoyResource;
  readonly kept?: EnvoyResource;
}

/** What the client was last sent under a name; after a reconnect only the version is known. */
export interface Held {
  readonly version: string;
  readonly resource?: EnvoyResource;
  /** What it had before, until it has taken this one; null for nothing. */
  readonly before?: Held | null;
}

export interface Subscription {
  /** Whether the last response has not been answered. */
  readonly isWaiting: boolean;
  /** Of the last response that the client took. */
  readonly acknowledgedVersion: string;
  /** By name; under '' what cannot be pinned on one resource. */
  readonly rejections: ReadonlyMap<string, Rejection>;
  /** What the client took last. */
  readonly acknowledged: readonly EnvoyResource[];
  /** What the client has, the last response included. */
  readonly held: ReadonlyMap<string, Held>;

  /** Throws a ProtocolError when the request breaks a bound. */
  receive(request: Request): Received;
  /**
   * What the client should be sent now; undefined when it has all. `mayRemove` says whether it may already lose what
   * is not wanted any more. Asking changes nothing.
   */
  due(wanted: Wanted, mayRemove: boolean): Update | undefined;
  /** Takes note that `update` is on its way as response `nonce`. Returns the version that describes it. */
  sent(update: Update, nonce: string): string;
  /** Whether the client wants what is under this name. */
  subscribesTo(name: string): boolean;
  /** Sends these again, where the client subscribes to them, even though they have not changed. */
  repeat(names: Iterable<string>): void;
}

export const WILDCARD = '*';

/** Names per type and stream, and how long they may be together: as much as one request can carry. */
export const MAX_NAMES = 65_536;
const MAX_CHARACTERS = 4 * 1024 * 1024;

/** Names, and how long they are together. */
export class NameSet extends Set<string> {
  characters = 0;

  static of(names: Iterable<string>): NameSet {
    const set = new NameSet();
    for (const name of names) set.add(name);
    return set;
  }

  override add(name: string): this {
    if (!this.has(name)) this.characters += name.length;
    return super.add(name);
  }

  override delete(name: string): boolean {
    const existed = super.delete(name);
    if (existed) this.characters -= name.length;
    return existed;
  }

  override clear(): void {
    super.clear();
    this.characters = 0;
  }
}

/** The client broke the protocol or a bound; its stream ends. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';

  constructor(
    message: string,
    readonly reason: 'invalid' | 'too-much' | 'slow' = 'invalid',
  ) {
    super(message);
  }
}

/** @throws ProtocolError when a client wants, or is owed an answer on, more than one may. */
export function checkNames(names: NameSet, typeUrl: string): void {
  if (names.size > MAX_NAMES) {
    throw new ProtocolError(
      `subscribes to ${names.size} names of ${typeUrl}; at most ${MAX_NAMES} are allowed`,
      'too-much',
    );
  }
  if (names.characters > MAX_CHARACTERS) {
    throw new ProtocolError(
      `the names of ${typeUrl} have ${names.characters} characters together; at most ${MAX_CHARACTERS} are allowed`,
      'too-much',
    );
  }
}

/** Equal by identity or by content; identity first, since a version costs an encoding. */
export function isHeld(held: Held | undefined, resource: EnvoyResource): boolean {
  return held !== undefined && (held.resource === resource || held.version === resource.version);
}
