import { proxyNamed, proxyOf, World } from '../../lib/world';
import { gateway, pod } from './sample';

const world = World.of([
  pod('reviews-1', 'shop', { app: 'reviews' }),
  pod('a.b', 'shop', { app: 'dots' }),
  pod('edge', 'shop', { istio: 'edge' }),
  gateway('edge', 'shop', { selector: { istio: 'edge' } }),
]);

describe('a proxy that connects', () => {
  const node = { id: 'sidecar~198.18.0.1~reviews-1.shop~shop.svc.cluster.local' };

  test('is what its id says, with the labels that the World knows', () => {
    const metadata = { LABELS: { app: 'forged' } };
    expect(proxyOf(world, { ...node, metadata })).toEqual({
      id: node.id,
      type: 'sidecar',
      name: 'reviews-1',
      namespace: 'shop',
      ip: '198.18.0.1',
      labels: { app: 'reviews' },
      capture: 'REDIRECT',
      appAddress: '127.0.0.1',
      metadata,
    });
  });

  test('says how it captures traffic, and where its application is', () => {
    const metadata = { INTERCEPTION_MODE: 'NONE', MALHA_APP_ADDRESS: '127.18.0.7' };
    expect(proxyOf(world, { ...node, metadata })).toMatchObject({ capture: 'NONE', appAddress: '127.18.0.7' });
    expect(proxyOf(world, { ...node, metadata: { MALHA_APP_ADDRESS: 'example.com' } })?.appAddress).toBe('127.0.0.1');
  });

  test.each([
    'sidecar~198.18.0.1~unknown.shop~shop.svc.cluster.local',
    'sidecar~198.18.0.1~reviews-1~shop.svc.cluster.local',
    'waypoint~198.18.0.1~reviews-1.shop~shop.svc.cluster.local',
    'sidecar~nowhere~reviews-1.shop~shop.svc.cluster.local',
    'sidecar~198.18.0.1~reviews-1.shop~shop.svc.cluster.local~more',
    'sidecar~~~',
    '',
  ])('as %j is nobody', (id) => {
    expect(proxyOf(world, { id })).toBeUndefined();
  });
});

describe('a proxy by its name', () => {
  test('may have dots in it', () => {
    expect(proxyNamed(world, 'a.b.shop')).toMatchObject({ name: 'a.b', namespace: 'shop', type: 'sidecar' });
  });

  test('is a gateway where a Gateway selects its Pod', () => {
    expect(proxyNamed(world, 'edge.shop')).toMatchObject({
      type: 'router',
      id: 'router~198.18.0.1~edge.shop~shop.svc.cluster.local',
    });
  });

  test("may be its controller's", () => {
    const made = pod('web-5d9c-x7', 'shop');
    const metadata = { ...made.metadata, ownerReferences: [{ kind: 'ReplicaSet', name: 'web-5d9c' }] };
    expect(proxyNamed(World.of([{ ...made, metadata }]), 'web.shop')?.name).toBe('web-5d9c-x7');
  });

  test('is unknown without a Pod', () => {
    expect(proxyNamed(world, 'nobody.shop')).toBeUndefined();
    expect(proxyNamed(world, 'noname')).toBeUndefined();
  });
});
