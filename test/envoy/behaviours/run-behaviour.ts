/** Runs one row: its objects come into force, its requests are sent, and what comes back is compared. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeObject } from '../../../lib/api/object';
import { validate } from '../../../lib/galley';
import type { Ask, Behaviour, Expected, Reply } from './behaviour';
import type { BehaviourMesh } from './mesh';
import { parsed } from './rows/parsed';
import { compareWithSimulator } from './simulated';

/** Envoy's workers take over new configuration a moment after it was acknowledged. */
const GRACE_MS = 5_000;
/** Within which a copy of a request reaches its service. */
const COPY_MS = 1_000;

/** @returns how many cases held; the first that does not fails the test, with what was asked and answered. */
export async function runBehaviour(mesh: BehaviourMesh, row: Behaviour): Promise<number> {
  const objects = objectsOf(row, mesh);
  // Whatever is not served says so; a row that shows it would claim what is reported as missing.
  expect(
    objects.flatMap((object) => validate(object)).filter(({ level, code }) => level === 'error' || code === 'MAL0001'),
  ).toEqual([]);
  const findings = await mesh.give(objects, row.identities);
  expect(findings.filter(({ level }) => level === 'error')).toEqual([]);
  let held = 0;
  for (const [ask, expected] of row.cases) {
    await patiently(async () => {
      await mesh.reset();
      const replies = await asked(mesh, ask);
      compare(ask, replies, expected);
      if (expected.heard) await compareHeard(mesh, expected.heard);
      if (!row.notSimulated && /^https?:/.test(ask.url)) compareWithSimulator(mesh, numbered(ask, 0), replies[0]!);
    });
    held++;
  }
  return held;
}

export function objectsOf({ objects }: Behaviour, { given }: Pick<BehaviourMesh, 'given'>): KubeObject[] {
  const made = typeof objects === 'function' ? objects(given) : objects;
  return typeof made === 'string' ? parsed(made) : [...made];
}

async function asked(mesh: BehaviourMesh, ask: Ask): Promise<Reply[]> {
  const replies: Reply[] = [];
  const times = ask.times ?? 1;
  for (let from = 0; from < times; from += 25) {
    const asks = Array.from({ length: Math.min(25, times - from) }, (_, i) => mesh.ask(numbered(ask, from + i)));
    replies.push(...(await Promise.all(asks)));
  }
  return replies;
}

function numbered(ask: Ask, n: number): Ask {
  const withNumber = (value: unknown) => (typeof value === 'string' ? value.replaceAll('{n}', String(n)) : value);
  const headers = Object.entries(ask.headers ?? {}).map(([name, value]) => [name, withNumber(value)]);
  return { ...ask, url: ask.url.replaceAll('{n}', String(n)), headers: Object.fromEntries(headers) };
}

function compare(ask: Ask, replies: readonly Reply[], { shares, alike, heard: _, ...expected }: Expected): void {
  if (shares) compareShares(replies, shares);
  if (alike) expect([...new Set(replies.map(({ who }) => who))]).toEqual([expect.any(String)]);
  const { who, ...rest } = expected;
  for (const reply of replies) {
    if ('who' in expected) expect({ ask, reply, who: reply.who }).toEqual({ ask, reply, who });
    // The reply is in both, so that a failure shows all of it.
    expect({ ask, whole: reply, ...reply }).toMatchObject({ ask, whole: reply, ...rest });
  }
}

/** Six standard deviations on each side, so that chance fails a good mesh once in a hundred million runs. */
function compareShares(replies: readonly Reply[], shares: Record<string, number>): void {
  const total = replies.length;
  const counts: Record<string, number> = {};
  for (const { who, status, refused } of replies) {
    const key = who ?? (refused === undefined ? String(status) : 'refused');
    counts[key] = (counts[key] ?? 0) + 1;
  }
  expect(Object.keys(counts).filter((key) => shares[key] === undefined)).toEqual([]);
  for (const [key, share] of Object.entries(shares)) {
    const deviation = 6 * Math.sqrt(total * share * (1 - share));
    expect({ key, counts, off: Math.max(0, Math.abs((counts[key] ?? 0) - total * share) - deviation) }).toMatchObject({
      off: 0,
    });
  }
}

/** Copies are sent behind the answer's back, so they may still be on their way. */
async function compareHeard(mesh: BehaviourMesh, expected: NonNullable<Expected['heard']>): Promise<void> {
  await patiently(async () => {
    const heard = await mesh.heard();
    for (const [who, paths] of Object.entries(expected)) {
      for (const [path, times] of Object.entries(paths)) {
        expect({ who, path, times: heard[who]?.[path] ?? 0 }).toEqual({ who, path, times });
      }
    }
  }, COPY_MS);
}

async function patiently(check: () => Promise<void>, milliseconds = GRACE_MS): Promise<void> {
  const deadline = Date.now() + milliseconds;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(20);
    }
  }
}
