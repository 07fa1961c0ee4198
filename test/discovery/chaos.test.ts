/**
 * Both registries at once, and whatever befalls them: failures, lists that are empty or from the past, 410, indexes that start anew,
 * servers without a leader, watches that end as soon as they begin. None of it takes away what was healthy (THREATS 34).
 */
import fc from 'fast-check';
import type { EndpointSlice } from '../../lib/api/kubernetes';
import type { KubeObject } from '../../lib/api/object';
import { ConsulWatch, unite } from '../../lib/discovery/consul';
import { ClusterWatch } from '../../lib/discovery/kubernetes';
import { FakeConsul } from './consul/fake-consul';
import { FakeApi, FakeClock, refusal } from './fake-api';

const SLICES = '/apis/discovery.k8s.io/v1/endpointslices';
const MINUTE = 60_000;
/** The registries are truthful from a minute after the last of what befell them. */
const HEALED = 3 * MINUTE;

const IDS = ['1', '2', '3', '4', '5', '6'];
const ofKubernetes = (id: string) => `198.18.2.${id}`;
const ofConsul = (id: string) => `198.18.1.${id}`;

const slice = (id: string): KubeObject =>
  ({
    metadata: { name: `web-${id}`, namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 80 }],
    endpoints: [{ addresses: [ofKubernetes(id)] }],
  }) as unknown as KubeObject;
const instance = (id: string) => ({ service: 'web', id, address: ofConsul(id) });

/** What befalls a registry; the truth stays as it is. */
type Trouble = (mesh: TwoRegistries) => void;

const TROUBLES: Record<string, Trouble> = {
  'Kubernetes lists nothing': ({ api }) => api.relist((stored) => stored.get(SLICES)!.clear()),
  'Kubernetes lists one of all': ({ api }) =>
    api.relist((stored) => {
      for (const name of [...stored.get(SLICES)!.keys()].slice(1)) stored.get(SLICES)!.delete(name);
    }),
  'Kubernetes goes back to an old backup': ({ api }) => {
    api.relist((stored) => stored.get(SLICES)!.delete('web-1'));
    api.version = 2;
  },
  'another cluster answers at the address': ({ api }) => {
    api.clusterUid = 'cluster-2';
    api.relist((stored) => stored.get(SLICES)!.clear());
  },
  'Kubernetes says 410 again and again': ({ api }) => {
    api.failure = refusal(410, 'too old resource version');
    api.endWatches(api.failure);
  },
  'Kubernetes answers 500': ({ api }) => {
    api.failure = refusal(500, 'etcdserver: request timed out');
    api.endWatches(api.failure);
  },
  'Kubernetes forbids the list': ({ api }) => {
    api.failures.set(SLICES, refusal(403));
    api.endWatches(refusal(410));
  },
  'Kubernetes does not know the kind': ({ api }) => {
    api.failures.set(SLICES, refusal(404));
    api.endWatches(refusal(410));
  },
  'watches of Kubernetes end': ({ api }) => api.endWatches(),
  'Consul knows no service': ({ consul }) => consul.set([]),
  'Consul knows one instance': ({ consul }) => consul.set(consul.instances.slice(0, 1)),
  'the index of Consul starts anew, with nothing': ({ consul }) => consul.set([], 1n),
  'the index of Consul is 0': ({ consul }) => consul.set([], 0n),
  'Consul answers 500': ({ consul }) => {
    consul.failure = new Error('GET /v1/catalog/services got 500');
    consul.wake();
  },
  'Consul has no leader': ({ consul }) => {
    consul.hasLeader = false;
    consul.set([]);
  },
  'the token of Consul has lost its rights': ({ consul }) => {
    consul.isFiltered = true;
    consul.set([]);
  },
  'all of Consul turns critical': ({ consul }) =>
    consul.set(consul.instances.map((each) => ({ ...each, status: 'critical' }))),
  'queries of Consul return a hundred times without news': ({ consul }) => {
    for (let i = 0; i < 100; i++) consul.wake();
  },
};

/** Adds what only this test does to an API server. */
class ChaoticApi extends FakeApi {
  private compacted = 0;

  /** Lists tell something else, and watches have to begin with a list. */
  relist(change: (stored: FakeApi['stored']) => void): void {
    this.unseen(change);
    this.compacted = this.version;
    this.endWatches(refusal(410));
  }

  override async watch(...args: Parameters<FakeApi['watch']>): ReturnType<FakeApi['watch']> {
    if (Number(args[1]['resourceVersion']) < Math.min(this.compacted, this.version)) throw refusal(410);
    return super.watch(...args);
  }
}

class TwoRegistries {
  readonly clock = new FakeClock();
  readonly api = new ChaoticApi();
  readonly consul = new FakeConsul(this.clock);
  readonly told: Set<string>[] = [];
  readonly troubles: string[] = [];
  private readonly watches: [ClusterWatch, ConsulWatch];
  /** The version of the newest truth, whatever a registry has said in between. */
  private truth = 0;
  private kubernetes: readonly KubeObject[] | undefined;
  private services: readonly KubeObject[] | undefined;

  constructor() {
    const { api, consul, clock } = this;
    api.put('/api/v1/namespaces', { metadata: { name: 'kube-system', uid: api.clusterUid } } as KubeObject);
    for (const id of IDS) api.put(SLICES, slice(id));
    consul.set(IDS.map(instance));
    const shared = {
      clock,
      random: () => 0.5,
      onTrouble: (name: string, trouble?: string) => this.note(name, trouble),
    };
    this.watches = [
      new ClusterWatch({ ...shared, api, rootNamespace: 'malha-system', onChange: (all) => this.tell(all) }),
      new ConsulWatch({ ...shared, consul, onChange: (all) => this.tell(undefined, all) }),
    ];
  }

  private note(name: string, trouble?: string): void {
    if (trouble) this.troubles.push(`${name}: ${trouble}`);
  }

  private tell(kubernetes = this.kubernetes, services = this.services): void {
    [this.kubernetes, this.services] = [kubernetes, services];
    if (!kubernetes || !services) return;
    const { objects } = unite(kubernetes, services);
    const addresses = objects.flatMap((object) => {
      if (object.kind === 'EndpointSlice')
        return ((object as EndpointSlice).endpoints ?? []).flatMap((each) => each.addresses);
      const { endpoints = [] } = (object.spec ?? {}) as { endpoints?: { address: string }[] };
      return endpoints.map(({ address }) => address);
    });
    this.told.push(new Set(addresses));
  }

  get now(): string[] {
    return [...(this.told.at(-1) ?? [])].sort();
  }

  /** Every registry tells the truth again. */
  heal(truth: { kubernetes: readonly string[]; consul: readonly string[] }): void {
    const { api, consul } = this;
    api.failure = undefined;
    api.failures.clear();
    api.clusterUid = 'cluster-1';
    this.truth += 1_000_000;
    api.version = this.truth;
    api.relist((stored) => stored.set(SLICES, new Map()));
    for (const id of truth.kubernetes) api.put(SLICES, slice(id));
    Object.assign(consul, { failure: undefined, hasLeader: true, isFiltered: false });
    consul.set(truth.consul.map(instance), BigInt(this.truth));
  }

  close(): void {
    for (const watch of this.watches) watch.close();
  }
}

const everything = [...IDS.map(ofConsul), ...IDS.map(ofKubernetes)].sort();

test.each(Object.entries(TROUBLES))('%s: nothing that was healthy goes', async (_, trouble) => {
  const mesh = new TwoRegistries();
  await mesh.clock.advance(100);
  expect(mesh.now).toEqual(everything);
  trouble(mesh);
  await mesh.clock.advance(MINUTE - 5000);
  for (const told of mesh.told) expect([...told].sort()).toEqual(everything);
  expect(mesh.now).toEqual(everything);
  mesh.close();
});

test('whatever befalls both in whatever order, nothing goes before it has been missing for a minute, and the truth comes in the end', async () => {
  const step = fc.tuple(fc.constantFrom(...Object.keys(TROUBLES)), fc.integer({ min: 1, max: 8000 }), fc.boolean());
  const truth = fc.record({ kubernetes: fc.subarray(IDS), consul: fc.subarray(IDS) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 7 }), truth, async (steps, last) => {
      const mesh = new TwoRegistries();
      await mesh.clock.advance(100);
      for (const [name, milliseconds, heals] of steps) {
        TROUBLES[name]!(mesh);
        await mesh.clock.advance(milliseconds);
        if (heals) mesh.heal({ kubernetes: IDS, consul: IDS });
      }
      for (const told of mesh.told) expect([...told].sort()).toEqual(everything);
      mesh.heal(last);
      await mesh.clock.advance(HEALED);
      mesh.close();
      expect(mesh.now).toEqual([...last.consul.map(ofConsul), ...last.kubernetes.map(ofKubernetes)].sort());
    }),
    { numRuns: 40 },
  );
});

test('a storm of answers without news costs ten requests a second and query at most', async () => {
  const mesh = new TwoRegistries();
  await mesh.clock.advance(100);
  const before = mesh.consul.requests.length;
  for (let i = 0; i < 1000; i++) {
    mesh.consul.index++;
    mesh.consul.wake();
    await mesh.clock.advance(10);
  }
  mesh.close();
  // 10 s of two queries, one of the catalog and one of the service.
  expect(mesh.consul.requests.length - before).toBeLessThanOrEqual(210);
  expect(mesh.now).toEqual(everything);
});
