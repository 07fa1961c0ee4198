/** What the control plane says about the same requests: which proxies it serves, and who called whom. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Place } from './client';
import { type Line, number } from './line';

interface Status {
  proxies: { node: { id: string }; types: Record<string, { state: string; error?: string }> }[];
  calls: { source: string; destination: string; count: number }[];
}

export interface ExpectedCalls {
  /** The pod that calls: `NAME.NAMESPACE`. */
  source: string;
  /** The host that it calls, as access logs name it. */
  destination: string;
  count: number;
}

const PATIENCE_MS = 8000;

/** Every proxy has taken every configuration that it was sent. */
export async function syncedLine(place: Place, proxies: number): Promise<Line> {
  const { proxies: connected } = await statusAt(place);
  const bad = connected.flatMap(({ node, types }) =>
    Object.values(types)
      .filter(({ state }) => state !== 'synced' && state !== 'unsubscribed')
      .map(({ state, error }) => `${node.id.split('~')[2]}: ${error ?? state}`),
  );
  return {
    what: 'proxies that hold their configuration',
    expected: `${proxies} of ${proxies}`,
    seen: bad.length > 0 ? bad.join('; ') : `${connected.length} of ${proxies}`,
    ok: bad.length === 0 && connected.length === proxies,
  };
}

/** Access logs come in batches, so the counts are waited for. */
export async function callLines(place: Place, expected: readonly ExpectedCalls[]): Promise<Line[]> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const { calls } = await statusAt(place);
    const lines = expected.map(({ source, destination, count }) => {
      const matching = calls.filter((call) => call.source === source && call.destination.startsWith(`${destination}:`));
      const seen = matching.reduce((sum, call) => sum + call.count, 0);
      return {
        what: `calls ${nameOf(source)} → ${nameOf(destination)}, by access logs`,
        expected: number(count),
        seen: number(seen),
        ok: seen === count,
      };
    });
    if (lines.every(({ ok }) => ok) || Date.now() > deadline) return lines;
    await sleep(200);
  }
}

async function statusAt({ host, port }: Place): Promise<Status> {
  const response = await fetch(`http://${host}:${port}/status`);
  return (await response.json()) as Status;
}

function nameOf(host: string): string {
  return host.split('.')[0]!;
}
