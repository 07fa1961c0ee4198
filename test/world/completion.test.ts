import fc from 'fast-check';
import type { EndpointSlice, Pod, Service } from '../../lib/api/kubernetes';
import type { KubeObject } from '../../lib/api/object';
import { type AddressRanges, complete } from '../../lib/world';
import { assignAddresses, parseRange } from '../../lib/world/addresses';

const deployment = (name: string, options: { replicas?: number; port?: number } = {}): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'shop' },
  spec: {
    replicas: options.replicas ?? 2,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name, ports: [{ name: 'http', containerPort: options.port ?? 9080 }] }] },
    },
  },
});

const service = (name: string, spec: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'shop' },
  spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 'http' }], ...spec },
});

const find = <T extends KubeObject>(objects: KubeObject[], kind: string, name: string) =>
  objects.find((object) => object.kind === kind && object.metadata.name === name) as T | undefined;

describe('completing objects from files', () => {
  test('a Deployment gets one Pod with its name, the labels of its template, and an address', () => {
    const pod = find<Pod>(complete([deployment('reviews')]), 'Pod', 'reviews');

    expect(pod?.metadata).toMatchObject({ namespace: 'shop', labels: { app: 'reviews' } });
    expect(pod?.status).toMatchObject({ phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] });
    expect(pod?.status?.podIP).toMatch(/^198\.18\./);
  });

  test('a Service gets a cluster IP, and a slice in which a named target port is the number of the container', () => {
    const objects = complete([service('reviews'), deployment('reviews', { port: 8081 })]);

    const pod = find<Pod>(objects, 'Pod', 'reviews');
    expect(find<Service>(objects, 'Service', 'reviews')?.spec?.clusterIP).toMatch(/^198\.19\./);
    expect(find<EndpointSlice>(objects, 'EndpointSlice', 'reviews-files')).toMatchObject({
      metadata: { labels: { 'kubernetes.io/service-name': 'reviews' } },
      ports: [{ name: 'http', port: 8081 }],
      endpoints: [{ addresses: [pod?.status?.podIP], conditions: { ready: true }, targetRef: { name: 'reviews' } }],
    });
  });

  test('headless and ExternalName Services get no cluster IP', () => {
    const objects = complete([
      service('db', { clusterIP: 'None' }),
      service('elsewhere', { type: 'ExternalName', externalName: 'example.com', selector: undefined }),
    ]);

    expect(find<Service>(objects, 'Service', 'db')?.spec?.clusterIP).toBe('None');
    expect(find<Service>(objects, 'Service', 'elsewhere')?.spec?.clusterIP).toBeUndefined();
  });

  test('a workload without replicas, or whose Pods are in the files, gets no Pod', () => {
    const written: KubeObject = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'reviews-5d4f', namespace: 'shop', labels: { app: 'reviews' } },
      spec: { containers: [] },
      status: { phase: 'Running', podIP: '10.1.0.7' },
    };

    const objects = complete([deployment('stopped', { replicas: 0 }), deployment('reviews'), written]);

    expect(objects.filter(({ kind }) => kind === 'Pod')).toEqual([written]);
  });

  test('a Pod that is not ready or is being deleted is in the slice, and marked so', () => {
    const pod = (name: string, extra: { status?: object; metadata?: object }): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'shop', labels: { app: 'reviews' }, ...extra.metadata },
      spec: { containers: [{ name: 'app', ports: [{ name: 'http', containerPort: 1 }] }] },
      status: extra.status,
    });

    const objects = complete([
      service('reviews'),
      pod('unready', { status: { podIP: '10.0.0.1', conditions: [{ type: 'Ready', status: 'False' }] } }),
      pod('leaving', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' }, status: { podIP: '10.0.0.2' } }),
    ]);

    expect(find<EndpointSlice>(objects, 'EndpointSlice', 'reviews-files')?.endpoints).toMatchObject([
      { addresses: ['10.0.0.2'], conditions: { ready: false, serving: true, terminating: true } },
      { addresses: ['10.0.0.1'], conditions: { ready: false, serving: false, terminating: false } },
    ]);
  });

  test('slices that the files hold are left alone', () => {
    const slice = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'reviews-x', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'reviews' } },
      addressType: 'IPv4',
      endpoints: [],
    };

    const objects = complete([service('reviews'), deployment('reviews'), slice]);

    expect(objects.filter(({ kind }) => kind === 'EndpointSlice')).toEqual([slice]);
  });

  test('the order of the objects does not change what is made up', () => {
    const given = ['a', 'b', 'c', 'd'].flatMap((name) => [deployment(name), service(name)]);
    const sorted = (objects: KubeObject[]) =>
      objects.map((object) => JSON.stringify(object)).sort((a, b) => (a < b ? -1 : 1));

    fc.assert(
      fc.property(fc.shuffledSubarray(given, { minLength: given.length }), (shuffled) => {
        expect(sorted(complete(shuffled))).toEqual(sorted(complete(given)));
      }),
      { numRuns: 30 },
    );
  });
});

describe('addresses from names', () => {
  const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), { maxLength: 30 });

  test('are within the range, all different, and none that is taken', () => {
    fc.assert(
      fc.property(names, (given) => {
        const taken = [...assignAddresses(['x', 'y', 'z'], parseRange('10.9.0.0/24')).values()];
        const addresses = [...assignAddresses(given, parseRange('10.9.0.0/24'), taken).values()];

        expect(new Set([...addresses, ...taken]).size).toBe(given.length + taken.length);
        for (const address of addresses) expect(address).toMatch(/^10\.9\.0\.(1[6-9]|[2-9]\d|1\d\d|2[0-4]\d|25[0-4])$/);
      }),
    );
  });

  test('do not move when a name is added that collides with none', () => {
    fc.assert(
      fc.property(names, fc.string({ minLength: 13, maxLength: 20 }), (given, added) => {
        const before = assignAddresses(given, parseRange('10.0.0.0/8'));
        const after = assignAddresses([...given, added], parseRange('10.0.0.0/8'));

        for (const name of given) expect(after.get(name)).toBe(before.get(name));
      }),
    );
  });

  test.each<[keyof AddressRanges, string, RegExp]>([
    ['pods', '10.0.0.0', /"10\.0\.0\.0" is not a range of addresses: expected an IPv4 block/],
    ['services', '10.0.0.999/16', /is not a range of addresses/],
  ])('a range of %s that is none is refused with an example: %s', (which, cidr, message) => {
    const ranges = { pods: '198.18.0.0/16', services: '198.19.0.0/16', [which]: cidr };
    expect(() => complete([deployment('a'), service('a')], ranges)).toThrow(message);
  });

  test('run out one by one: what is left gets none, as in a cluster', () => {
    const many = Array.from({ length: 60 }, (_, i) => `pod-${i}`);

    expect(assignAddresses(many, parseRange('10.0.0.0/26')).size).toBe(64 - 16 - 1);
  });
});
