import type { EndpointSlice, SliceEndpoint } from '../../lib/api/kubernetes';
import type { KubeObject } from '../../lib/api/object';
import { endpointsOf, World } from '../../lib/world';
import { pod, service, serviceEntry, slice } from './sample';

const HOST = 'web.shop.svc.cluster.local';

const sliceOf = (name: string, port: number | undefined, endpoints: SliceEndpoint[]): EndpointSlice => {
  const one = slice('web', 'shop', [], port);
  const ports = port === undefined ? undefined : one.ports;
  return { ...one, metadata: { ...one.metadata, name }, ports, endpoints };
};

function endpoints(slices: KubeObject[], others: KubeObject[] = []) {
  const world = World.of([service('web', 'shop'), ...others, ...slices]);
  const web = world.service('shop', HOST)!;
  return endpointsOf(world, web, web.ports[0]!).map(({ address, port }) => `${address}:${port}`);
}

describe('the endpoints of a service', () => {
  test('are one for each address and port: a Pod that listens twice counts twice', () => {
    const at = (port: number) => sliceOf(`web-${port}`, port, [{ addresses: ['198.18.0.1'] }]);
    expect(endpoints([at(8080), at(8081)])).toEqual(['198.18.0.1:8080', '198.18.0.1:8081']);
    expect(endpoints([at(8081), at(8080)])).toEqual(['198.18.0.1:8080', '198.18.0.1:8081']);
  });

  test.each<[string, SliceEndpoint['conditions'], SliceEndpoint['conditions']]>([
    ['first', { ready: true }, { ready: false }],
    ['last', { ready: false }, { ready: true }],
  ])('that move between slices stand in both, and are ready when the %s says so', (_, first, last) => {
    const address = { addresses: ['198.18.0.1'] };
    const slices = [
      sliceOf('a', 8080, [{ ...address, conditions: first }]),
      sliceOf('b', 8080, [{ ...address, conditions: last }]),
    ];
    expect(endpoints(slices)).toEqual(['198.18.0.1:8080']);
  });

  test('are that of the slice that tells the Pod, where another does not', () => {
    const targetRef = { kind: 'Pod', name: 'web-0', namespace: 'shop' };
    const slices = [
      sliceOf('a', 8080, [{ addresses: ['198.18.0.1'] }]),
      sliceOf('b', 8080, [{ addresses: ['198.18.0.1'], targetRef }]),
    ];
    const world = World.of([service('web', 'shop'), pod('web-0', 'shop', { version: 'v1' }), ...slices]);
    const web = world.service('shop', HOST)!;
    expect(endpointsOf(world, web, web.ports[0]!)).toMatchObject([{ labels: { version: 'v1' } }]);
  });

  test('are those that still serve while all are going away, and none of those otherwise', () => {
    const leaving = { addresses: ['198.18.0.1'], conditions: { ready: false, serving: true, terminating: true } };
    const dead = { addresses: ['198.18.0.2'], conditions: { ready: false, serving: false, terminating: true } };
    const healthy = { addresses: ['198.18.0.3'] };
    expect(endpoints([sliceOf('a', 8080, [leaving, dead])])).toEqual(['198.18.0.1:8080']);
    expect(endpoints([sliceOf('a', 8080, [leaving, dead, healthy])])).toEqual(['198.18.0.3:8080']);
  });

  test('come from no slice without ports, without endpoints, or of names', () => {
    const good = sliceOf('z', 8080, [{ addresses: ['198.18.0.9'] }]);
    const none = [
      sliceOf('a', undefined, [{ addresses: ['198.18.0.1'] }]),
      { ...good, metadata: { ...good.metadata, name: 'b' }, endpoints: undefined as unknown as [] },
      { ...good, metadata: { ...good.metadata, name: 'c' }, endpoints: [{} as SliceEndpoint, { addresses: [] }] },
      {
        ...good,
        metadata: { ...good.metadata, name: 'd' },
        addressType: 'FQDN',
        endpoints: [{ addresses: ['example.com'] }],
      },
      { ...good, metadata: { ...good.metadata, name: 'e' }, ports: [] },
    ];
    expect(endpoints([...none, good])).toEqual(['198.18.0.9:8080']);
  });
});

test('two processes of one machine, each a WorkloadEntry with its own port, are two endpoints', () => {
  const entry = (name: string, http: number): KubeObject => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'WorkloadEntry',
    metadata: { name, namespace: 'shop' },
    spec: { address: '198.18.0.1', labels: { app: 'vm' }, ports: { http } },
  });
  const vm = serviceEntry('vm', 'shop', {
    hosts: ['vm.example.com'],
    ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
    resolution: 'STATIC',
    workloadSelector: { labels: { app: 'vm' } },
  });
  const world = World.of([vm, entry('a', 9001), entry('b', 9002)]);
  const found = world.service('shop', 'vm.example.com')!;
  expect(endpointsOf(world, found, found.ports[0]!).map(({ port }) => port)).toEqual([9001, 9002]);
});
