import type { KubeObject } from '../../lib/api/object';
import { endpointsOf, isVisible, sameAnswer, World } from '../../lib/world';
import { destinationRule, gateway, pod, service, serviceEntry, slice, virtualService } from './sample';

const configMap = (namespace: string, mesh: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'istio', namespace },
  data: { mesh },
});

describe('the root namespace', () => {
  test('is the one whose ConfigMap `istio` holds a mesh configuration', () => {
    const world = World.of([configMap('malha-system', 'connectTimeout: 3s')]);
    expect(world.rootNamespace()).toBe('malha-system');
    expect(world.meshConfig()).toEqual({ connectTimeout: '3s' });
  });

  test("is the API's without one", () => {
    expect(World.of([]).rootNamespace()).toBe('istio-system');
    expect(World.of([]).meshConfig()).toEqual({});
  });

  test('is what the caller says, before all else', () => {
    const maps = [configMap('a', 'connectTimeout: 1s'), configMap('b', 'connectTimeout: 2s')];
    const world = World.of(maps, { rootNamespace: 'b' });
    expect([world.rootNamespace(), world.meshConfig().connectTimeout]).toEqual(['b', '2s']);
    expect(World.of(maps, { meshConfig: { rootNamespace: 'c' } }).rootNamespace()).toBe('c');
  });

  test('keeps its name when its mesh configuration is no YAML', () => {
    const world = World.of([configMap('malha-system', '{ : [')]);
    expect([world.rootNamespace(), world.meshConfig()]).toEqual(['malha-system', {}]);
  });
});

describe('exportTo', () => {
  test.each([
    [undefined, 'viewer', true],
    [[], 'viewer', true],
    [['*'], 'viewer', true],
    [['.'], 'viewer', false],
    [['.'], 'owner', true],
    [['viewer'], 'viewer', true],
    [['viewer'], 'owner', false],
    [['~'], 'owner', false],
  ])('%j of an object of `owner` lets `%s` see it: %s', (exportTo, viewer, visible) => {
    expect(isVisible(exportTo, 'owner', viewer)).toBe(visible);
  });

  test('falls back to what the mesh says', () => {
    const world = World.of([service('reviews', 'shop')], { meshConfig: { defaultServiceExportTo: ['.'] } });
    expect(world.visibleServices('other')).toEqual([]);
    expect(world.visibleServices('shop')).toHaveLength(1);
  });
});

describe('services', () => {
  test('have the names that the cluster gives them', () => {
    const world = World.of([service('reviews', 'shop', { clusterIP: '198.19.0.1' })]);
    expect(world.service('anywhere', 'reviews.shop.svc.cluster.local')).toMatchObject({
      name: 'reviews',
      addresses: ['198.19.0.1'],
      headless: false,
      resolution: 'STATIC',
    });
  });

  test('of one host: the own namespace before others, Kubernetes before an entry', () => {
    const entry = (namespace: string) =>
      serviceEntry('api', namespace, { hosts: ['api.example.com', 'reviews.shop.svc.cluster.local'] });
    const world = World.of([entry('b'), entry('a'), service('reviews', 'shop')]);
    expect(world.service('b', 'api.example.com')?.namespace).toBe('b');
    expect(world.service('c', 'api.example.com')?.namespace).toBe('a');
    expect(world.service('c', 'reviews.shop.svc.cluster.local')?.registry).toBe('Kubernetes');
  });

  test('stand before the workloads that their selectors pick, in their own namespace', () => {
    const world = World.of([service('a', 'shop', { selector: { app: 'x' } }), service('b', 'other', { selector: {} })]);
    const names = (namespace: string, labels: Record<string, string>) =>
      world.servicesOfWorkload(namespace, labels).map(({ name }) => name);
    expect(names('shop', { app: 'x', version: 'v1' })).toEqual(['a']);
    expect(names('shop', { app: 'y' })).toEqual([]);
    expect(names('other', { app: 'x' })).toEqual([]);
  });
});

describe('endpoints', () => {
  const shop = (name: string) => ({ name, namespace: 'shop' });

  test('carry the labels and workloads of their Pods, in the order of their addresses', () => {
    const world = World.of([
      service('reviews', 'shop'),
      slice('reviews', 'shop', ['198.18.0.9', '198.18.0.2']),
      pod('reviews-0', 'shop', { version: 'v1' }),
      pod('reviews-1', 'shop', { version: 'v2' }),
    ]);
    const reviews = world.service('shop', 'reviews.shop.svc.cluster.local')!;
    expect(endpointsOf(world, reviews, reviews.ports[0]!)).toEqual([
      { address: '198.18.0.2', port: 8080, labels: { version: 'v2' }, locality: '', workload: shop('reviews-1') },
      { address: '198.18.0.9', port: 8080, labels: { version: 'v1' }, locality: '', workload: shop('reviews-0') },
    ]);
  });

  test('of an entry with a selector are Pods that are ready and have an address', () => {
    const notReady = { ...pod('b', 'shop', { app: 'vm' }, '198.18.0.2') };
    notReady.status = { podIP: '198.18.0.2', conditions: [{ type: 'Ready', status: 'False' }] };
    const world = World.of([
      serviceEntry('vm', 'shop', {
        hosts: ['vm.example'],
        resolution: 'STATIC',
        ports: [{ name: 'http', number: 80, protocol: 'HTTP', targetPort: 9000 }],
        workloadSelector: { labels: { app: 'vm' } },
      }),
      pod('a', 'shop', { app: 'vm' }),
      notReady,
      pod('c', 'shop', { app: 'vm' }, ''),
      pod('d', 'other', { app: 'vm' }),
    ]);
    const vm = world.service('shop', 'vm.example')!;
    expect(endpointsOf(world, vm, vm.ports[0]!)).toMatchObject([{ address: '198.18.0.1', port: 9000 }]);
  });
});

describe('a VirtualService', () => {
  const rules = [
    virtualService('wildcard', 'shop', { hosts: ['*.shop.svc.cluster.local'] }, '2020-01-01T00:00:00Z'),
    virtualService('younger', 'shop', { hosts: ['reviews'] }, '2024-01-01T00:00:00Z'),
    virtualService('older', 'shop', { hosts: ['reviews'] }, '2023-01-01T00:00:00Z'),
    virtualService('edge', 'shop', { hosts: ['reviews'], gateways: ['edge'] }, '2019-01-01T00:00:00Z'),
  ];

  test('rules a host when none is more specific or older', () => {
    const world = World.of(rules);
    const ruler = (host: string) => world.virtualServiceFor('client', host)?.metadata.name;
    expect(ruler('reviews.shop.svc.cluster.local')).toBe('older');
    expect(ruler('ratings.shop.svc.cluster.local')).toBe('wildcard');
    expect(ruler('ratings.other.svc.cluster.local')).toBeUndefined();
  });

  test('is bound to gateways by their complete names', () => {
    const names = (gateway: string) =>
      World.of(rules)
        .virtualServices('any', gateway)
        .map(({ metadata }) => metadata.name);
    expect(names('shop/edge')).toEqual(['edge']);
    expect(names('other/edge')).toEqual([]);
  });
});

describe('a DestinationRule', () => {
  const host = 'reviews.shop.svc.cluster.local';
  const all = [
    destinationRule('of-client', 'client', { host }),
    destinationRule('of-service', 'shop', { host: 'reviews' }),
    destinationRule('private', 'shop', { host: '*.shop.svc.cluster.local', exportTo: ['.'] }),
    destinationRule('of-root', 'istio-system', { host: '*.local' }),
    service('reviews', 'shop'),
    service('ratings', 'shop'),
  ];
  const chosen = (namespace: string, hostname: string) =>
    World.of(all)
      .destinationRules(namespace, hostname)
      .map(({ metadata }) => metadata.name);

  test("is sought in the client's namespace, then the service's, then the root", () => {
    expect(chosen('client', host)).toEqual(['of-client']);
    expect(chosen('elsewhere', host)).toEqual(['of-service']);
    expect(chosen('elsewhere', 'ratings.shop.svc.cluster.local')).toEqual(['of-root']);
    expect(chosen('shop', 'ratings.shop.svc.cluster.local')).toEqual(['private']);
    expect(chosen('elsewhere', 'unknown.example')).toEqual([]);
  });
});

describe('two Worlds', () => {
  const objects: KubeObject[] = [
    service('reviews', 'shop'),
    service('ratings', 'shop'),
    serviceEntry('api', 'shop', { hosts: ['api.example.com'] }),
    gateway('edge', 'shop', { selector: { istio: 'edge' } }),
    destinationRule('reviews', 'shop', { host: 'reviews' }),
  ];

  test('share what they make of objects that did not change', () => {
    const before = World.of(objects);
    const after = World.of([...objects].reverse().concat(pod('new', 'shop')));
    expect(sameAnswer(before.visibleServices('x'), after.visibleServices('x'))).toBe(true);
    expect(sameAnswer(before.gateways('shop', { istio: 'edge' }), after.gateways('shop', { istio: 'edge' }))).toBe(
      true,
    );
  });

  test('differ where an object did', () => {
    const before = World.of(objects);
    const after = World.of([...objects.slice(1), service('reviews', 'shop')]);
    expect(sameAnswer(before.visibleServices('x'), after.visibleServices('x'))).toBe(false);
    expect(before.service('x', 'api.example.com')).toBe(after.service('x', 'api.example.com'));
  });
});
