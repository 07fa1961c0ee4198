/** A mesh on this machine in each way of capture: real Envoys, our control plane, requests from pods and from outside. */
import { get } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningMesh, up } from '../../lib/local';
import { captures } from './captures';
import { destinationRule, gateway, ManifestFolder, namespace, service, to, virtualService } from './manifests';
import { type EchoReply, requests, tally } from './pod-client';

const VERSIONS = ['v1', 'v2', 'v3'];

/** First match wins; everyone else gets the split. */
const ROUTES = [
  { match: [{ headers: { 'end-user': { exact: 'jason' } } }], route: [to('web', 'v2')] },
  { match: [{ uri: { prefix: '/preview/' } }], route: [to('web', 'v3')] },
  { match: [{ method: { exact: 'DELETE' } }], route: [to('web', 'v3')] },
  { match: [{ queryParams: { debug: { exact: 'yes' } } }], route: [to('web', 'v3')] },
  { match: [{ sourceLabels: { app: 'batch' } }], route: [to('web', 'v3')] },
  { route: [to('web', 'v1', 90), to('web', 'v2', 10)] },
];

// A busy machine may take its time; `up` itself gives up after 60 seconds.
jest.setTimeout(90_000);

describe.each(captures)('a mesh in %s capture', (capture) => {
  let folder: ManifestFolder;
  let mesh: RunningMesh;
  const said: string[] = [];

  beforeAll(async () => {
    folder = new ManifestFolder({
      'services.yaml': [
        namespace('shop'),
        ...service('web', VERSIONS),
        ...service('client', ['v1']),
        ...service('batch', ['v1']),
      ],
      'gateway.yaml': gateway(),
      'policy.yaml': [destinationRule('web', VERSIONS)],
      'routes.yaml': [virtualService('web', ROUTES), atGateway('v1')],
    });
    mesh = await up({ dir: folder.path, capture, port: 0, say: (line) => said.push(line) });
  });
  afterAll(async () => {
    await mesh?.stop();
    folder.remove();
  });

  const fromClient = (...list: Parameters<typeof requests>[2]) => requests(mesh, 'client-v1.shop', list);

  test('says which way of capture it took, and why', () => {
    expect(mesh.capture).toBe(capture);
    expect(said[0]).toMatch(new RegExp(`^envoy 1\\.\\d+\\.\\d+ \\(.+\\), ${capture} capture: \\w`));
  });

  test.each([
    ['by header', { url: 'http://web/', headers: { 'end-user': 'jason' } }, 'v2'],
    ['by path', { url: 'http://web/preview/1' }, 'v3'],
    ['by method', { url: 'http://web/', method: 'DELETE' }, 'v3'],
    ['by query', { url: 'http://web/?debug=yes&x=1' }, 'v3'],
  ])('routes %s', async (_, request, version) => {
    expect(tally(await fromClient({ ...request, count: 20 }))).toEqual({ [version]: 20 });
  });

  test('routes by caller', async () => {
    expect(tally(await requests(mesh, 'batch-v1.shop', [{ url: 'http://web/', count: 20 }]))).toEqual({ v3: 20 });
  });

  test('splits by weight', async () => {
    const counts = tally(await fromClient({ url: 'http://web/', count: 1000 }));
    expect(Object.keys(counts).sort()).toEqual(['v1', 'v2']);
    // Five standard deviations around 100 of 1,000.
    expect(Math.abs(counts.v2! - 100)).toBeLessThanOrEqual(47);
  });

  test('passes on what the client sent, and says who it was sent to by every name of a Service', async () => {
    const names = ['web', 'web.shop', 'web.shop.svc.cluster.local'];
    const replies = await fromClient(
      ...names.map((name) => ({ url: `http://${name}/a?b=c`, headers: { 'x-mine': 'yes' } })),
    );
    for (const [i, { status, echo }] of replies.entries()) {
      expect(status).toBe(200);
      expect(echo).toMatchObject({ method: 'GET', path: '/a?b=c', headers: { host: names[i], 'x-mine': 'yes' } });
      expect(echo?.headers['x-request-id']).toBeDefined();
    }
  });

  test('balances over all versions of a service without routes, and lets a service call itself', async () => {
    expect(tally(await fromClient({ url: 'http://client/', count: 5 }))).toEqual({ v1: 5 });
  });

  test('lets requests in by the gateway, for hosts and paths that it serves', async () => {
    expect(await outside('/page')).toMatchObject({ status: 200, echo: { version: 'v1', path: '/page' } });
    expect((await outside('/other')).status).toBe(404);
    expect((await outside('/page', 'elsewhere.example')).status).toBe(404);
  });

  test('takes an edit of a file into running Envoys', async () => {
    folder.write('routes.yaml', [virtualService('web', [{ route: [to('web', 'v3')] }]), atGateway('v2')]);
    await until(async () => (await outside('/page')).echo?.version === 'v2');
    await until(async () => tally(await fromClient({ url: 'http://web/', count: 10 })).v3 === 10);
    expect(await configuration()).toMatchObject({ state: 'current' });
  });

  test.each([
    ['does not parse', 'apiVersion: networking.istio.io/v1\nkind: [VirtualService\n'],
    [
      'has weights that do not fit',
      [virtualService('web', [{ route: [to('web', 'v1', 90), to('web', 'v2', -20)] }]), atGateway('v2')],
    ],
  ])('keeps the last good configuration when an edit %s, and says so', async (_, bad) => {
    folder.write('routes.yaml', bad);
    await until(async () => (await configuration()).state === 'stale');
    const { findings } = await status();
    expect(findings.some(({ level, file }) => level === 'error' && file?.endsWith('routes.yaml'))).toBe(true);
    expect(tally(await fromClient({ url: 'http://web/', count: 10 }))).toEqual({ v3: 10 });
    expect((await outside('/page')).echo?.version).toBe('v2');

    folder.write('routes.yaml', [virtualService('web', [{ route: [to('web', 'v3')] }]), atGateway('v2')]);
    await until(async () => (await configuration()).state === 'current');
  });

  test('goes on without its control plane, and follows it again when it is back', async () => {
    mesh.kill('malha-control-plane.malha-system', 'control-plane', 'SIGKILL');
    const replies = await fromClient({ url: 'http://web/', count: 500 });
    expect(tally(replies)).toEqual({ v3: 500 });
    folder.write('routes.yaml', [virtualService('web', [{ route: [to('web', 'v1')] }]), atGateway('v3')]);
    await until(async () => (await outside('/page')).echo?.version === 'v3');
    await until(async () => tally(await fromClient({ url: 'http://web/', count: 10 })).v1 === 10);
    await until(async () => (await status()).proxies.length === 6);
  });

  interface Status {
    configuration: { state: string };
    findings: { level: string; file?: string }[];
    proxies: unknown[];
  }

  async function status(): Promise<Status> {
    const { host, port } = await mesh.address('malha-control-plane.malha-system', 15014);
    return (await (await fetch(`http://${host}:${port}/status`)).json()) as Status;
  }

  async function configuration() {
    return (await status()).configuration;
  }

  function outside(path: string, host = 'www.shop.localhost'): Promise<EchoReply> {
    return new Promise((resolve, reject) => {
      get({ host: '127.0.0.1', port: new URL(mesh.url!).port, path, headers: { host } }, async (response) => {
        const body = await text(response);
        resolve({ status: response.statusCode!, echo: body.startsWith('{') ? JSON.parse(body) : undefined });
      }).on('error', reject);
    });
  }
});

/** Lets `/page` of every host in, to one version. */
function atGateway(version: string) {
  const routes = [
    {
      match: [{ uri: { exact: '/page' } }],
      route: [{ destination: { host: 'web.shop.svc.cluster.local', subset: version } }],
    },
  ];
  const object = virtualService('entry', routes, { hosts: ['www.shop.localhost'], gateways: ['edge'] });
  return object;
}

async function until(check: () => Promise<boolean>, milliseconds = 15_000): Promise<void> {
  const deadline = Date.now() + milliseconds;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`not so within ${milliseconds} ms: ${check}`);
    await sleep(50);
  }
}
