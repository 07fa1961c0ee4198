import { EnvoyResource } from '../../lib/envoy/resource';
import { TypeUrl } from '../../lib/envoy/type-url';
import type { Variant } from '../../lib/xds/request';
import { FakeClient } from './fake-client';
import { cluster, endpoints, listener, route, snapshotOf } from './resources';

const before = snapshotOf({
  clusters: [cluster('a')],
  endpoints: [endpoints('a')],
  listeners: [listener('l', 80, 'r')],
  routes: [route('r', 'a')],
});
const after = snapshotOf({
  clusters: [cluster('b')],
  endpoints: [endpoints('b')],
  listeners: [listener('m', 81, 'r')],
  routes: [route('r', 'b')],
});

/** A proxy that has everything of `before`. */
function connected(variant: Variant): FakeClient {
  const client = new FakeClient(variant);
  client.offer(before);
  client.subscribe('cds');
  client.subscribe('eds', ['a']);
  client.acknowledge('cds');
  client.acknowledge('eds', ['a']);
  client.subscribe('lds');
  client.acknowledge('lds');
  client.subscribe('rds', ['r']);
  client.acknowledge('rds', ['r']);
  expect(client.received()).toEqual(['cds a', 'eds a', 'lds l', 'rds r']);
  return client;
}

describe('a change', () => {
  it('goes to clusters, endpoints, listeners and routes in turn, and only then removes (delta)', () => {
    const client = connected('delta');
    client.offer(after);
    expect(client.received()).toEqual(['cds b']);
    // Envoy asks for endpoints while the ACK for the clusters is still held back.
    client.subscribe('eds', ['b']);
    expect(client.received()).toEqual(['eds b']);
    client.acknowledge('eds');
    expect(client.received()).toEqual([]);
    client.acknowledge('cds');
    expect(client.received()).toEqual(['lds m -l', 'rds r']);
    client.acknowledge('lds');
    expect(client.received()).toEqual([]);
    client.acknowledge('rds');
    expect(client.received()).toEqual(['eds -a', 'cds -a']);
  });

  it('goes the same way in state of the world, where a removal is a response without the resource', () => {
    const client = connected('state');
    client.offer(after);
    expect(client.received()).toEqual(['cds b a']);
    client.acknowledge('cds');
    expect(client.received()).toEqual(['lds m', 'rds r']);
    client.acknowledge('lds');
    expect(client.received()).toEqual([]);
    client.acknowledge('rds', ['r']);
    expect(client.received()).toEqual(['cds b']);
  });

  it('does not wait forever for clusters that never warm', () => {
    const client = connected('delta');
    client.offer(after);
    expect(client.received()).toEqual(['cds b']);
    client.clock.advance(4_999);
    expect(client.received()).toEqual([]);
    client.clock.advance(2);
    expect(client.received()).toEqual(['lds m -l', 'rds r']);
  });

  it('while the proxy is busy is merged with those that follow', () => {
    const client = connected('delta');
    for (let version = 2; version < 100; version++) client.offer({ ...before, clusters: [cluster('a', version)] });
    expect(client.received()).toEqual(['cds a', 'eds a']);
    client.acknowledge('cds');
    client.acknowledge('eds');
    expect(client.received()).toEqual(['cds a', 'eds a']);
  });

  it('of a cluster brings its endpoints again, for which the proxy waits', () => {
    const client = connected('delta');
    client.offer({ ...before, clusters: [cluster('a', 2)] });
    expect(client.received()).toEqual(['cds a', 'eds a']);
  });

  it('that changes nothing for the proxy sends nothing', () => {
    const client = connected('delta');
    client.offer(snapshotOf({ ...before, clusters: [cluster('a')] }));
    expect(client.received()).toEqual([]);
  });

  it('has converged when everything is acknowledged', () => {
    const seconds: number[] = [];
    const client = new FakeClient('delta', { converged: (each) => seconds.push(each) });
    client.offer(before);
    client.subscribe('cds');
    client.acknowledge('cds');
    client.offer({ ...before, clusters: [cluster('a', 2)] });
    client.clock.advance(250);
    client.acknowledge('cds');
    expect(seconds.at(-1)).toBe(0.25);
  });
});

describe('a rejection', () => {
  it('of clusters does not keep listeners and routes back, and shows with its reason', () => {
    const client = connected('delta');
    client.offer({ ...after, clusters: [cluster('a'), cluster('bad')] });
    expect(client.received()).toEqual(['cds bad']);
    client.reject('cds', 'bad cluster');
    expect(client.received()).toEqual(['lds m -l', 'rds r']);
    client.acknowledge('lds');
    client.acknowledge('rds');
    const { clusters, listeners } = client.stream.status().types;
    expect(clusters).toMatchObject({ state: 'nacked', error: 'bad cluster', rejected: [{ name: 'bad' }] });
    expect(listeners).toMatchObject({ state: 'synced' });
  });

  it('leaves the version of the last good response on the status', () => {
    const client = connected('state');
    const good = client.stream.status().types.clusters.version;
    client.offer({ ...before, clusters: [cluster('a', 2)] });
    client.reject('cds', 'no');
    expect(client.stream.status().types.clusters.version).toBe(good);
  });
});

describe('a proxy that the World does not know', () => {
  it('gets nothing, and its snapshot as soon as there is one', () => {
    const client = new FakeClient('delta');
    client.offer(undefined);
    client.subscribe('cds');
    expect(client.received()).toEqual([]);
    expect(client.stream.status().types.clusters.state).toBe('unknown');
    client.offer(before);
    expect(client.received()).toEqual(['cds a']);
  });

  it('keeps what it has when it becomes unknown later', () => {
    const client = connected('delta');
    client.offer(undefined);
    expect(client.received()).toEqual([]);
  });
});

describe('a type that is not served', () => {
  it.each([
    ['delta', ['type.googleapis.com/other.Type -x']],
    ['state', ['type.googleapis.com/other.Type']],
  ] as const)('is answered with nothing, once (%s)', (variant, expected) => {
    const client = connected(variant);
    client.subscribe('type.googleapis.com/other.Type', ['x']);
    expect(client.received()).toEqual(expected);
    client.offer(after);
    expect(client.received().filter((each) => each.includes('other'))).toEqual([]);
  });

  it('is one of few', () => {
    const client = connected('delta');
    const flood = () => {
      for (let index = 0; index < 100; index++) client.subscribe(`type.googleapis.com/other.Type${index}`);
    };
    expect(flood).toThrow('more than 16 types that are not served');
  });
});

describe('a client that does not read', () => {
  it('has a bounded amount waiting for it, and the latest when it reads again', () => {
    const client = connected('delta');
    client.isReading = false;
    client.writtenBytes = 0;
    const big = (version: number) =>
      snapshotOf({ clusters: Array.from({ length: 500 }, (_, i) => cluster(`c${i}`, version)) });
    const one = big(1).clusters.reduce((sum, { any }) => sum + any.length, 0);
    for (let version = 1; version < 50; version++) {
      client.offer(big(version));
      client.clock.advance(6_000);
    }
    expect(client.writtenBytes).toBeLessThan(65_536 + 2 * one);
    client.received();
    client.isReading = true;
    client.acknowledge('cds');
    client.drain();
    expect(client.received().map((each) => each.split(' ').length)).toEqual([501]);
    expect(client.stream.status().types.clusters.resources).toBe(501);
  });
});

describe('a resource that cannot be encoded', () => {
  it('keeps nothing else back, and shows on the status', () => {
    const client = connected('delta');
    const broken = new EnvoyResource(TypeUrl.cluster, 'broken', { name: 'broken', no_such_field: 1 });
    client.offer({ ...before, clusters: [cluster('a', 2), broken, cluster('b')] });
    expect(client.received()).toEqual(['cds a b', 'eds a']);
    client.acknowledge('cds');
    client.acknowledge('eds');
    expect(client.stream.status().types.clusters.error).toContain('no_such_field: is no field of');
    client.offer({ ...before, clusters: [cluster('a', 2), cluster('broken'), cluster('b')] });
    expect(client.received()).toEqual(['cds broken']);
  });

  it('does not take away the good one that the proxy has', () => {
    const client = connected('delta');
    const broken = new EnvoyResource(TypeUrl.cluster, 'a', { no_such_field: 1 });
    client.offer({ ...before, clusters: [broken] });
    expect(client.received()).toEqual([]);
  });
});

describe('a request that breaks the protocol', () => {
  it.each([
    ['is no protobuf', Buffer.from([0xff, 0xff, 0xff]), 'cannot be read'],
    ['has no node', Buffer.from([0x12, 1, 0x78]), 'no node.id'],
    ['has no type', Buffer.from([0x0a, 3, 0x0a, 1, 0x78]), 'type_url is empty'],
  ])('because it %s is an error', (_, bytes, problem) => {
    expect(() => new FakeClient('delta').stream.receive(bytes)).toThrow(problem);
  });
});

describe('configurations of filters', () => {
  const filter = (name: string, action: 'ALLOW' | 'DENY' = 'DENY', bytes = 0) =>
    new EnvoyResource(TypeUrl.extension, name, {
      name,
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC',
        rules: { action },
        rules_stat_prefix: 'x'.repeat(bytes),
      },
    });

  it('come behind everything else, and wait for nobody', () => {
    const client = connected('delta');
    client.subscribe('ecds', ['f']);
    client.acknowledge('ecds');
    client.received();
    client.offer({ ...after, extensions: [filter('f')] });
    expect(client.received()).toEqual(['cds b', 'ecds f']);
  });

  it.each<Variant>(['delta', 'state'])('are never taken back, for a listener that drains (%s)', (variant) => {
    const client = connected(variant);
    client.offer({ ...before, extensions: [filter('f')] });
    client.subscribe('ecds', ['f']);
    expect(client.received()).toEqual(['ecds f']);
    client.acknowledge('ecds', ['f']);
    client.offer({ ...before, listeners: [listener('l', 81, 'r')] });
    expect(client.received()).toEqual(['lds l']);
    client.acknowledge('lds');
    expect(client.received()).toEqual([]);
    expect(client.stream.status().types.extensions.state).toBe('synced');
  });

  it('that are still to come are stood in for where the client has nothing, and leave it what it has', () => {
    const client = connected('delta');
    client.offer({ ...before, extensions: [], awaited: [filter('f'), filter('g')] });
    client.subscribe('ecds', ['f']);
    expect(client.received()).toEqual(['ecds f']);
    client.acknowledge('ecds');
    client.offer({ ...before, extensions: [filter('f', 'ALLOW')] });
    expect(client.received()).toEqual(['ecds f']);
    client.acknowledge('ecds');
    client.offer({ ...before, extensions: [], awaited: [filter('f')] });
    expect(client.received()).toEqual([]);
  });

  it('of megabytes come one after the other', () => {
    const client = connected('delta');
    client.offer({
      ...before,
      extensions: [filter('f', 'DENY', 3_000_000), filter('g', 'DENY', 3_000_000), filter('h')],
    });
    client.subscribe('ecds', ['f', 'g', 'h']);
    expect(client.received()).toEqual(['ecds f']);
    client.acknowledge('ecds');
    expect(client.received()).toEqual(['ecds g h']);
    client.acknowledge('ecds');
    expect(client.received()).toEqual([]);
  });
});
