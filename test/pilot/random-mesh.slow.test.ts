import fc from 'fast-check';
import { Translator } from '../../lib/pilot';
import { type Proxy, World } from '../../lib/world';
import { complaintOfEnvoy } from './envoy-validation';
import { anObject } from './random-mesh';

const RUNS = Number(process.env.RANDOM_MESHES ?? 200);

const proxy = fc
  .record({
    type: fc.constantFrom<Proxy['type'][]>('sidecar', 'router'),
    capture: fc.constantFrom<Proxy['capture'][]>('REDIRECT', 'NONE'),
  })
  .map(
    ({ type, capture }): Proxy => ({
      id: `${type}~198.18.0.200~x-0.a~a.svc.cluster.local`,
      type,
      name: 'x-0',
      namespace: 'a',
      ip: '198.18.0.200',
      labels: { app: 'x', version: 'v1' },
      capture,
      appAddress: '127.0.0.1',
    }),
  );

test('what pilot makes of any mesh, a real Envoy accepts', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anObject, { minLength: 10, maxLength: 40 }), proxy, async (objects, target) => {
      const translator = new Translator();
      const snapshot = translator.snapshot(World.of(objects), target);
      expect(translator.failures).toEqual([]);
      expect(await complaintOfEnvoy(snapshot)).toBe('');
    }),
    { numRuns: RUNS, interruptAfterTimeLimit: 240_000 },
  );
}, 300_000);
