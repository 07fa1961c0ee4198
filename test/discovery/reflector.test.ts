import type { KubeObject } from '../../lib/api/object';
import { Reflector } from '../../lib/discovery/kubernetes/reflector';
import type { Resource } from '../../lib/discovery/kubernetes/resource';
import { FakeApi, FakeClock, refusal } from './fake-api';

const SERVICES: Resource = { group: '', version: 'v1', plural: 'services', kind: 'Service' };
const PATH = '/api/v1/services';

/** Lists give items without apiVersion and kind. */
const service = (name: string, port = 80): KubeObject =>
  ({ metadata: { name, namespace: 'shop', managedFields: [{}] }, spec: { port } }) as unknown as KubeObject;

let api: FakeApi;
let clock: FakeClock;
let reflector: Reflector;
let changes: number;
let troubles: (string | undefined)[];

beforeEach(() => {
  api = new FakeApi();
  clock = new FakeClock();
  changes = 0;
  troubles = [];
  const uid = api.clusterUid;
  reflector = new Reflector({
    api,
    resource: SERVICES,
    clock,
    random: () => 0.5,
    onChange: () => changes++,
    onTrouble: (trouble) => troubles.push(trouble),
    isSameCluster: async () => !api.failure && api.clusterUid === uid,
  });
});
afterEach(() => reflector.stop());

const names = () => reflector.objects.map(({ metadata }) => metadata.name);
const listed = () => api.requests.filter((request) => request.startsWith('LIST')).length;

async function startWith(...objects: string[]): Promise<void> {
  for (const name of objects) api.put(PATH, service(name));
  reflector.start();
  await clock.advance(0);
}

describe('a resource of an API server', () => {
  test('is listed in pages, then watched from the version of the list', async () => {
    const many = Array.from({ length: 1201 }, (_, index) => `s${String(index).padStart(4, '0')}`);
    await startWith(...many);
    expect(names()).toEqual(many);
    expect(api.requests).toEqual([`LIST ${PATH}`, `LIST ${PATH}`, `LIST ${PATH}`, `WATCH ${PATH} 1202`]);
  });

  test('gives objects with their kind, and without what the API server adds for itself', async () => {
    await startWith('web');
    expect(reflector.objects).toEqual([
      { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'shop' }, spec: { port: 80 } },
    ]);
  });

  test('follows what is added, changed and deleted, and tells each change once', async () => {
    await startWith('web');
    const before = changes;
    api.put(PATH, service('reviews'));
    api.put(PATH, service('web', 81));
    api.delete(PATH, 'reviews');
    expect(reflector.objects).toMatchObject([{ metadata: { name: 'web' }, spec: { port: 81 } }]);
    expect(changes).toBe(before + 3);
  });

  test('is the same value as before when an object was written without being changed', async () => {
    await startWith('web');
    const [before] = reflector.objects;
    const told = changes;
    api.put(PATH, service('web'));
    expect(reflector.objects[0]).toBe(before);
    expect(changes).toBe(told);
  });

  test('is watched again from the last version when a watch ends, without a new list', async () => {
    await startWith('web');
    api.put(PATH, service('reviews'));
    await clock.advance(400_000);
    api.endWatches();
    await clock.advance(0);
    expect(api.requests.at(-1)).toBe(`WATCH ${PATH} 3`);
    expect(listed()).toBe(1);
  });

  test('is watched from the version of the last bookmark', async () => {
    await startWith('web');
    api.tell(PATH, { type: 'BOOKMARK', object: { metadata: { resourceVersion: '900' } } as KubeObject });
    await clock.advance(400_000);
    api.endWatches();
    await clock.advance(0);
    expect(api.requests.at(-1)).toBe(`WATCH ${PATH} 900`);
  });

  test('that the API server does not serve is whole and empty, and is looked for again', async () => {
    api.failures.set(PATH, refusal(404));
    await startWith();
    expect(reflector.isWhole).toBe(true);
    api.failures.delete(PATH);
    api.put(PATH, service('web'));
    await clock.advance(10_000);
    expect(names()).toEqual(['web']);
  });

  test('that may not be read is not whole, and says so', async () => {
    api.failures.set(PATH, refusal(403, 'services is forbidden'));
    await startWith();
    await clock.advance(60_000);
    expect(reflector.isWhole).toBe(false);
    expect(troubles.at(-1)).toContain('services is forbidden');
  });
});

describe('what was healthy', () => {
  test('stays while the API server is away, and each attempt comes later than the one before, but not above 10 s', async () => {
    await startWith('web', 'reviews');
    clock.delays.length = 0;
    api.failure = new Error('connect ECONNREFUSED');
    api.endWatches(new Error('socket hang up'));
    await clock.advance(600_000);
    expect(names()).toEqual(['reviews', 'web']);
    expect(troubles.at(-1)).toBe('connect ECONNREFUSED');
    const waits = clock.delays.filter((delay) => delay < 30_000);
    expect(waits.slice(0, 4)).toEqual([150, 300, 600, 1200]);
    expect(Math.max(...waits)).toBe(7_500);
  });

  test('stays through a 410, after which everything is listed again and only what is gone goes', async () => {
    await startWith('a', 'b', 'c', 'd', 'e');
    api.unseen((stored) => stored.get(PATH)!.delete('b'));
    api.tell(PATH, { type: 'ERROR', object: { code: 410, message: 'too old' } as unknown as KubeObject });
    expect(names()).toEqual(['a', 'b', 'c', 'd', 'e']);
    await clock.advance(1000);
    expect(names()).toEqual(['a', 'c', 'd', 'e']);
  });

  test('stays when the next list is empty, until the same cluster has said so for a minute', async () => {
    await startWith('a', 'b', 'c');
    api.unseen((stored) => stored.get(PATH)!.clear());
    api.endWatches(refusal(410));
    await clock.advance(1000);
    expect(names()).toEqual(['a', 'b', 'c']);
    expect(reflector.heldObjects).toBe(3);
    expect(troubles.at(-1)).toContain('leaves out 3 of 3, which stay in force');
    await clock.advance(50_000);
    expect(names()).toEqual(['a', 'b', 'c']);
    await clock.advance(20_000);
    expect(names()).toEqual([]);
    expect(troubles.at(-1)).toBeUndefined();
  });

  test('stays for good when another cluster answers at the address', async () => {
    await startWith('a', 'b', 'c');
    api.clusterUid = 'cluster-2';
    api.unseen((stored) => stored.get(PATH)!.clear());
    api.endWatches(refusal(410));
    await clock.advance(3_600_000);
    expect(names()).toEqual(['a', 'b', 'c']);
  });

  test('stays for good when the API server went back in time, and what it adds comes in', async () => {
    await startWith('a', 'b', 'c', 'd', 'e');
    api.unseen((stored) => stored.get(PATH)!.delete('e'));
    api.version = 2;
    api.endWatches(refusal(410));
    await clock.advance(3_600_000);
    expect(names()).toEqual(['a', 'b', 'c', 'd', 'e']);
    api.put(PATH, service('f'));
    expect(names()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });

  test('goes at once when somebody deletes it, also while it is held', async () => {
    await startWith('a', 'b', 'c');
    api.unseen((stored) => stored.get(PATH)!.clear());
    api.endWatches(refusal(410));
    await clock.advance(1000);
    api.put(PATH, service('a'));
    api.delete(PATH, 'a');
    expect(names()).toEqual(['b', 'c']);
  });

  test('comes back whole from a doubt when the next list has it again', async () => {
    await startWith('a', 'b', 'c');
    const stored = new Map(api.stored.get(PATH));
    api.unseen((all) => all.set(PATH, new Map()));
    api.endWatches(refusal(410));
    await clock.advance(1000);
    api.unseen((all) => all.set(PATH, stored));
    await clock.advance(15_000);
    expect(names()).toEqual(['a', 'b', 'c']);
    expect(reflector.heldObjects).toBe(0);
  });
});

test('a watch that ends as soon as it starts does not make a storm', async () => {
  await startWith('web');
  for (let i = 0; i < 10_000; i++) {
    api.endWatches();
    await clock.advance(10);
  }
  // 100 s at the longest wait of 5 to 10 s, after some that were short.
  expect(api.requests.length).toBeLessThan(30);
});
