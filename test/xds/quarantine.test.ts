/** What one proxy has rejected, others that start later do not have to find out, and still get something good. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KubeObject } from '../../lib/api/object';
import { withOrigin } from '../../lib/api/origin';
import { EnvoyResource, type Snapshot } from '../../lib/envoy/resource';
import { TypeUrl } from '../../lib/envoy/type-url';
import { findEnvoy } from '../../lib/local/envoy-binary';
import { configPath } from '../../lib/pilot/metadata';
import { blame } from '../../lib/xds/blame';
import { Quarantine } from '../../lib/xds/quarantine';
import { XdsServer } from '../../lib/xds/server';
import { silent } from './fake-client';
import { bootstrapOf, eventually, freePort, get } from './plain-envoy';
import { cluster, endpoints, listener, route, snapshotOf } from './resources';

const object: KubeObject = withOrigin(
  { apiVersion: 'networking.istio.io/v1', kind: 'DestinationRule', metadata: { name: 'app', namespace: 'shop' } },
  { file: 'shop.yaml', line: 7 },
);

describe('a cluster that a real Envoy rejects', () => {
  let app: Server;
  let xds: XdsServer;
  let xdsPort: number;
  let changed = () => {};
  let good: Snapshot;
  let snapshot: Snapshot;
  const ports: number[] = [];
  const envoys: ChildProcess[] = [];

  beforeAll(async () => {
    app = createServer((_, response) => response.end('hello'));
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
    const { port } = app.address() as AddressInfo;
    ports.push(await freePort(), await freePort());
    good = snapshotOf({
      clusters: [cluster('app'), cluster('other')],
      endpoints: [endpoints('app', port), endpoints('other', port)],
      routes: [route('r', 'app')],
    });
    snapshot = good;
    // The two proxies see the same, but each listens where the other does not.
    const seen = (id: string): Snapshot => ({
      ...snapshot,
      listeners: [listener('in', ports[id === 'early' ? 0 : 1]!, 'r')],
    });
    xds = new XdsServer(
      {
        snapshot: ({ id }) => seen(id),
        subscribe(onChange) {
          changed = onChange;
          return () => {};
        },
      },
      { log: silent },
    );
    xdsPort = await xds.listen('127.0.0.1:0');
  });

  afterAll(async () => {
    for (const envoy of envoys) {
      envoy.kill('SIGKILL');
      await once(envoy, 'exit');
    }
    await xds.close();
    app.close();
    app.closeAllConnections();
  });

  const start = async (id: string) => {
    const { path } = await findEnvoy();
    const bootstrap = JSON.stringify(bootstrapOf('delta', xdsPort, id));
    envoys.push(spawn(path, ['--config-yaml', bootstrap, '--use-dynamic-base-id', '-l', 'off'], { stdio: 'ignore' }));
  };
  const clustersOf = (id: string) => xds.proxies().find(({ node }) => node.id === id)?.types.clusters;
  const set = (next: Snapshot) => {
    snapshot = next;
    changed();
  };

  it('leaves the proxy that had a good one with that', async () => {
    await start('early');
    await eventually(async () => expect(await get(ports[0]!)).toBe('hello'));
    const bad = new EnvoyResource(TypeUrl.cluster, 'app', {
      // No endpoints and no way to find any.
      name: 'app',
      type: 'EDS',
      metadata: { filter_metadata: { istio: { config: configPath(object) } } },
    });
    set({ ...good, clusters: [bad, ...good.clusters.slice(1)] });
    await eventually(() => expect(clustersOf('early')).toMatchObject({ state: 'nacked' }));
    expect(clustersOf('early')!.rejected).toMatchObject([{ name: 'app', version: bad.version }]);
    expect(await get(ports[0]!)).toBe('hello');
  });

  it('is kept from a proxy that starts later, which gets the last good one, and says so', async () => {
    await start('late');
    await eventually(async () => expect(await get(ports[1]!)).toBe('hello'));
    expect(clustersOf('late')).toMatchObject({ state: 'nacked', resources: 2 });
    expect(clustersOf('late')!.error).toBe(clustersOf('early')!.error);
  });

  it('is told of its object, with the place where that stands', () => {
    const findings = xds.rejected().flatMap((each) => blame(each, [object]));
    expect(findings).toMatchObject([
      { code: 'MAL0040', resource: 'DestinationRule shop/app', file: 'shop.yaml', line: 7 },
    ]);
    expect(findings[0]!.message).toContain('rejects cluster app: ');
  });

  it('is forgotten once it is mended', async () => {
    set({ ...good, clusters: [cluster('app', 7), ...good.clusters.slice(1)] });
    await eventually(() => {
      expect(clustersOf('early')).toMatchObject({ state: 'synced' });
      expect(clustersOf('late')).toMatchObject({ state: 'synced' });
    });
    expect(xds.rejected()).toEqual([]);
    expect(await get(ports[1]!)).toBe('hello');
  });
});

describe('the quarantine', () => {
  const [one, two] = [cluster('app'), cluster('app', 7)];
  const rejected = { type: 'clusters' as const, resource: two, error: 'bad', proxy: 'a' };

  it('lets go what somebody takes, so that one proxy alone holds back nobody', () => {
    const quarantine = new Quarantine();
    quarantine.reject(rejected);
    expect(quarantine.get('clusters', two)).toMatchObject({ error: 'bad' });
    quarantine.acknowledge('clusters', [one, two]);
    expect(quarantine.isEmpty).toBe(true);
  });

  it('learns of a good version from a later proxy that had one', () => {
    const quarantine = new Quarantine();
    expect(quarantine.reject(rejected)).toBe(true);
    expect(quarantine.reject({ ...rejected, proxy: 'b', lastGood: one })).toBe(false);
    expect(quarantine.get('clusters', two)).toMatchObject({ proxy: 'a', lastGood: one });
  });

  it('does not grow without end', () => {
    const quarantine = new Quarantine();
    for (let i = 0; i < 1_500; i++) quarantine.reject({ ...rejected, resource: cluster(`c${i}`) });
    expect(quarantine.all()).toHaveLength(1_000);
  });
});

describe('blame', () => {
  const part = (name: string, prefix: string) => ({
    match: { prefix },
    metadata: {
      filter_metadata: { istio: { config: `/apis/networking.istio.io/v1/namespaces/shop/virtual-service/${name}` } },
    },
  });
  const routes = (...parts: object[]) =>
    new EnvoyResource(TypeUrl.route, '80', {
      name: '80',
      virtual_hosts: [{ name: 'h', domains: ['*'], routes: parts }],
    });
  const named = (name: string): KubeObject => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name, namespace: 'shop' },
  });

  it('falls on the objects of which something is new, not on those that were there in the last good version', () => {
    const findings = blame(
      {
        type: 'routes',
        resource: routes(part('a', '/'), part('b', '/new')),
        error: 'bad',
        proxy: 'p',
        lastGood: routes(part('a', '/'), part('b', '/old')),
      },
      [named('a'), named('b')],
    );
    expect(findings.map(({ resource }) => resource)).toEqual(['VirtualService shop/b']);
  });

  it('falls on the proxy where no object can be told', () => {
    const findings = blame({ type: 'routes', resource: routes(), error: 'bad', proxy: 'sidecar~1~web.shop~x' }, [
      named('a'),
    ]);
    expect(findings).toMatchObject([{ resource: 'Proxy web.shop', level: 'error' }]);
  });
});
