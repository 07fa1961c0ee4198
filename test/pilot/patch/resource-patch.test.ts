/** Functions of plugins that change what the translator has made. */
import type { KubeObject } from '../../../lib/api/object';
import type { envoy } from '../../../lib/envoy/generated/envoy';
import type { Snapshot } from '../../../lib/envoy/resource';
import { Translator } from '../../../lib/pilot';
import type { NamedPatch, PatchedProxy } from '../../../lib/pilot/patch';
import { proxyNamed, World } from '../../../lib/world';
import { pod, service } from '../../world/sample';

const CLUSTER = 'outbound|8080||two.shop.svc.cluster.local';
const mesh = (port = 8080): KubeObject[] => [
  pod('one', 'shop', { app: 'one' }),
  pod('two', 'shop', { app: 'two' }),
  pod('three', 'other', { app: 'three' }),
  service('one', 'shop', { ports: [{ name: 'http', port }] }),
  service('two', 'shop', { ports: [{ name: 'http', port: 8080 }] }),
];

const slow = (calls: [string, PatchedProxy][] = []): NamedPatch => ({
  name: 'p/slow',
  resource: 'cluster',
  change: (cluster, proxy) => {
    calls.push([cluster.name!, proxy]);
    if (cluster.name !== CLUSTER) return undefined;
    // What is given is the patch's own.
    cluster.connect_timeout = '7s';
    return cluster;
  },
});

function snapshotOf(translator: Translator, objects: readonly KubeObject[], name: string): Snapshot {
  const world = World.of(objects);
  return translator.snapshot(world, proxyNamed(world, name)!);
}

const clusterOf = ({ clusters }: Snapshot, name = CLUSTER) =>
  clusters.find((each) => each.name === name)!.message as envoy.config.cluster.v3.Cluster;

describe('a patch in code', () => {
  test('changes what it names, and leaves the very resources of all else', () => {
    const plain = new Translator();
    const patched = new Translator([slow()]);
    const [before, after] = [plain, patched].map((each) => snapshotOf(each, mesh(), 'one.shop')) as [
      Snapshot,
      Snapshot,
    ];
    expect(clusterOf(after).connect_timeout).toBe('7s');
    expect(clusterOf(before).connect_timeout).not.toBe('7s');
    const others = ({ clusters }: Snapshot) =>
      clusters.filter(({ name }) => name !== CLUSTER).map(({ version }) => version);
    expect(others(after)).toEqual(others(before));
    expect(after.listeners.map(({ version }) => version)).toEqual(before.listeners.map(({ version }) => version));
  });

  test('is asked once for all proxies of a namespace, and again only for what has changed', () => {
    const calls: [string, PatchedProxy][] = [];
    const translator = new Translator([slow(calls)]);
    const first = snapshotOf(translator, mesh(), 'one.shop');
    const once = calls.filter(([name]) => name === CLUSTER).length;
    expect(once).toBe(1);
    const second = snapshotOf(translator, mesh(), 'two.shop');
    const after = snapshotOf(translator, mesh(9090), 'one.shop');
    expect(calls.filter(([name]) => name === CLUSTER)).toHaveLength(1);
    const resource = ({ clusters }: Snapshot) => clusters.find(({ name }) => name === CLUSTER);
    expect(resource(second)).toBe(resource(first));
    expect(resource(after)).toBe(resource(first));
    snapshotOf(translator, mesh(), 'three.other');
    expect(calls.filter(([name]) => name === CLUSTER).map(([, proxy]) => proxy.namespace)).toEqual(['shop', 'other']);
  });

  test.each<[string, NamedPatch['change'], string]>([
    [
      'throws',
      () => {
        throw new Error('out of order');
      },
      'p/bad: out of order',
    ],
    [
      'throws what is no error',
      () => {
        throw 'text';
      },
      'p/bad: text',
    ],
    ['renames', () => ({ name: 'mine' }), 'p/bad: a patch keeps the name'],
    ['makes what Envoy does not know', () => ({ name: CLUSTER, colour: 'red' }) as object, 'colour'],
  ])('that %s leaves the resource as it was, and is told', (_, change, complaint) => {
    const bad = { name: 'p/bad', resource: 'cluster', change } as NamedPatch;
    const translator = new Translator([bad, slow()]);
    const snapshot = snapshotOf(translator, mesh(), 'one.shop');
    // The next patch does its part.
    expect(clusterOf(snapshot)).toMatchObject({ connect_timeout: '7s', type: 'ORIGINAL_DST' });
    expect(translator.failures.map(({ error }) => error.message).join()).toContain(complaint);
  });
});
