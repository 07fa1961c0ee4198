/** Two control planes that share their counts in a real Redis, asked by a real Envoy; Redis goes away under load and comes back. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { type RunningControlPlane, startControlPlane } from '../../apps/control-plane';
import { PolicedEnvoy } from '../pilot/authorization/policed-envoy';
import { RedisServer } from './redis-server';

jest.setTimeout(120_000);

const log = { info: () => {}, warn: () => {}, error: () => {} };
const LIMIT = 500;

const rateLimit = (onUnavailable: 'allow' | 'deny') => ({
  apiVersion: 'malha.dev/v1alpha1',
  kind: 'RateLimit',
  metadata: { name: onUnavailable, namespace: 'shop' },
  spec: {
    mode: 'global',
    onUnavailable,
    timeout: '10s',
    rules: [
      {
        match: { path: { exact: '/counted' } },
        key: { by: 'header', header: 'x-user' },
        limit: { requests: LIMIT, per: 'hour' },
      },
      { match: { path: { exact: '/load' } }, limit: { requests: 1_000_000, per: 'hour' } },
      { match: { path: { exact: '/few' } }, limit: { requests: 3, per: 'hour' } },
    ],
  },
});

/** Each a listener of one Envoy: the RateLimit in front of it, and which control plane it asks. */
const DOORS = [
  ['deny', 0],
  ['deny', 1],
  ['allow', 0],
  ['allow', 1],
] as const;
const door = (mode: 'allow' | 'deny', plane: 0 | 1) => DOORS.findIndex(([a, b]) => a === mode && b === plane);

let folder: string;
let redis: RedisServer;
let planes: RunningControlPlane[] = [];
let envoy: PolicedEnvoy;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'malha-rate-limits-'));
  await writeFile(
    join(folder, 'limits.yaml'),
    [rateLimit('allow'), rateLimit('deny')].map((each) => stringify(each)).join('---\n'),
  );
  redis = await RedisServer.start();
  const { url, password } = redis;
  planes = await Promise.all(
    [0, 1].map(() =>
      startControlPlane({
        registry: { kind: 'files', files: [folder] },
        xds: '127.0.0.1:0',
        http: '127.0.0.1:0',
        rateLimitRedis: { url, password },
        log,
      }),
    ),
  );
  envoy = await PolicedEnvoy.start(
    DOORS.map(([mode]) => () => [rateLimit(mode)]),
    {
      network: 91,
      // The same filter, with the control plane at its port instead of the bootstrap's cluster.
      edit(manager, mesh) {
        const target_uri = `127.0.0.1:${planes[DOORS[mesh]![1]]!.xdsPort}`;
        const service = JSON.stringify({ google_grpc: { target_uri, stat_prefix: 'control-plane' } });
        return JSON.parse(JSON.stringify(manager).replaceAll('{"envoy_grpc":{"cluster_name":"xds-grpc"}}', service));
      },
    },
  );
  await Promise.all(
    planes.map((plane) => until(async () => (await metric(plane, 'malha_rate_limit_store_available')) === 1)),
  );
});

afterAll(async () => {
  await envoy?.stop();
  await Promise.all(planes.map((plane) => plane.stop()));
  await redis?.close();
  await rm(folder, { recursive: true, force: true });
});

/** One series of a control plane. */
async function metric(plane: RunningControlPlane, series: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${plane.httpPort}/metrics`);
  const line = (await response.text()).split('\n').find((each) => each.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1) ?? Number.NaN);
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(20);
}

const decisions = (outcome: string) => `malha_rate_limit_decisions{outcome="${outcome}"}`;

/** Statuses, and how often each came. */
async function ask(
  doors: readonly number[],
  path: string,
  times: number,
  user = 'ana',
): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  let left = times;
  const worker = async (number: number) => {
    while (left-- > 0) {
      const { status } = await envoy.ask(doors[number % doors.length]!, { path, headers: { 'x-user': user } });
      counts[status] = (counts[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: 16 }, (_, number) => worker(number)));
  return counts;
}

test('a limit is exact over two control planes on one Redis', async () => {
  const both = [door('deny', 0), door('deny', 1)];
  const counts = await ask(both, '/counted', LIMIT + 200);
  expect(Math.abs((counts[200] ?? 0) - LIMIT)).toBeLessThanOrEqual(LIMIT / 100);
  expect((counts[200] ?? 0) + (counts[429] ?? 0)).toBe(LIMIT + 200);
  // Each of the two has had its part.
  for (const plane of planes) {
    expect(await metric(plane, decisions('allowed'))).toBeGreaterThan(0);
    expect(await metric(plane, decisions('limited'))).toBeGreaterThan(0);
    expect(await metric(plane, decisions('unavailable'))).toBe(0);
  }
  expect(await ask([door('deny', 0)], '/counted', 1, 'bea')).toEqual({ 200: 1 });
});

test('Redis goes away under load and comes back: each RateLimit does what it says, and metrics tell', async () => {
  const seen = { allow: new Set<number>(), deny: new Set<number>() };
  let isLoaded = true;
  const load = DOORS.map(async ([mode], index) => {
    while (isLoaded) seen[mode].add((await envoy.ask(index, { path: '/load' })).status);
  });
  const areAll = (available: number) =>
    Promise.all(
      planes.map((plane) => until(async () => (await metric(plane, 'malha_rate_limit_store_available')) === available)),
    );
  await until(async () => seen.allow.size > 0 && seen.deny.size > 0);
  expect({ allow: [...seen.allow], deny: [...seen.deny] }).toEqual({ allow: [200], deny: [200] });

  await redis.kill();
  await areAll(0);
  for (const plane of [0, 1] as const) {
    expect(await ask([door('allow', plane)], '/few', 20)).toEqual({ 200: 20 });
    expect(await ask([door('deny', plane)], '/few', 20)).toEqual({ 503: 20 });
    expect(await metric(planes[plane]!, decisions('unavailable'))).toBeGreaterThanOrEqual(40);
  }

  await redis.start();
  await areAll(1);
  expect(await ask([door('deny', 0), door('deny', 1)], '/few', 10)).toEqual({ 200: 3, 429: 7 });
  expect(await ask([door('allow', 0), door('allow', 1)], '/few', 10)).toEqual({ 200: 3, 429: 7 });
  isLoaded = false;
  await Promise.all(load);
  // Who may pass while nobody counts has noticed nothing.
  expect({ allow: [...seen.allow], deny: [...seen.deny].sort() }).toEqual({ allow: [200], deny: [200, 503] });
});
