/** The control plane dies, the API server goes away: traffic goes on, and nothing that was healthy is withdrawn. */
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from './cluster';
import { Stage } from './stage';

/** An outage of the API server; a minute in a cluster, shortened here. */
const OUTAGE_MS = 5_000;

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open('outage');
  await stage.addPod('web-1');
  await stage.addPod('web-2');
  await stage.answeredBy('web-1', 'web-2');
}, 90_000);
afterAll(() => stage?.close(), 60_000);

/** Requests go on all the time of `drill`; all of them have to be answered by the two Pods. */
async function underLoad(drill: () => Promise<void>): Promise<void> {
  const end = await stage.network.load(stage.url);
  let counts: Record<string, number> = {};
  try {
    await drill();
  } finally {
    counts = await end();
  }
  expect(Object.keys(counts).sort()).toEqual(['web-1', 'web-2']);
  expect(Math.min(...Object.values(counts))).toBeGreaterThan(100);
}

/** Envoy tries again after up to 30 s, when a control plane was away for long. */
const untilConnected = () =>
  eventually(
    () => stage.controlPlane.status(),
    ({ proxies }) => proxies.length === 1 && Object.values(proxies[0]!.types).every(({ state }) => state !== 'pending'),
    45,
  );

test('no request fails when the control plane is killed, and none when it is back', async () => {
  await underLoad(async () => {
    await stage.controlPlane.stop('SIGKILL');
    await sleep(1500);
    await stage.startControlPlane();
    await untilConnected();
    await sleep(500);
  });
}, 60_000);

test('no request fails while the API server is away, and none when it is back; then changes come again', async () => {
  const cluster = globalThis.malhaTestCluster;
  if (!cluster) throw new Error('this test needs an API server of its own');
  await underLoad(async () => {
    await cluster.crash();
    await sleep(OUTAGE_MS);
    await cluster.recover();
    await sleep(2000);
  });
  await stage.addPod('web-3');
  await stage.answeredBy('web-1', 'web-2', 'web-3');
}, 120_000);

test('a control plane that starts while the API server is away withdraws nothing: it answers when it has read all', async () => {
  const cluster = globalThis.malhaTestCluster;
  if (!cluster) throw new Error('this test needs an API server of its own');
  await stage.client.request('DELETE', stage.path('pods', 'web-3'));
  await stage.answeredBy('web-1', 'web-2');
  await underLoad(async () => {
    await cluster.crash();
    await stage.controlPlane.stop('SIGKILL');
    const starting = stage.startControlPlane();
    await sleep(3000);
    expect(stage.controlPlane.lines.map(({ msg }) => msg)).not.toContain('control plane is ready');
    await cluster.recover();
    await starting;
    await untilConnected();
    await sleep(500);
  });
}, 120_000);
