import fc from 'fast-check';
import { type KubeObject, objectKey } from '../../lib/api/object';
import type { envoy } from '../../lib/envoy/generated/envoy';
import type { Snapshot } from '../../lib/envoy/resource';
import { Translator } from '../../lib/pilot';
import { type Proxy, proxyNamed, World } from '../../lib/world';
import { destinationRule, pod, service, slice, virtualService } from '../world/sample';
import { anObject } from './random-mesh';

const proxies: Proxy[] = (['sidecar', 'router'] as const).flatMap((type) =>
  (['REDIRECT', 'NONE'] as const).map((capture) => ({
    id: `${type}~198.18.0.200~x-0.a~a.svc.cluster.local`,
    type,
    name: 'x-0',
    namespace: 'a',
    ip: '198.18.0.200',
    labels: { app: 'x', version: 'v1' },
    capture,
    appAddress: '127.0.0.1',
  })),
);

/** By key, so that of several objects with one key the last counts, as it does in a World. */
function distinct(objects: readonly KubeObject[]): KubeObject[] {
  return [...new Map(objects.map((object) => [objectKey(object), object])).values()];
}

function resources(snapshot: Snapshot) {
  return (['clusters', 'endpoints', 'listeners', 'routes', 'secrets'] as const).flatMap((type) => snapshot[type]);
}

/** Names, contents and versions. */
function contents(snapshot: Snapshot): string[] {
  return resources(snapshot).map(
    ({ typeUrl, name, version, message }) => `${typeUrl} ${name} ${version} ${JSON.stringify(message)}`,
  );
}

function fresh(objects: readonly KubeObject[], proxy: Proxy): string[] {
  const translator = new Translator();
  const translated = contents(translator.snapshot(World.of(objects), proxy));
  expect(translator.failures).toEqual([]);
  return translated;
}

describe('a translation', () => {
  const mesh = fc.array(anObject, { minLength: 5, maxLength: 30 });

  test('does not depend on the order of the objects', () => {
    const shuffled = mesh
      .map(distinct)
      .chain((objects) =>
        fc.tuple(
          fc.constant(objects),
          fc.shuffledSubarray(objects, { minLength: objects.length, maxLength: objects.length }),
        ),
      );
    fc.assert(
      fc.property(shuffled, fc.constantFrom(...proxies), ([objects, others], proxy) => {
        expect(fresh(others, proxy)).toEqual(fresh(objects, proxy));
      }),
      { numRuns: 50 },
    );
  });

  test('with a memory of other Worlds is the one from scratch, after any edits', () => {
    const edit = fc.tuple(fc.boolean(), fc.nat(), anObject);
    fc.assert(
      fc.property(mesh, fc.array(edit, { minLength: 1, maxLength: 12 }), (start, edits) => {
        const translator = new Translator();
        let objects = distinct(start);
        for (const [remove, at, object] of edits) {
          objects = remove ? objects.filter((_, i) => i !== at % objects.length) : distinct([...objects, object]);
          const world = World.of(objects);
          for (const proxy of proxies) {
            const snapshot = translator.snapshot(world, proxy);
            expect(contents(snapshot)).toEqual(fresh(objects, proxy));
          }
        }
      }),
      { numRuns: 25 },
    );
  });

  test('of equal content is the very same resource, whatever happened in between', () => {
    fc.assert(
      fc.property(mesh, anObject, fc.constantFrom(...proxies), (start, object, proxy) => {
        const translator = new Translator();
        const objects = distinct(start);
        const before = translator.snapshot(World.of(objects), proxy);
        const between = translator.snapshot(World.of(distinct([...objects, object])), proxy);
        const known = new Map(resources(before).map((each) => [`${each.typeUrl} ${each.name} ${each.version}`, each]));
        for (const each of resources(between)) {
          const same = known.get(`${each.typeUrl} ${each.name} ${each.version}`);
          if (same) expect(each).toBe(same);
        }
        const after = translator.snapshot(World.of(objects), proxy);
        for (const [i, each] of resources(after).entries()) expect(each).toBe(resources(before)[i]);
      }),
      { numRuns: 50 },
    );
  });
});

describe('what is remembered', () => {
  const objects: KubeObject[] = ['reviews', 'ratings', 'details'].flatMap((name, i) => [
    service(name, 'shop', { clusterIP: `198.19.0.${i + 1}` }),
    pod(`${name}-0`, 'shop', { app: name }, `198.18.0.${i + 1}`),
    slice(name, 'shop', [`198.18.0.${i + 1}`]),
  ]);
  const proxyIn = (world: World, name: string) => proxyNamed(world, `${name}-0.shop`)!;

  test('serves another proxy that sees the same', () => {
    const translator = new Translator();
    const world = World.of([...objects, pod('reviews-1', 'shop', { app: 'reviews' }, '198.18.0.9')]);
    const first = translator.snapshot(world, proxyIn(world, 'reviews'));
    const before = translator.computations;
    expect(translator.snapshot(world, proxyNamed(world, 'reviews-1.shop')!)).toBe(first);
    expect(translator.computations).toBe(before);
  });

  test('serves the next World when nothing that was read has changed', () => {
    const translator = new Translator();
    const world = World.of(objects);
    const first = translator.snapshot(world, proxyIn(world, 'reviews'));
    const before = translator.computations;
    const next = World.of([...objects, pod('unrelated', 'elsewhere')]);
    expect(translator.snapshot(next, proxyIn(next, 'reviews'))).toBe(first);
    expect(translator.computations).toBe(before);
  });

  test('is computed again only where an endpoint has changed', () => {
    const translator = new Translator();
    const world = World.of(objects);
    const first = translator.snapshot(world, proxyIn(world, 'reviews'));
    const next = World.of([...objects, slice('ratings', 'shop', ['198.18.0.2', '198.18.0.77'])]);
    const second = translator.snapshot(next, proxyIn(next, 'reviews'));
    const changed = resources(second).filter((each) => !resources(first).includes(each));
    expect(changed.map(({ name }) => name)).toEqual(['outbound|80||ratings.shop.svc.cluster.local']);
    expect([second.clusters, second.listeners, second.routes]).toEqual([first.clusters, first.listeners, first.routes]);
    expect(second.clusters).toBe(first.clusters);
  });

  test('is told apart by labels only where an object asks for them', () => {
    const two = (extra: KubeObject[]) => {
      const world = World.of([...objects, ...extra]);
      const translator = new Translator();
      return ['reviews', 'ratings'].map((name) => translator.snapshot(world, proxyIn(world, name)).routes);
    };
    const [sameA, sameB] = two([]);
    expect(sameA).toBe(sameB);
    const http = [
      { match: [{ sourceLabels: { app: 'reviews' } }], route: [{ destination: { host: 'ratings' } }] },
      { directResponse: { status: 403 } },
    ];
    const [forReviews, forRatings] = two([virtualService('details', 'shop', { hosts: ['details'], http })]);
    expect(forReviews).not.toEqual(forRatings);
  });
});

describe('a resource that cannot be made', () => {
  const good = destinationRule('reviews', 'shop', {
    host: 'reviews',
    trafficPolicy: { connectionPool: { tcp: { connectTimeout: '2s' } } },
  });
  const bad = destinationRule('reviews', 'shop', {
    host: 'reviews',
    trafficPolicy: { connectionPool: { tcp: { connectTimeout: 'soon' } } },
  });
  const others = [service('reviews', 'shop'), service('ratings', 'shop'), pod('client', 'shop')];
  const name = 'outbound|80||reviews.shop.svc.cluster.local';
  const translate = (translator: Translator, objects: KubeObject[]) => {
    const world = World.of(objects);
    return translator.snapshot(world, proxyNamed(world, 'client.shop')!).clusters;
  };

  test('stays as it last was, is told, and costs the others nothing', () => {
    const translator = new Translator();
    const before = translate(translator, [...others, good]);
    const after = translate(translator, [...others, bad]);
    expect(after.find((each) => each.name === name)).toBe(before.find((each) => each.name === name));
    expect(after).toHaveLength(before.length);
    expect(translator.failures).toMatchObject([{ name, error: { message: expect.stringContaining("'soon'") } }]);
  });

  test('is left out when it never was', () => {
    const clusters = translate(new Translator(), [...others, bad]).map((each) => each.name);
    expect(clusters).not.toContain(name);
    expect(clusters).toContain('outbound|80||ratings.shop.svc.cluster.local');
  });

  test('does not let requests past rules that it cannot read', () => {
    const to = [{ destination: { host: 'reviews' } }];
    const unreadable = virtualService('reviews', 'shop', {
      hosts: ['reviews'],
      http: [{ timeout: 'soon', route: to }],
    });
    const readable = virtualService('reviews', 'shop', {
      hosts: ['reviews'],
      http: [{ directResponse: { status: 403 } }],
    });
    const statuses = (...steps: KubeObject[]) => {
      const translator = new Translator();
      return steps.map((object) => {
        const world = World.of([...others, object]);
        const { routes } = translator.snapshot(world, proxyNamed(world, 'client.shop')!);
        const { virtual_hosts: hosts } = routes[0]!.message as envoy.config.route.v3.RouteConfiguration;
        const ratings = hosts!.find((host) => host.name!.startsWith('ratings'))!.routes![0]!;
        expect(ratings.route?.cluster).toBe('outbound|80||ratings.shop.svc.cluster.local');
        return hosts!.find((host) => host.name!.startsWith('reviews'))!.routes![0]!.direct_response?.status;
      });
    };
    expect(statuses(unreadable)).toEqual([500]);
    expect(statuses(readable, unreadable)).toEqual([403, 403]);
  });

  test('is forgotten as a failure once it can be made', () => {
    const translator = new Translator();
    translate(translator, [...others, bad]);
    translate(translator, [...others, good]);
    expect(translator.failures).toEqual([]);
  });
});
