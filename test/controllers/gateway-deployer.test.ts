import type { KubeObject } from '../../lib/api/object';
import { AGAIN_MS, GatewayDeployer } from '../../lib/controllers/gateway-deployer';
import { World } from '../../lib/world';
import { FakeClock, refusal } from '../discovery/fake-api';

const gateway = (name: string, uid = `uid of ${name}`, port = 80): KubeObject => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'Gateway',
  metadata: { name, namespace: 'shop', uid },
  spec: { gatewayClassName: 'malha', listeners: [{ name: 'http', port, protocol: 'HTTP' }] },
});

let clock: FakeClock;
let world: World;
let changed: () => void;
let isLeader: boolean;
let stored: Map<string, KubeObject>;
let applied: string[];
let troubles: string[];
let failure: Error | undefined;
let deployer: GatewayDeployer;

beforeEach(() => {
  clock = new FakeClock();
  world = World.of([gateway('edge')]);
  isLeader = true;
  stored = new Map();
  applied = [];
  troubles = [];
  failure = undefined;
  deployer = new GatewayDeployer({
    clock,
    random: () => 1,
    leadership: { isLeader: () => isLeader, subscribe: () => () => undefined },
    world: () => world,
    subscribe(onChange) {
      changed = onChange;
      return () => undefined;
    },
    workload: {},
    api: {
      async request<T>(_: string, path: string) {
        const object = stored.get(path);
        if (!object) throw refusal(404);
        return object as T;
      },
      async patch<T>(path: string, _: string, object: unknown) {
        if (failure) throw failure;
        stored.set(path, object as KubeObject);
        applied.push(path.split('/').slice(-2).join('/'));
        return object as T;
      },
    },
    onTrouble: (_, problem) => troubles.push(problem),
  });
});
afterEach(() => deployer.close());

function become(...objects: KubeObject[]): Promise<void> {
  world = World.of(objects);
  changed();
  return clock.advance(5_000);
}

const ALL = [
  'serviceaccounts/edge-malha',
  'deployments/edge-malha',
  'services/edge-malha',
  'poddisruptionbudgets/edge-malha',
];

test('what a Gateway needs is applied once, and again when it changes', async () => {
  await clock.advance(5_000);
  expect(applied).toEqual(ALL);
  await become(gateway('edge'));
  expect(applied).toEqual(ALL);
  await become(gateway('edge', undefined, 90));
  expect(applied).toEqual([...ALL, 'deployments/edge-malha', 'services/edge-malha']);
});

test('what others may have changed comes back within five minutes', async () => {
  await clock.advance(AGAIN_MS + 5_000);
  expect(applied).toEqual([...ALL, ...ALL]);
});

test('an object of that name that is not the Gateway’s is left alone, and told of', async () => {
  const metadata = { name: 'edge-malha', namespace: 'shop' };
  stored.set('/apis/apps/v1/namespaces/shop/deployments/edge-malha', {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
  });
  await clock.advance(10_000);
  expect(applied).toEqual(ALL.filter((name) => !name.startsWith('deployments/')));
  expect(troubles).toEqual(['Deployment shop/edge-malha is there already, and is not the Gateway’s: it is left alone']);
});

test('a Gateway of the same name that was made anew waits until what belonged to the old one is gone', async () => {
  await clock.advance(5_000);
  await become(gateway('edge', 'another'));
  expect(applied).toEqual(ALL);
  stored.clear();
  await clock.advance(AGAIN_MS);
  expect(applied).toEqual([...ALL, ...ALL]);
});

test('a replica that does not lead applies nothing', async () => {
  isLeader = false;
  await clock.advance(AGAIN_MS);
  expect(applied).toEqual([]);
});

test('a server that is away is tried again, less and less often', async () => {
  failure = new Error('connection refused');
  await clock.advance(60_000);
  expect(troubles.length).toBeGreaterThan(2);
  expect(troubles.length).toBeLessThan(10);
  failure = undefined;
  await clock.advance(60_000);
  expect(applied).toEqual(ALL);
});

test('what a server refuses holds up no other Gateway', async () => {
  failure = refusal(403);
  await clock.advance(1_000);
  failure = undefined;
  await become(gateway('edge'), gateway('other'));
  expect(applied).toEqual(ALL.map((name) => name.replace('edge', 'other')));
});
