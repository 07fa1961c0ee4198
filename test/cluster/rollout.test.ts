/** Control planes are replaced one after the other, as a Deployment's rollout does it: the new one is ready before the old one goes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from './cluster';
import { Stage } from './stage';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open('rollout');
  await stage.addPod('web-1');
  await stage.answeredBy('web-1');
}, 90_000);
afterAll(() => stage?.close(), 60_000);

test('no request fails while a rollout replaces replicas under load, and changes come from the new one', async () => {
  const end = await stage.network.load(stage.url);
  let counts: Record<string, number> = {};
  try {
    for (let round = 0; round < 3; round++) {
      const old = stage.controlPlane;
      await stage.startControlPlane();
      expect(await old.stop()).toBe(0);
      await eventually(
        () => stage.controlPlane.status(),
        ({ proxies }) =>
          proxies.length === 1 && Object.values(proxies[0]!.types).every(({ state }) => state !== 'pending'),
        45,
      );
      await sleep(500);
    }
    await stage.addPod('web-2');
    await stage.answeredBy('web-1', 'web-2');
  } finally {
    counts = await end();
  }
  expect(Object.keys(counts).sort()).toEqual(['web-1', 'web-2']);
  expect(counts['web-1']).toBeGreaterThan(100);
}, 120_000);
