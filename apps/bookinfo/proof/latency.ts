/** What the mesh costs: the same services with and without it, asked in turns, so that both see the same machine. */
import type { Client } from './client';
import type { Line } from './line';

const ROUNDS = 10;
const REQUESTS_PER_ROUND = 40;
const WARM_UP = 60;

export interface Subject {
  name: string;
  client: Client;
}

/** Asks for the page of one and the same reviewer's version, one request at a time. */
export async function latencyLines(
  subjects: readonly Subject[],
  path: string,
  headers: Record<string, string>,
): Promise<Line[]> {
  const times = new Map<string, number[]>(subjects.map(({ name }) => [name, []]));
  const failures = new Map<string, number>();
  for (const { client } of subjects) await client.repeat(WARM_UP, path, headers);
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, client } of subjects) {
      for (let i = 0; i < REQUESTS_PER_ROUND; i++) {
        const reply = await client.get(path, headers);
        const asked = reply.who?.calls?.reviews?.calls?.ratings?.service;
        if (reply.status === 200 && asked) times.get(name)!.push(reply.milliseconds);
        else failures.set(name, (failures.get(name) ?? 0) + 1);
      }
    }
  }
  return subjects.map(({ name }) => {
    const failed = failures.get(name) ?? 0;
    const sorted = times.get(name)!.sort((a, b) => a - b);
    const seen = `p50 ${percentile(sorted, 0.5)} ms, p99 ${percentile(sorted, 0.99)} ms`;
    return {
      what: `latency of a page ${name}`,
      expected: `${ROUNDS * REQUESTS_PER_ROUND} answers`,
      seen: failed > 0 ? `${failed} failed; ${seen}` : seen,
      ok: failed === 0,
    };
  });
}

/** @param sorted ascending. */
function percentile(sorted: readonly number[], share: number): string {
  const value = sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)];
  return value === undefined ? '–' : value.toFixed(2);
}
