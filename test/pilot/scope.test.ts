import type { KubeObject } from '../../lib/api/object';
import type { Snapshot } from '../../lib/envoy/resource';
import { Translator } from '../../lib/pilot';
import { proxyNamed, World } from '../../lib/world';
import { destinationRule, pod, service, serviceEntry, sidecar, slice, virtualService } from '../world/sample';

const objects: KubeObject[] = [
  ...['client', 'cart', 'reviews', 'ratings'].map((name, i) => pod(name, 'shop', { app: name }, `198.18.0.${i + 1}`)),
  ...['cart', 'reviews', 'ratings'].map((name, i) => service(name, 'shop', { clusterIP: `198.19.0.${i + 1}` })),
  service('cart', 'other', { clusterIP: '198.19.0.9' }),
];

const only = (...hosts: string[]) => ({ egress: [{ hosts }] });

function snapshot(extra: KubeObject[], name = 'client.shop', translator = new Translator()): Snapshot {
  const world = World.of([...objects, ...extra]);
  return translator.snapshot(world, proxyNamed(world, name)!);
}

/** The services that a proxy has clusters for. */
function reached(extra: KubeObject[], name?: string): string[] {
  const names = snapshot(extra, name).clusters.map((cluster) => cluster.name);
  return names.filter((each) => each.startsWith('outbound|')).map((each) => each.split('|')[3]!.split('.svc')[0]!);
}

describe('a Sidecar', () => {
  test.each([
    ['*/*', ['cart.other', 'cart.shop', 'ratings.shop', 'reviews.shop']],
    ['./*', ['cart.shop', 'ratings.shop', 'reviews.shop']],
    ['~/*', []],
    ['other/*', ['cart.other']],
    ['*/cart.shop.svc.cluster.local', ['cart.shop']],
    ['shop/*.shop.svc.cluster.local', ['cart.shop', 'ratings.shop', 'reviews.shop']],
    ['other/cart.shop.svc.cluster.local', []],
  ])('with the egress host %s leaves its proxies what it names', (host, expected) => {
    expect(reached([sidecar('default', 'shop', only(host))])).toEqual(expected);
  });

  test('that selects the workload goes before that of the namespace, and that before the one of the root', () => {
    const root = sidecar('default', 'istio-system', only('~/*'));
    const ofNamespace = sidecar('default', 'shop', only('*/cart.shop.svc.cluster.local'));
    const selecting = { workloadSelector: { labels: { app: 'client' } }, ...only('*/ratings.shop.svc.cluster.local') };
    expect(reached([root])).toEqual([]);
    expect(reached([root, ofNamespace])).toEqual(['cart.shop']);
    expect(reached([root, ofNamespace, sidecar('client', 'shop', selecting)])).toEqual(['ratings.shop']);
    expect(reached([root, sidecar('client', 'shop', selecting)], 'cart.shop')).toEqual([]);
  });

  test('of the root namespace does not hold elsewhere when it selects workloads', () => {
    const selecting = { workloadSelector: { labels: { app: 'client' } }, ...only('~/*') };
    expect(reached([sidecar('client', 'istio-system', selecting)])).toHaveLength(4);
  });

  test('gives way to an older one of the same reach', () => {
    const older = sidecar('z', 'shop', only('*/cart.shop.svc.cluster.local'), '2020-01-01T00:00:00Z');
    const younger = sidecar('a', 'shop', only('~/*'), '2024-01-01T00:00:00Z');
    expect(reached([younger, older])).toEqual(['cart.shop']);
  });

  test('without egress leaves everything as it is', () => {
    const spec = { outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' as const } };
    expect(reached([sidecar('default', 'shop', spec)])).toHaveLength(4);
  });

  test('leaves only the VirtualServices for its hosts, and follows those to their destinations', () => {
    const route = [{ destination: { host: 'ratings' } }];
    const routes = virtualService('cart', 'shop', { hosts: ['cart'], http: [{ route }] });
    const hidden = virtualService('reviews', 'shop', {
      hosts: ['reviews'],
      http: [{ route: [{ destination: { host: 'cart.other' } }] }],
    });
    const scope = sidecar('default', 'shop', only('*/cart.shop.svc.cluster.local'));
    expect(reached([scope, routes, hidden])).toEqual(['cart.shop', 'ratings.shop']);
  });

  test('does not concern gateways', () => {
    const world = World.of([...objects, sidecar('default', 'shop', only('~/*'))]);
    const { clusters } = new Translator().snapshot(world, proxyNamed(world, 'client.shop', { type: 'router' })!);
    expect(clusters.map(({ name }) => name)).toContain('outbound|80||cart.shop.svc.cluster.local');
  });
});

describe('a scope', () => {
  const hosts = ['*/cart.shop.svc.cluster.local', './ratings.shop.svc.cluster.local'];
  const forWorkload = (app: string, given: string[]) =>
    sidecar(app, 'shop', { workloadSelector: { labels: { app } }, ...only(...given) });

  test('is shared by all proxies whose Sidecars say the same', () => {
    const translator = new Translator();
    const world = World.of([...objects, forWorkload('client', hosts), forWorkload('reviews', [...hosts].reverse())]);
    const [one, other] = ['client', 'reviews'].map((name) =>
      translator.snapshot(world, proxyNamed(world, `${name}.shop`)!),
    );
    for (const type of ['endpoints', 'routes'] as const) expect(other![type]).toBe(one![type]);
    expect(other!.clusters.filter(({ name }) => name.startsWith('outbound'))).toEqual(
      one!.clusters.filter(({ name }) => name.startsWith('outbound')),
    );
  });

  test('is all that a proxy depends on: what lies outside of it computes nothing', () => {
    const translator = new Translator();
    const scope = sidecar('default', 'shop', only(...hosts));
    const before = snapshot([scope], 'client.shop', translator);
    const computed = translator.computations;
    const outside: KubeObject[][] = [
      [slice('reviews', 'shop', ['198.18.0.77'])],
      [service('more', 'shop'), service('more', 'other'), slice('cart', 'other', ['198.18.0.78'])],
      [virtualService('reviews', 'shop', { hosts: ['reviews'], http: [{ directResponse: { status: 403 } }] })],
      [destinationRule('reviews', 'shop', { host: 'reviews', subsets: [{ name: 'v1', labels: {} }] })],
      [serviceEntry('api', 'shop', { hosts: ['api.example.com'], ports: [{ number: 80, name: 'http' }] })],
      [sidecar('ratings', 'shop', { workloadSelector: { labels: { app: 'ratings' } }, ...only('~/*') })],
    ];
    for (const extra of outside) {
      expect(snapshot([scope, ...extra], 'client.shop', translator)).toBe(before);
    }
    expect(translator.computations).toBe(computed);
    expect(snapshot([scope, slice('cart', 'shop', ['198.18.0.77'])], 'client.shop', translator)).not.toBe(before);
  });
});

describe('a DestinationRule with a workloadSelector', () => {
  const rule = (name: string, connectTimeout: string, app?: string) =>
    destinationRule(name, 'shop', {
      host: 'cart',
      trafficPolicy: { connectionPool: { tcp: { connectTimeout } } },
      ...(app && { workloadSelector: { matchLabels: { app } } }),
    });
  const timeoutOf = (rules: KubeObject[], name: string) =>
    snapshot(rules, name).clusters.find((each) => each.name === 'outbound|80||cart.shop.svc.cluster.local')?.message;

  test('holds for the workloads that it selects, and instead of the one for all', () => {
    const rules = [rule('all', '3s'), rule('client', '7s', 'client')];
    expect(timeoutOf(rules, 'client.shop')).toMatchObject({ connect_timeout: '7s' });
    expect(timeoutOf(rules, 'reviews.shop')).toMatchObject({ connect_timeout: '3s' });
    expect(timeoutOf(rules.slice(1), 'reviews.shop')).toMatchObject({ connect_timeout: '10s' });
  });
});
