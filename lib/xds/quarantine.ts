/**
 * Resources that a proxy has rejected, and what to send in their place to proxies that have nothing else. A proxy that
 * was there before keeps what it had, by itself; one that starts later would have nothing, so it gets the last version
 * that the first one had taken.
 *
 * One proxy's word is not enough to keep anything from others for good: whoever has an older version is still sent the
 * new one, and as soon as anybody takes it, it is free again. So neither a proxy that is too old for a resource, nor one
 * that rejects everything, holds back the mesh. Pure; bounded.
 */
import type { EnvoyResource } from '../envoy/resource';
import type { Type } from './source';

export interface Quarantined {
  readonly type: Type;
  /** What was rejected. */
  readonly resource: EnvoyResource;
  /** In Envoy's words. */
  readonly error: string;
  /** The id of the proxy that rejected it first. */
  readonly proxy: string;
  /** What that proxy had under the name; absent where it had nothing. */
  readonly lastGood?: EnvoyResource;
}

/** More rejected resources than these are the sign of another trouble; the oldest are let go. */
const MAX_RESOURCES = 1_000;

export class Quarantine {
  private readonly byKey = new Map<string, Quarantined>();

  /** Nothing is held back, so nobody needs to ask. */
  get isEmpty(): boolean {
    return this.byKey.size === 0;
  }

  /** @returns whether nobody had rejected it before. */
  reject(rejected: Quarantined): boolean {
    const key = keyOf(rejected.type, rejected.resource);
    const known = this.byKey.get(key);
    // A later proxy may have had a good version where the first had none.
    if (known && (known.lastGood || !rejected.lastGood)) return false;
    this.byKey.set(key, known ? { ...known, lastGood: rejected.lastGood } : rejected);
    if (this.byKey.size > MAX_RESOURCES) this.byKey.delete(this.byKey.keys().next().value!);
    return known === undefined;
  }

  /** Somebody has taken it, so it is good for some. */
  acknowledge(type: Type, resources: readonly EnvoyResource[]): void {
    if (this.isEmpty) return;
    for (const resource of resources) this.byKey.delete(keyOf(type, resource));
  }

  get(type: Type, resource: EnvoyResource): Quarantined | undefined {
    return this.isEmpty ? undefined : this.byKey.get(keyOf(type, resource));
  }

  /** In the order of their first rejection. */
  all(): readonly Quarantined[] {
    return [...this.byKey.values()];
  }
}

function keyOf(type: Type, { name, version }: EnvoyResource): string {
  return `${type}|${version}|${name}`;
}
