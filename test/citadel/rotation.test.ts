/** THREATS: a rotation that nobody notices. Time is an integer here; no key is made. */
import fc from 'fast-check';
import {
  activeSlot,
  advance,
  nextDue,
  type RotationPolicy,
  type Slot,
  transitionDue,
  trustedSlots,
} from '../../lib/citadel/rotation';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const policy: RotationPolicy = { distributionSeconds: 86_400, leafSeconds: 86_400, skewSeconds: 600 };

const slot = (id: string, fields: Partial<Slot> = {}): Slot => ({
  id,
  phase: 'active',
  since: 0,
  root: 'r1',
  notBefore: 0,
  notAfter: 100 * DAY,
  rootNotBefore: 0,
  rootNotAfter: 1_000 * DAY,
  ...fields,
});

describe('the rotation of an authority', () => {
  test('does nothing in the first half of a life', () => {
    expect(transitionDue([slot('a')], policy, 50 * DAY - 1)).toBeUndefined();
    expect(nextDue([slot('a')], policy)).toBe(50 * DAY);
  });

  test('prepares an intermediate at its half, and a root at its own', () => {
    expect(transitionDue([slot('a')], policy, 50 * DAY)).toEqual({ kind: 'prepare', level: 'intermediate' });
    const old = slot('a', { notAfter: 2_000 * DAY });
    expect(transitionDue([old], policy, 500 * DAY)).toEqual({ kind: 'prepare', level: 'root' });
  });

  test('signs at once below a root that everybody knows', () => {
    const slots = [slot('a'), slot('b', { phase: 'distributed', since: 7 })];
    expect(transitionDue(slots, policy, 7)).toEqual({ kind: 'activate', id: 'b' });
  });

  test('signs below a new root only when everybody has had the time to learn of it', () => {
    const slots = [slot('a'), slot('b', { root: 'r2', phase: 'distributed', since: 10 * DAY })];
    expect(transitionDue(slots, policy, 11 * DAY - 1)).toBeUndefined();
    expect(transitionDue(slots, policy, 11 * DAY)).toEqual({ kind: 'activate', id: 'b' });
  });

  test('does not wait beyond the end of the one before: after a long absence it is back at once', () => {
    const slots = [slot('a', { notAfter: DAY }), slot('b', { root: 'r2', phase: 'distributed', since: 2 * DAY })];
    expect(transitionDue(slots, policy, 2 * DAY)).toEqual({ kind: 'activate', id: 'b' });
  });

  test('forgets a root when the last leaf below it has ended everywhere', () => {
    const slots = [slot('a', { phase: 'retiring', since: 0 }), slot('b', { root: 'r2' })];
    expect(transitionDue(slots, policy, DAY + 600_000 - 1)).toBeUndefined();
    expect(transitionDue(slots, policy, DAY + 600_000)).toEqual({ kind: 'retire', id: 'a' });
    expect(advance(slots, { kind: 'retire', id: 'a' }, DAY).map(({ id }) => id)).toEqual(['b']);
  });

  test('goes through the phases in their order, whenever it is looked at', () => {
    const kinds = run(irregular([9 * HOUR]), 2_000 * DAY).history.map(({ kind }) => kind);
    const order = ['prepare', 'distribute', 'activate', 'retire'];
    kinds.forEach((kind, at) => void expect(kind).toBe(order[at % 4]));
    expect(kinds.length).toBeGreaterThan(100);
  });

  test('never lets a leaf be shown to somebody who cannot verify it', () => {
    const steps = fc.array(fc.integer({ min: 1, max: 30 * HOUR }), { minLength: 5, maxLength: 60 });
    fc.assert(
      fc.property(
        steps,
        fc.integer({ min: 0, max: 86_400_000 }),
        fc.integer({ min: 0, max: 86_400_000 }),
        (gaps, age, late) => {
          const { history } = run(irregular(gaps), 500 * DAY);
          // At any moment: a leaf signed up to its whole life ago, and a bundle fetched up to the time of distribution ago.
          for (const { at } of history) {
            for (const now of [at, at + HOUR, at + DAY, at + 2 * DAY]) {
              const leafRoot = activeSlot(slotsAt(history, now - age)).root;
              const known = trustedSlots(slotsAt(history, now - late)).map(({ root }) => root);
              expect(known).toContain(leafRoot);
            }
          }
        },
      ),
      { numRuns: 15 },
    );
  });
});

interface Moment {
  readonly at: number;
  readonly kind: string;
  readonly slots: readonly Slot[];
}

/** Gaps between looks, over and over. */
function irregular(gaps: readonly number[]): () => number {
  let at = 0;
  return () => gaps[at++ % gaps.length]!;
}

/** Runs the machine, with intermediates of 40 days and roots of 200, until `end`. */
function run(gap: () => number, end: number): { history: Moment[] } {
  let slots: readonly Slot[] = [slot('0', { notAfter: 40 * DAY, rootNotAfter: 200 * DAY, root: 'r0' })];
  const history: Moment[] = [];
  let made = 0;
  for (let now = 0; now < end; now += gap()) {
    for (let due = transitionDue(slots, policy, now); due; due = transitionDue(slots, policy, now)) {
      if (due.kind === 'prepare') {
        const id = String(++made);
        const { root, rootNotBefore, rootNotAfter } = activeSlot(slots);
        const fresh = { root: `r${id}`, rootNotBefore: now, rootNotAfter: now + 200 * DAY };
        const anchor = due.level === 'root' ? fresh : { root, rootNotBefore, rootNotAfter };
        const notAfter = Math.min(now + 40 * DAY, anchor.rootNotAfter);
        slots = [...slots, slot(id, { phase: 'prepared', since: now, notBefore: now, notAfter, ...anchor })];
      } else slots = advance(slots, due, now);
      history.push({ at: now, kind: due.kind, slots });
    }
  }
  return { history };
}

function slotsAt(history: readonly Moment[], time: number): readonly Slot[] {
  const before = history.filter(({ at }) => at <= time).at(-1);
  return before?.slots ?? [slot('0', { notAfter: 40 * DAY, rootNotAfter: 200 * DAY, root: 'r0' })];
}
