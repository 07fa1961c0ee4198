/** What the ADS server needs from others, and what it tells them. */
import type { Metadata } from '@grpc/grpc-js';
import type { EnvoyResource, Snapshot } from '../envoy/resource';
import type { Identity, Proof } from '../world';

/** What a proxy says about itself in the first request of a stream. */
export interface Node {
  readonly id: string;
  readonly cluster?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Envoy's version, such as `1.40.0`. */
  readonly version?: string;
}

/** Where snapshots come from. */
export interface SnapshotSource {
  /**
   * What the proxy should have now; undefined when it is unknown (yet). Must be cheap when nothing has changed.
   * @param proof what the connection has proven; undefined: it is on a port where the node's word is believed.
   * @throws AccessDenied when the node is somebody else's.
   */
  snapshot(node: Node, proof?: Proof): Snapshot | undefined;
  /**
   * Whether the proxy has no key but one that is sent to it, although it has shown a certificate: machines without a Pod.
   * Default: it has.
   */
  takesKey?(node: Node, proof: Proof): boolean;
  /** Counts what snapshots are made from; grows with each change. Default: nobody asks what has come to proxies. */
  readonly generation?: number;
  /** Calls `onChange` whenever snapshots may have changed; returns how to stop. */
  subscribe(onChange: () => void): () => void;
}

/** A proxy that asked for what is not its own. The message is for the log. */
export class AccessDenied extends Error {
  override readonly name = 'AccessDenied';
}

/** Whom a connection has proven to be, and until when that holds. */
export interface StreamCredential {
  readonly identity: Identity;
  readonly kind: 'certificate' | 'token';
  readonly expiresAt: Date;
}

/** Secrets of single connections, such as keys that are made for them: never part of what proxies share. */
export interface ConnectionSecrets {
  /** Undefined until they are made; then whoever subscribes is told. The same list as long as nothing changes. */
  secretsOf(connection: object, identity: Identity): readonly EnvoyResource[] | undefined;
  release(connection: object): void;
  subscribe(onChange: () => void): () => void;
}

/** The parts of a gRPC call by which its caller is known. */
export interface AuthenticatedCall {
  readonly metadata: Metadata;
  getPeer(): string;
  getAuthContext(): { readonly sslPeerCertificate?: { readonly raw: Buffer; readonly valid_to: string } };
}

/** Rejects when there is no credential; with `isTemporary: true` when nobody can tell now. */
export type Authenticate = (call: AuthenticatedCall) => Promise<StreamCredential>;

/** pino's signature, as far as it is used. */
export interface Logger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** The short names of the resource types, used in status, logs and metrics. */
export const TYPES = ['clusters', 'endpoints', 'listeners', 'scopes', 'routes', 'secrets', 'extensions'] as const;
export type Type = (typeof TYPES)[number];

/** What happens on the wire, for metrics. */
export interface XdsObserver {
  connected?(connections: number): void;
  disconnected?(connections: number): void;
  /** A response was made and written, which took `seconds`. */
  pushed?(type: Type, bytes: number, seconds: number): void;
  acknowledged?(type: Type, seconds: number): void;
  rejected?(type: Type): void;
  /** A proxy has acknowledged all that followed from a change, `seconds` after the server heard of the change. */
  converged?(seconds: number): void;
  /** A stream was ended because its client broke the protocol. */
  refused?(reason: string): void;
}

/** Injected, so that tests need not wait. */
export interface Clock {
  /** Milliseconds. */
  now(): number;
  /** Runs `task` later; returns how to cancel it. */
  after(milliseconds: number, task: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(milliseconds, task) {
    const timer = setTimeout(task, milliseconds);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
