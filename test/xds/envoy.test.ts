/** The server against a real Envoy, in both variants. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Snapshot } from '../../lib/envoy/resource';
import { EnvoyResource } from '../../lib/envoy/resource';
import { TypeUrl } from '../../lib/envoy/type-url';
import { findEnvoy } from '../../lib/local/envoy-binary';
import type { Variant } from '../../lib/xds/request';
import { XdsServer } from '../../lib/xds/server';
import { silent } from './fake-client';
import { bootstrapOf, eventually, freePort, get } from './plain-envoy';
import { cluster, endpoints, listener, route, snapshotOf } from './resources';

const NODE = 'sidecar~127.0.0.1~a.ns~ns.svc.cluster.local';

let app: Server;
let appPort: number;

beforeAll(async () => {
  app = createServer((_, response) => response.end('hello'));
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  appPort = (app.address() as AddressInfo).port;
});

afterAll(() => {
  app.close();
  app.closeAllConnections();
});

describe.each<Variant>(['delta', 'state'])('Envoy over %s', (variant) => {
  let snapshot: Snapshot;
  let changed = () => {};
  let xds: XdsServer;
  let envoy: ChildProcess;
  let port: number;
  let xdsPort: number;
  let log = '';

  /** Resolves when the server has begun to tell the proxy. */
  const set = async (next: Snapshot) => {
    snapshot = next;
    changed();
    await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const states = () => {
    const types = Object.entries(xds.proxies()[0]?.types ?? {});
    return Object.fromEntries(types.map(([type, { state }]) => [type, state]));
  };
  const synced = { clusters: 'synced', endpoints: 'synced', listeners: 'synced', routes: 'synced' };

  const serverOf = () =>
    new XdsServer(
      {
        snapshot: ({ id }) => (id === NODE ? snapshot : undefined),
        subscribe(onChange) {
          changed = onChange;
          return () => {};
        },
      },
      { log: silent },
    );

  beforeAll(async () => {
    port = await freePort();
    snapshot = snapshotOf({
      clusters: [cluster('a')],
      endpoints: [endpoints('a', appPort)],
      listeners: [listener('in', port, 'r')],
      routes: [route('r', 'a')],
    });
    xds = serverOf();
    xdsPort = await xds.listen('127.0.0.1:0');
    const { path } = await findEnvoy();
    const bootstrap = JSON.stringify(bootstrapOf(variant, xdsPort, NODE));
    envoy = spawn(path, ['--config-yaml', bootstrap, '--use-dynamic-base-id', '-l', 'warn'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    envoy.stderr!.on('data', (text) => {
      log += text;
    });
  });

  afterAll(async () => {
    const exited = new Promise((resolve) => envoy.once('exit', resolve));
    envoy.kill('SIGTERM');
    await exited;
    await xds.close();
  });

  it('acknowledges every type and serves', async () => {
    await eventually(
      () => expect(states()).toMatchObject(synced),
      () => log,
    );
    expect(await get(port)).toBe('hello');
    expect(xds.proxies()[0]).toMatchObject({ variant, node: { id: NODE, version: expect.stringMatching(/^1\./) } });
  });

  it('moves to another cluster without a failed request', async () => {
    const answers: string[] = [];
    let isDone = false;
    const load = (async () => {
      while (!isDone) answers.push(await get(port));
    })();
    for (let round = 0; round < 10; round++) {
      const name = `round-${round}`;
      await set({
        ...snapshot,
        clusters: [cluster(name)],
        endpoints: [endpoints(name, appPort)],
        routes: [route('r', name)],
      });
      await eventually(() => {
        expect(states()).toMatchObject(synced);
        expect(xds.proxies()[0]!.types.clusters.resources).toBe(1);
      });
    }
    isDone = true;
    await load;
    expect(answers.length).toBeGreaterThan(10);
    expect(new Set(answers)).toEqual(new Set(['hello']));
  });

  it('outlives the removal of 10,000 clusters at once, and serves on', async () => {
    const few = snapshot;
    const many = Array.from({ length: 10_000 }, (_, i) => `many-${i}`);
    await set({
      ...few,
      clusters: [...few.clusters, ...many.map((name) => cluster(name))],
      endpoints: [...few.endpoints, ...many.map((name) => endpoints(name, appPort))],
    });
    const acknowledged = (clusters: number) =>
      eventually(
        () => {
          expect(states()).toMatchObject(synced);
          expect(xds.proxies()[0]!.types.clusters.resources).toBe(clusters);
        },
        () => log,
        60_000,
      );
    await acknowledged(10_001);
    await set(few);
    await acknowledged(1);
    expect(await get(port)).toBe('hello');
    expect(envoy.exitCode).toBeNull();
  }, 120_000);

  it('warms a changed cluster at once', async () => {
    const start = Date.now();
    await set({ ...snapshot, clusters: [cluster('round-9', 7)] });
    await eventually(() => expect(states()).toMatchObject(synced));
    expect(Date.now() - start).toBeLessThan(4_000);
    expect(await get(port)).toBe('hello');
  });

  it('rejects one bad cluster by name and takes all the others', async () => {
    const bad = new EnvoyResource(TypeUrl.cluster, 'bad', { name: 'bad', type: 'EDS', lb_policy: 'ROUND_ROBIN' });
    const more = ['x', 'y', 'z'];
    const good = snapshot;
    await set({
      ...good,
      clusters: [...good.clusters, bad, ...more.map((name) => cluster(name))],
      endpoints: [...good.endpoints, ...more.map((name) => endpoints(name, appPort))],
      routes: [route('r', 'z')],
    });
    await eventually(() => expect(states()).toMatchObject({ ...synced, clusters: 'nacked' }));
    expect(xds.proxies()[0]!.types.clusters.error).toContain('bad');
    if (variant === 'delta') {
      expect(xds.proxies()[0]!.types.clusters.rejected.map(({ name }) => name)).toEqual(['bad']);
    }
    expect(await get(port)).toBe('hello');
    await set({ ...good, routes: [route('r', 'round-9')] });
    await eventually(() => expect(states()).toMatchObject(synced));
    expect(await get(port)).toBe('hello');
  });

  it('goes on without the server, and takes up where it was when there is one again', async () => {
    await xds.close();
    expect(await get(port)).toBe('hello');
    snapshot = {
      ...snapshot,
      clusters: [cluster('anew')],
      endpoints: [endpoints('anew', appPort)],
      routes: [route('r', 'anew')],
    };
    xds = serverOf();
    await xds.listen(`127.0.0.1:${xdsPort}`);
    await eventually(() => {
      expect(states()).toMatchObject(synced);
      expect(xds.proxies()[0]!.types.clusters.resources).toBe(1);
    });
    expect(await get(port)).toBe('hello');
  });

  it('is told of listeners that come and go', async () => {
    const second = await freePort();
    const before = snapshot;
    await set({ ...before, listeners: [...before.listeners, listener('second', second, 'r')] });
    await eventually(async () => expect(await get(second)).toBe('hello'));
    await set(before);
    await eventually(async () => await expect(get(second)).resolves.not.toBe('hello'));
    expect(await get(port)).toBe('hello');
  });
});
