/**
 * The rotation of an authority, as a state machine without a clock or a key. A slot is one signing certificate with its root:
 *
 *   prepare     a new slot is made and kept, so that every replica has it
 *   distribute  its root goes into the trust bundle; nothing is signed with it yet
 *   activate    it signs; the one before signs no more
 *   retire      the last leaf of the one before has ended; its root leaves the bundle
 *
 * A leaf is therefore only ever shown to those who have had the time to learn its root, and a root is only ever forgotten when
 * nobody can show a leaf below it. A new intermediate below a root that is known already need not be distributed.
 */
import { BACKDATE_SECONDS } from './renewal';

/** What the machine knows about a slot. Times are milliseconds since the epoch. */
export interface Slot {
  readonly id: string;
  readonly phase: 'prepared' | 'distributed' | 'active' | 'retiring';
  /** When the phase began. */
  readonly since: number;
  /** What tells roots apart, such as the fingerprint. */
  readonly root: string;
  /** Of the signing certificate; when it was made rather than from when it is dated. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly rootNotBefore: number;
  readonly rootNotAfter: number;
}

export type Level = 'root' | 'intermediate';

export type Transition =
  | { readonly kind: 'prepare'; readonly level: Level }
  | { readonly kind: 'distribute' | 'activate' | 'retire'; readonly id: string };

/** In seconds. */
export interface RotationPolicy {
  /** Until everybody who verifies has a new trust bundle. Those who only get it with their own certificate renew that at half-life. */
  readonly distributionSeconds: number;
  /** What the longest-lived leaf lives. */
  readonly leafSeconds: number;
  /** How far the clocks of those who verify may be behind. */
  readonly skewSeconds: number;
}

/** The slot that signs. @throws Error when there is none. */
export function activeSlot<S extends Slot>(slots: readonly S[]): S {
  const active = slots.find(({ phase }) => phase === 'active');
  if (!active) throw new Error('the authority has no slot that signs');
  return active;
}

/**
 * The slot that signs at `now`. A clock that was ahead for a while may have left one that is not good yet: until it is, the one before
 * signs, as long as that is good itself.
 */
export function signingSlot<S extends Slot>(slots: readonly S[], now: number): S {
  const active = activeSlot(slots);
  const isGood = ({ notBefore, notAfter, rootNotBefore }: S) =>
    now >= Math.max(notBefore, rootNotBefore) - BACKDATE_SECONDS * 1000 && now < notAfter;
  if (isGood(active)) return active;
  return slots.findLast((slot) => slot.phase === 'retiring' && isGood(slot)) ?? active;
}

/** The slots whose roots are in the trust bundle, oldest first. */
export function trustedSlots<S extends Slot>(slots: readonly S[]): S[] {
  return slots.filter(({ phase }) => phase !== 'prepared');
}

/** What is to be done at `now`; undefined when nothing is. One thing at a time, each to be kept before the next. */
export function transitionDue(slots: readonly Slot[], policy: RotationPolicy, now: number): Transition | undefined {
  const active = activeSlot(slots);
  const next = slots.find(({ phase }) => phase === 'prepared' || phase === 'distributed');
  if (next?.phase === 'prepared') return { kind: 'distribute', id: next.id };
  if (next?.phase === 'distributed' && now >= activationOf(next, active, policy)) {
    return { kind: 'activate', id: next.id };
  }
  const over = slots.find((slot) => slot.phase === 'retiring' && now >= slot.since + retirement(policy));
  if (over) return { kind: 'retire', id: over.id };
  if (next) return undefined;
  if (now >= halfOf(active.rootNotBefore, active.rootNotAfter)) return { kind: 'prepare', level: 'root' };
  if (now >= halfOf(active.notBefore, active.notAfter)) return { kind: 'prepare', level: 'intermediate' };
  return undefined;
}

/** The slots after a transition that changes a slot; `prepare` adds one by `prepared`. */
export function advance<S extends Slot>(
  slots: readonly S[],
  { kind, id }: Exclude<Transition, { kind: 'prepare' }>,
  now: number,
): S[] {
  if (kind === 'retire') return slots.filter((slot) => slot.id !== id);
  return slots.map((slot) => {
    if (slot.id === id) return { ...slot, phase: kind === 'distribute' ? 'distributed' : 'active', since: now };
    return kind === 'activate' && slot.phase === 'active' ? { ...slot, phase: 'retiring', since: now } : slot;
  });
}

/** When something is due next, if nothing else happens. */
export function nextDue(slots: readonly Slot[], policy: RotationPolicy): number {
  const active = activeSlot(slots);
  const next = slots.find(({ phase }) => phase === 'prepared' || phase === 'distributed');
  const times = slots.filter(({ phase }) => phase === 'retiring').map(({ since }) => since + retirement(policy));
  if (next) times.push(next.phase === 'prepared' ? next.since : activationOf(next, active, policy));
  else times.push(halfOf(active.rootNotBefore, active.rootNotAfter), halfOf(active.notBefore, active.notAfter));
  return Math.min(...times);
}

/** Who waits longer than the one before lives would leave the mesh without certificates; that comes of a long absence. */
function activationOf(next: Slot, active: Slot, { distributionSeconds }: RotationPolicy): number {
  const wait = next.root === active.root ? 0 : distributionSeconds * 1000;
  return Math.min(next.since + wait, active.notAfter, active.rootNotAfter);
}

const retirement = ({ leafSeconds, skewSeconds }: RotationPolicy) => (leafSeconds + skewSeconds) * 1000;
const halfOf = (begin: number, end: number) => begin + (end - begin) / 2;
