/** What the control plane signs while its authority cannot be read: the API server is away, or somebody has plugged in a wrong one. */
import { type Citadel, openCitadel } from '../../apps/control-plane/citadel';
import { memoryStorage } from '../../lib/citadel/memory-storage';
import type { Storage } from '../../lib/citadel/storage';
import { eventually } from '../xds/plain-envoy';

const LEAF_SECONDS = 4;
const identity = { trustDomain: 'cluster.local', namespace: 'shop', serviceAccount: 'web' };

let isAway = false;
let citadel: Citadel;
let failures = 0;
const logged: string[] = [];

beforeAll(async () => {
  const kept = memoryStorage();
  const storage: Storage = {
    load: async () => {
      if (isAway) throw new Error('the API server is away');
      return kept.load();
    },
    save: kept.save,
  };
  const log = { info: () => {}, warn: () => {}, error: (fields: object) => void logged.push(JSON.stringify(fields)) };
  citadel = await openCitadel(
    {
      storage,
      trustDomain: 'cluster.local',
      namespace: 'malha-system',
      address: '127.0.0.1:0',
      leafSeconds: LEAF_SECONDS,
      minLeafSeconds: LEAF_SECONDS,
      log,
      observer: { rotationFailed: () => void failures++ },
    },
    undefined,
  );
  await citadel.listen({});
});
afterAll(() => citadel.close());

test('certificates are renewed by the last good authority while the kept one cannot be read, and the log says so', async () => {
  const connection = {};
  const leaf = () => citadel.secrets.secretsOf(connection, identity)?.[1]?.version;
  await eventually(async () => expect(leaf()).toBeDefined());
  const before = { leaf: leaf(), serving: citadel.identity().chainPem };
  isAway = true;
  await eventually(async () => {
    expect(leaf()).not.toBe(before.leaf);
    expect(citadel.identity().chainPem).not.toBe(before.serving);
    expect(failures).toBeGreaterThan(0);
  });
  expect(logged.join()).toContain('the API server is away');
});
