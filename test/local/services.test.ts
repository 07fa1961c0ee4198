import type { KubeObject } from '../../lib/api/object';
import { backendsOf, hostsFile, serviceRules, servicesOf } from '../../lib/local/services';

const objects: KubeObject[] = [
  service('cart', '198.19.0.5', [{ name: 'http', port: 80, targetPort: 8080 }]),
  slice('cart', [{ name: 'http', port: 8080 }], ['198.18.0.7', '198.18.0.8', '198.18.0.9']),
  service('db', 'None', [{ port: 5432 }]),
  slice('db', [{ port: 5432 }], ['198.18.1.1']),
  { ...service('elsewhere', undefined, []), spec: { type: 'ExternalName', externalName: 'example.com' } },
];
const services = servicesOf(objects);

describe('Services on this machine', () => {
  test('are found by every name that cluster DNS knows', () => {
    const names = ['cart', 'cart.shop', 'cart.shop.svc', 'cart.shop.svc.cluster.local'];
    for (const name of names) expect(backendsOf(services, name, 80, 'shop')).toHaveLength(3);
    expect(backendsOf(services, 'cart', 80, 'other')).toEqual([]);
    expect(backendsOf(services, 'cart', 81, 'shop')).toEqual([]);
  });

  test('have their names in the hosts file, headless ones with their endpoints', () => {
    expect(hostsFile(services, 'shop', { name: 'cart-v1', ip: '198.18.0.7' })).toBe(
      [
        '127.0.0.1\tlocalhost',
        '::1\tlocalhost',
        '198.18.0.7\tcart-v1',
        '198.19.0.5\tcart.shop.svc.cluster.local cart.shop.svc cart.shop cart',
        '198.18.1.1\tdb.shop.svc.cluster.local db.shop.svc db.shop db',
        '',
      ].join('\n'),
    );
  });

  test('have no short name in other namespaces', () => {
    expect(hostsFile(services, 'other', { name: 'x', ip: '198.18.0.1' })).toContain('cart.shop\n');
  });

  test('are balanced as kube-proxy does it, each endpoint with the same chance', () => {
    const rule = '-A OUTPUT -d 198.19.0.5/32 -p tcp --dport 80';
    expect(serviceRules(services).split('\n')).toEqual([
      '*nat',
      `${rule} -m statistic --mode random --probability 0.3333333333 -j DNAT --to-destination 198.18.0.7:8080`,
      `${rule} -m statistic --mode random --probability 0.5000000000 -j DNAT --to-destination 198.18.0.8:8080`,
      `${rule} -j DNAT --to-destination 198.18.0.9:8080`,
      'COMMIT',
      '',
    ]);
  });

  test('do not send to endpoints that are not ready', () => {
    const [cart] = servicesOf([objects[0]!, slice('cart', [{ name: 'http', port: 8080 }], ['198.18.0.7'], false)]);
    expect(cart?.ports[0]?.backends).toEqual([]);
  });
});

function service(name: string, clusterIP: string | undefined, ports: unknown[]): KubeObject {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'shop' }, spec: { clusterIP, ports } };
}

function slice(name: string, ports: unknown[], addresses: string[], ready = true): KubeObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-x`, namespace: 'shop', labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready } })),
    ports,
  };
}
