/** What the ADS server needs from others, and what it tells them. */
import type { Snapshot } from '../envoy/resource';

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
  /** What the proxy should have now; undefined when it is unknown (yet). Must be cheap when nothing has changed. */
  snapshot(node: Node): Snapshot | undefined;
  /** Calls `onChange` whenever snapshots may have changed; returns how to stop. */
  subscribe(onChange: () => void): () => void;
}

/** pino's signature, as far as it is used. */
export interface Logger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** The short names of the resource types, used in status, logs and metrics. */
export const TYPES = ['clusters', 'endpoints', 'listeners', 'routes', 'secrets'] as const;
export type Type = (typeof TYPES)[number];

/** What happens on the wire, for metrics. */
export interface XdsObserver {
  connected?(connections: number): void;
  disconnected?(connections: number): void;
  pushed?(type: Type, bytes: number): void;
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
