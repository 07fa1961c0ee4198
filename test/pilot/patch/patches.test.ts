import fc from 'fast-check';
import type { KubeObject } from '../../../lib/api/object';
import type { envoy } from '../../../lib/envoy/generated/envoy';
import type { EnvoyResource, Snapshot } from '../../../lib/envoy/resource';
import { Translator } from '../../../lib/pilot';
import { PATCHED_MESSAGES, proxyNamed, proxyOf, World } from '../../../lib/world';
import { pod, service } from '../../world/sample';

const ROOT = 'istio-system';
const mesh: KubeObject[] = [
  pod('one', 'shop', { app: 'one' }),
  pod('two', 'shop', { app: 'two' }),
  service('one', 'shop', { ports: [{ name: 'http', port: 8080 }] }),
  service('two', 'shop', { ports: [{ name: 'http', port: 8080 }] }),
];

interface PatchOptions {
  name?: string;
  namespace?: string;
  app?: string;
  priority?: number;
  created?: string;
}

function filter(configPatches: readonly object[], options: PatchOptions = {}): KubeObject {
  const { name = 'patch', namespace = 'shop', app, priority, created } = options;
  return {
    apiVersion: 'networking.istio.io/v1alpha3',
    kind: 'EnvoyFilter',
    metadata: { name, namespace, ...(created && { creationTimestamp: created }) },
    spec: {
      configPatches,
      ...(app && { workloadSelector: { labels: { app } } }),
      ...(priority !== undefined && { priority }),
    },
  };
}

const CLUSTER = 'outbound|8080||two.shop.svc.cluster.local';
const onCluster = (value: object, match: object = {}) => ({
  applyTo: 'CLUSTER',
  match: { cluster: { name: CLUSTER }, ...match },
  patch: { operation: 'MERGE', value },
});

function snapshotOf(translator: Translator, objects: readonly KubeObject[], name: string): Snapshot {
  const world = World.of(objects);
  return translator.snapshot(world, proxyNamed(world, `${name}.shop`)!);
}

function resources(snapshot: Snapshot): EnvoyResource[] {
  return (['clusters', 'endpoints', 'listeners', 'routes', 'secrets'] as const).flatMap((type) => snapshot[type]);
}

function cluster(snapshot: Snapshot, name = CLUSTER): envoy.config.cluster.v3.Cluster {
  return snapshot.clusters.find((each) => each.name === name)!.message;
}

describe('a patch of one workload', () => {
  const patched = [...mesh, filter([onCluster({ connect_timeout: '3s' })], { app: 'one' })];

  test('leaves the very resources of all others', () => {
    const translator = new Translator();
    const before = resources(snapshotOf(translator, mesh, 'two'));
    expect(resources(snapshotOf(translator, patched, 'two')).every((each, index) => each === before[index])).toBe(true);
  });

  test('makes anew only what it changes', () => {
    const translator = new Translator();
    const before = new Set(resources(snapshotOf(translator, mesh, 'one')));
    const changed = resources(snapshotOf(translator, patched, 'one')).filter((each) => !before.has(each));
    expect(changed.map(({ name }) => name)).toEqual([CLUSTER]);
  });

  test('is gone when its object is', () => {
    const translator = new Translator();
    const before = resources(snapshotOf(translator, mesh, 'one'));
    snapshotOf(translator, patched, 'one');
    expect(resources(snapshotOf(translator, mesh, 'one'))).toEqual(before);
  });
});

describe('patches are applied', () => {
  const timeout = (objects: readonly KubeObject[]) =>
    cluster(snapshotOf(new Translator(), [...mesh, ...objects], 'one')).connect_timeout;

  test('of the root namespace first, whatever their priority', () => {
    const root = filter([onCluster({ connect_timeout: '1s' })], { namespace: ROOT, priority: 9 });
    expect(timeout([root, filter([onCluster({ connect_timeout: '2s' })])])).toBe('2s');
  });

  test('by priority, then the older first', () => {
    const first = filter([onCluster({ connect_timeout: '1s' })], { name: 'z', created: '2020-01-01T00:00:00Z' });
    const second = filter([onCluster({ connect_timeout: '2s' })], { name: 'a', created: '2024-01-01T00:00:00Z' });
    expect(timeout([first, second])).toBe('2s');
    expect(timeout([filter([onCluster({ connect_timeout: '3s' })], { name: 'm', priority: 1 }), first, second])).toBe(
      '3s',
    );
  });

  test('within an object in the order in which they are written', () => {
    expect(timeout([filter([onCluster({ connect_timeout: '1s' }), onCluster({ connect_timeout: '2s' })])])).toBe('2s');
  });

  test('to nobody in namespaces that are not theirs', () => {
    expect(timeout([filter([onCluster({ connect_timeout: '1s' })], { namespace: 'other' })])).toBe('10s');
  });
});

describe('a match of the proxy', () => {
  const timeout = (match: object, node: { version?: string; metadata?: Record<string, unknown> }) => {
    const world = World.of([...mesh, filter([onCluster({ connect_timeout: '1s' }, { proxy: match })])]);
    const proxy = proxyOf(world, { id: 'sidecar~198.18.0.1~one.shop~shop.svc.cluster.local', ...node })!;
    return cluster(new Translator().snapshot(world, proxy)).connect_timeout;
  };

  test('is about the version that it tells, or else that of its Envoy', () => {
    expect(timeout({ proxyVersion: '^1\\.40' }, { version: '1.40.0' })).toBe('1s');
    expect(timeout({ proxyVersion: '^1\\.24' }, { version: '1.40.0', metadata: { ISTIO_VERSION: '1.24.1' } })).toBe(
      '1s',
    );
    expect(timeout({ proxyVersion: '^1\\.4[12]' }, { version: '1.40.0' })).toBe('10s');
    expect(timeout({ proxyVersion: '.*' }, {})).toBe('10s');
  });

  test('is about all its metadata', () => {
    expect(timeout({ metadata: { TEAM: 'a' } }, { metadata: { TEAM: 'a' } })).toBe('1s');
    expect(timeout({ metadata: { TEAM: 'a', TIER: 'b' } }, { metadata: { TEAM: 'a' } })).toBe('10s');
  });
});

describe('a patch that cannot be applied', () => {
  test('is told with its path, and all else is served, also of its own object', () => {
    const translator = new Translator();
    const bad = { connect_timeout: { seconds: 'many' } };
    const objects = [...mesh, filter([onCluster(bad), onCluster({ connect_timeout: '3s' })])];
    expect(cluster(snapshotOf(translator, objects, 'one')).connect_timeout).toBe('3s');
    expect(translator.failures).toEqual([
      expect.objectContaining({
        name: 'EnvoyFilter/shop/patch spec.configPatches[0].patch.value',
        error: expect.objectContaining({ message: expect.stringContaining('connect_timeout') }),
      }),
    ]);
  });

  test('is told where it meets a filter of another type', () => {
    const translator = new Translator();
    const match = { listener: { filterChain: { filter: { name: 'envoy.filters.network.tcp_proxy' } } } };
    const value = { typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo' } };
    const objects = [...mesh, filter([{ applyTo: 'NETWORK_FILTER', match, patch: { operation: 'MERGE', value } }])];
    const listeners = snapshotOf(translator, objects, 'one').listeners;
    expect(listeners).toEqual(snapshotOf(new Translator(), mesh, 'one').listeners);
    expect(translator.failures.map(({ name }) => name)).toContain(
      'EnvoyFilter/shop/patch spec.configPatches[0] on virtualInbound',
    );
  });

  test('never takes the place of a cluster of the mesh by adding one of its name', () => {
    const value = { name: CLUSTER, type: 'STATIC', load_assignment: { cluster_name: CLUSTER } };
    const objects = [...mesh, filter([{ applyTo: 'CLUSTER', patch: { operation: 'ADD', value } }])];
    expect(cluster(snapshotOf(new Translator(), objects, 'one')).type).not.toBe('STATIC');
  });
});

describe('whatever a patch holds', () => {
  const applyTo = fc.constantFrom(...Object.keys(PATCHED_MESSAGES), 'BOOTSTRAP');
  const operation = fc.constantFrom(
    ...['MERGE', 'ADD', 'REMOVE', 'INSERT_BEFORE', 'INSERT_AFTER', 'INSERT_FIRST', 'REPLACE', 'MERGE_AND_REPLACE_LIST'],
  );
  const type = fc
    .constantFrom('a.B', 'envoy.extensions.filters.http.lua.v3.Lua', 'google.protobuf.Struct')
    .map((name) => `type.googleapis.com/${name}`);
  /** Fields that messages have, with values that some of them take. */
  const near = fc.record(
    {
      name: fc.constantFrom('', 'x', CLUSTER, 'virtualInbound', '__proto__'),
      typed_config: fc.record(
        { '@type': type, value: fc.jsonValue(), inline_code: fc.string() },
        { requiredKeys: ['@type'] },
      ),
      filters: fc.array(fc.record({ name: fc.string() })),
      filterChainMatch: fc.jsonValue(),
      routes: fc.array(fc.record({ match: fc.constant({ prefix: '/' }), route: fc.jsonValue() })),
      virtual_hosts: fc.constant([{ name: 'x', domains: ['*'] }]),
      connectTimeout: fc.constantFrom('1s', 'x', 1),
      metadata: fc.constant({ filter_metadata: { istio: { config: 'x' } } }),
    },
    { requiredKeys: [] },
  );
  const value = fc.oneof(near, fc.jsonValue());
  const anyPatch = fc.record({ applyTo, patch: fc.record({ operation, value }) });

  test('translation goes on, and every resource can be encoded', () => {
    fc.assert(
      fc.property(fc.array(anyPatch, { minLength: 1, maxLength: 5 }), (patches) => {
        const snapshot = snapshotOf(new Translator(), [...mesh, filter(patches)], 'one');
        for (const each of resources(snapshot)) {
          expect(each.any.length).toBeGreaterThan(0);
          expect((each.message as { name?: string }).name ?? each.name).toBe(each.name);
        }
        const names = resources(snapshot).map((each) => `${each.typeUrl} ${each.name}`);
        expect(new Set(names).size).toBe(names.length);
      }),
      { numRuns: 150 },
    );
  });
});
