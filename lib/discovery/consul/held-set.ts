/**
 * What a registry said last that was worth believing. Additions and changes count at once; a removal of many does only when it
 * has stood, and never on the word of a server that knows no leader. Pure: the time is given.
 */
import { sameValue } from '../../api/equality';
import { CONFIRMED_AFTER_MS } from '../kubernetes/reflector';

export interface Evidence {
  /** Milliseconds, of any clock that goes forward. */
  readonly now: number;
  /** The registry went back in time, so that anything may be missing. */
  readonly wentBack: boolean;
  /** Backed by a quorum and seen with the rights of before: such an answer is believed in the end. */
  readonly isSound: boolean;
  /** Keys that somebody took out on purpose; they go at once. */
  readonly withdrawn?: ReadonlySet<string>;
}

/**
 * What counts as a mass removal. `replaceable` things (instances) are one when less than half as many are left, whichever they are;
 * others (services) when more than half of those known are missing.
 */
export type Kind = 'replaceable' | 'named';

export class HeldSet<T> {
  private known = new Map<string, T>();
  private heldKeys = new Set<string>();
  private since = 0;

  constructor(private readonly kind: Kind) {}

  get values(): ReadonlyMap<string, T> {
    return this.known;
  }

  /** What stays in force although the newest answer leaves it out. */
  get held(): ReadonlySet<string> {
    return this.heldKeys;
  }

  /** @returns whether `values` changed. */
  take(found: ReadonlyMap<string, T>, { now, wentBack, isSound, withdrawn = new Set() }: Evidence): boolean {
    const missing = [...this.known.keys()].filter((key) => !found.has(key) && !withdrawn.has(key));
    const isMass = this.kind === 'named' ? missing.length * 2 > this.known.size : this.leavesTooFew(found, missing);
    const isDoubted = missing.length > 0 && (isMass || wentBack || !isSound || this.heldKeys.size > 0);
    if (isDoubted && (this.heldKeys.size === 0 || !isSound || wentBack)) this.since = now;
    const isKept = isDoubted && now - this.since < CONFIRMED_AFTER_MS;

    const next = new Map<string, T>();
    for (const [key, value] of found) {
      const before = this.known.get(key);
      next.set(key, before !== undefined && sameValue(before, value) ? before : value);
    }
    if (isKept) for (const key of missing) next.set(key, this.known.get(key)!);
    this.heldKeys = new Set(isKept ? missing : []);
    const changed = next.size !== this.known.size || [...next].some(([key, value]) => this.known.get(key) !== value);
    if (changed) this.known = next;
    return changed;
  }

  private leavesTooFew(found: ReadonlyMap<string, T>, missing: readonly string[]): boolean {
    const newcomers = [...found.keys()].filter((key) => !this.known.has(key)).length;
    const left = this.known.size - missing.length + newcomers;
    return left * 2 < this.known.size;
  }
}
