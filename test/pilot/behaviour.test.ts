import { once } from 'node:events';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import type { HTTPRoute, MeshConfig } from '../../lib/api';
import type { KubeObject } from '../../lib/api/object';
import type { Snapshot } from '../../lib/envoy/resource';
import { Translator } from '../../lib/pilot';
import { ask } from '../../lib/simulator';
import { type Proxy, proxyNamed, World } from '../../lib/world';
import { destinationRule, gateway, pod, service, slice, virtualService } from '../world/sample';
import { type Echo, EchoServer } from './echo-server';
import { type RunningEnvoy, startStaticEnvoy } from './static-envoy';

/** Explicit capture, so that all of it runs on loopback addresses without any privilege. */
const CLIENT_ADDRESS = '127.77.1.1';
const EDGE_ADDRESS = '127.77.1.2';
const V1_ADDRESS = '127.77.2.1';
const V2_ADDRESS = '127.77.2.2';

const toV1 = [{ destination: { host: 'reviews', subset: 'v1' } }];
const toV2 = [{ destination: { host: 'reviews', subset: 'v2' } }];

const http: HTTPRoute[] = [
  { name: 'jason', match: [{ uri: { exact: '/jason' }, headers: { 'end-user': { exact: 'jason' } } }], route: toV2 },
  { name: 'regex', match: [{ uri: { regex: '/items/[0-9]+' } }], route: toV2 },
  { name: 'any-case', match: [{ uri: { prefix: '/Any-Case' }, ignoreUriCase: true }], route: toV2 },
  { name: 'post', match: [{ uri: { prefix: '/method' }, method: { exact: 'POST' } }], route: toV2 },
  {
    name: 'query',
    match: [{ uri: { prefix: '/query' }, queryParams: { v: { regex: '2|3' }, debug: {} } }],
    route: toV2,
  },
  { name: 'empty', match: [{ uri: { prefix: '/empty' }, headers: { 'x-empty': { exact: '' } } }], route: toV2 },
  {
    name: 'without',
    match: [
      {
        uri: { prefix: '/without' },
        withoutHeaders: { 'x-bad': {}, 'x-canary': { exact: 'on' }, 'x-number': { regex: '[0-9]+' } },
      },
    ],
    route: toV2,
  },
  { name: 'authority', match: [{ authority: { prefix: 'reviews.shop.svc' } }], route: toV2 },
  {
    name: 'rewrite',
    match: [{ uri: { prefix: '/old/' } }],
    rewrite: { uri: '/new/', authority: 'inner.example' },
    route: toV1,
  },
  {
    name: 'rewrite-all',
    match: [{ uri: { exact: '/whole' } }, { uri: { regex: '/who+le' } }],
    rewrite: { uri: '/part' },
    route: toV1,
  },
  {
    name: 'rewrite-regex',
    match: [{ uri: { prefix: '/service/' } }],
    rewrite: { uriRegexRewrite: { match: '^/service/([^/]+)(/.*)$', rewrite: '\\2/by/\\1' } },
    route: toV1,
  },
  {
    name: 'redirect',
    match: [{ uri: { prefix: '/moved' } }],
    redirect: { uri: '/here', authority: 'www.example', redirectCode: 307 },
  },
  {
    name: 'answer',
    match: [{ uri: { exact: '/teapot' } }],
    directResponse: { status: 418, body: { string: 'short and stout' } },
  },
  { name: 'abort', match: [{ uri: { prefix: '/abort' } }], fault: { abort: { httpStatus: 555 } }, route: toV1 },
  {
    name: 'delay',
    match: [{ uri: { prefix: '/delay' } }],
    fault: { delay: { fixedDelay: '300ms', percentage: { value: 100 } } },
    route: toV1,
  },
  { name: 'timeout', match: [{ uri: { prefix: '/slow' } }], timeout: '100ms', route: toV1 },
  {
    name: 'retry',
    match: [{ uri: { prefix: '/flaky/retried' } }],
    retries: { attempts: 1, retryOn: '503' },
    route: toV1,
  },
  { name: 'mirror', match: [{ uri: { prefix: '/mirror' } }], mirror: { host: 'reviews', subset: 'v2' }, route: toV1 },
  {
    name: 'cors',
    match: [{ uri: { prefix: '/cors' } }],
    corsPolicy: { allowOrigins: [{ exact: 'https://shop.example' }], allowMethods: ['PUT'], maxAge: '1h' },
    route: toV1,
  },
  {
    name: 'headers',
    match: [{ uri: { prefix: '/headers' } }],
    headers: {
      request: { set: { 'x-set': 'ours' }, add: { 'x-add': 'ours' }, remove: ['x-remove'] },
      response: { remove: ['x-internal'], set: { 'x-shop': 'open' } },
    },
    route: toV1,
  },
  {
    name: 'split',
    match: [{ uri: { prefix: '/split' } }],
    route: [
      { ...toV1[0]!, weight: 90 },
      { ...toV2[0]!, weight: 10 },
    ],
  },
  { name: 'default', route: toV1 },
];

function objectsOf(port: number): KubeObject[] {
  return [
    pod('client', 'shop', { app: 'client' }, CLIENT_ADDRESS),
    pod('edge', 'shop', { istio: 'edge' }, EDGE_ADDRESS),
    pod('reviews-0', 'shop', { app: 'reviews', version: 'v1' }, V1_ADDRESS),
    pod('reviews-1', 'shop', { app: 'reviews', version: 'v2' }, V2_ADDRESS),
    service('reviews', 'shop', { ports: [{ name: 'http', port: 9080, targetPort: port }] }),
    service('plain', 'shop', { ports: [{ name: 'http', port: 80, targetPort: port }], selector: {} }),
    slice('reviews', 'shop', [V1_ADDRESS, V2_ADDRESS], port),
    slice('plain', 'shop', [V1_ADDRESS], port),
    destinationRule('reviews', 'shop', {
      host: 'reviews',
      subsets: ['v1', 'v2'].map((version) => ({ name: version, labels: { version } })),
    }),
    virtualService('reviews', 'shop', { hosts: ['reviews'], http }),
    gateway('edge', 'shop', {
      selector: { istio: 'edge' },
      servers: [
        { port: { number: 8080, name: 'http', protocol: 'HTTP' }, hosts: ['shop.example', '*.dev.example'] },
        {
          port: { number: 8080, name: 'http-secure', protocol: 'HTTP' },
          hosts: ['secure.example'],
          tls: { httpsRedirect: true },
        },
        {
          port: { number: 8443, name: 'https', protocol: 'HTTPS' },
          hosts: ['shop.example'],
          tls: { mode: 'SIMPLE', credentialName: 'shop' },
        },
      ],
    }),
    virtualService('edge', 'shop', {
      hosts: ['*'],
      gateways: ['edge'],
      http: [
        { name: 'api', match: [{ uri: { prefix: '/api/' } }], rewrite: { uri: '/' }, route: toV2 },
        { name: 'page', match: [{ uri: { prefix: '/page' } }], route: toV1 },
      ],
    }),
  ];
}

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
  /** What the service was asked, if one answered. */
  echo?: Echo;
}

interface Ask {
  path?: string;
  host?: string;
  method?: string;
  headers?: Record<string, string>;
}

/** Through the client's HTTP proxy: the whole URL stands in the first line of the request. */
function throughProxy({ path = '/', host = 'reviews:9080', method = 'GET', headers = {} }: Ask): Promise<Answer> {
  const options = { host: '127.0.0.1', port: proxyPort, method, path: `http://${host}${path}`, agent: false };
  return sent(httpRequest({ ...options, headers: { ...headers, host } }));
}

function throughGateway({ path = '/', host = 'shop.example', headers = {} }: Ask, tls = false): Promise<Answer> {
  const common = { host: EDGE_ADDRESS, path, headers: { ...headers, host }, agent: false };
  if (!tls) return sent(httpRequest({ ...common, port: 8080 }));
  return sent(httpsRequest({ ...common, port: 8443, servername: host, rejectUnauthorized: false }));
}

async function sent(request: ReturnType<typeof httpRequest>): Promise<Answer> {
  request.end();
  const [response] = await once(request, 'response');
  let body = '';
  for await (const chunk of response) body += chunk;
  const echo = body.startsWith('{') ? (JSON.parse(body) as Echo) : undefined;
  return { status: response.statusCode, headers: response.headers, body, echo };
}

async function freePort(address: string): Promise<number> {
  const server = createServer().listen(0, address);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

let proxyPort: number;

describe('what pilot makes, in a real Envoy', () => {
  const echoes: EchoServer[] = [];
  const envoys: RunningEnvoy[] = [];
  let world: World;
  let client: Proxy;
  let snapshot: Snapshot;

  beforeAll(async () => {
    const port = await freePort(V1_ADDRESS);
    proxyPort = await freePort('127.0.0.1');
    echoes.push(await EchoServer.start('v1', V1_ADDRESS, port), await EchoServer.start('v2', V2_ADDRESS, port));
    const meshConfig: MeshConfig = { proxyHttpPort: proxyPort };
    world = World.of(objectsOf(port), { meshConfig });
    const translator = new Translator();
    client = proxyNamed(world, 'client.shop', { capture: 'NONE' })!;
    snapshot = translator.snapshot(world, client);
    const edge = translator.snapshot(world, proxyNamed(world, 'edge.shop', { capture: 'NONE' })!);
    expect(translator.failures).toEqual([]);
    envoys.push(...(await Promise.all([startStaticEnvoy(snapshot), startStaticEnvoy(edge)])));
  }, 60_000);

  afterAll(async () => {
    await Promise.all(envoys.map((envoy) => envoy.stop()));
    for (const echo of echoes) echo.close();
  });

  describe('a request of an application takes the first route that matches', () => {
    const v = (n: number) => `v${n}`;
    test.each<[string, Ask]>([
      [v(1), {}],
      [v(1), { host: 'plain' }],
      [v(1), { host: 'plain.shop:80' }],
      [v(1), { path: '/jason' }],
      [v(2), { path: '/jason', headers: { 'end-user': 'jason' } }],
      [v(1), { path: '/jason', headers: { 'end-user': 'Jason' } }],
      [v(2), { path: '/items/42?page=1' }],
      [v(1), { path: '/items/42/' }],
      [v(1), { path: '/items/' }],
      [v(2), { path: '/aNY-cASE/x' }],
      [v(2), { path: '/method', method: 'POST' }],
      [v(1), { path: '/method', method: 'PUT' }],
      [v(2), { path: '/query?debug&v=3' }],
      [v(1), { path: '/query?debug&v=4' }],
      [v(1), { path: '/query?v=2' }],
      [v(1), { path: '/empty' }],
      [v(2), { path: '/empty', headers: { 'x-empty': '' } }],
      [v(1), { path: '/empty', headers: { 'x-empty': 'full' } }],
      [v(2), { path: '/without' }],
      [v(1), { path: '/without', headers: { 'x-bad': '' } }],
      [v(1), { path: '/without', headers: { 'x-canary': 'on' } }],
      [v(2), { path: '/without', headers: { 'x-canary': 'off' } }],
      [v(1), { path: '/without', headers: { 'x-number': '7' } }],
      [v(2), { path: '/without', headers: { 'x-number': 'seven' } }],
      [v(2), { host: 'reviews.shop.svc:9080' }],
      [v(2), { host: 'reviews.shop.svc.cluster.local:9080' }],
      [v(1), { host: 'REVIEWS.shop:9080' }],
    ])('%s answers %j', async (version, asked) => {
      const answer = await throughProxy(asked);
      expect([answer.status, answer.echo?.who]).toEqual([200, version]);
      // The simulator reads the same resources, and has to come to the same.
      const [host = '', port] = (asked.host ?? 'reviews:9080').split(':');
      const simulated = ask(world, snapshot, { from: client, ...asked, host, port: Number(port ?? 80) });
      expect(simulated.kind === 'forward' && simulated.destinations[0]?.endpoints[0]).toContain(
        version === 'v1' ? V1_ADDRESS : V2_ADDRESS,
      );
    });
  });

  describe('a route', () => {
    test.each([
      ['/old/a?b=c', '/new/a?b=c', 'inner.example'],
      ['/whole?x=1', '/part?x=1', 'reviews:9080'],
      ['/whoooole', '/part', 'reviews:9080'],
      ['/service/foo/v1/api?x', '/v1/api/by/foo?x', 'reviews:9080'],
    ])('rewrites %s to %s at %s', async (path, rewritten, host) => {
      const { echo } = await throughProxy({ path });
      expect([echo?.path, echo?.headers.host]).toEqual([rewritten, host]);
    });

    test('redirects', async () => {
      const { status, headers } = await throughProxy({ path: '/moved/a?b=c' });
      expect([status, headers.location]).toEqual([307, expect.stringMatching(/^http:\/\/www\.example.*\/here\?b=c$/)]);
    });

    test('answers by itself', async () => {
      expect(await throughProxy({ path: '/teapot' })).toMatchObject({ status: 418, body: 'short and stout' });
    });

    test('injects errors and delays', async () => {
      expect(await throughProxy({ path: '/abort' })).toMatchObject({ status: 555 });
      const start = performance.now();
      expect(await throughProxy({ path: '/delay' })).toMatchObject({ status: 200 });
      expect(performance.now() - start).toBeGreaterThanOrEqual(295);
    });

    test('gives up after its timeout, and without one does not', async () => {
      expect(await throughProxy({ path: '/slow' })).toMatchObject({ status: 504 });
      expect(await throughProxy({ host: 'plain', path: '/slow' })).toMatchObject({ status: 200 });
    });

    test('retries what it is told to, and by default no answer of the service', async () => {
      expect(await throughProxy({ path: '/flaky/retried' })).toMatchObject({ status: 200 });
      expect(await throughProxy({ path: '/flaky/by-default' })).toMatchObject({ status: 503 });
      expect(echoes[0]!.asked.get('/flaky/by-default')).toBe(1);
    });

    test('mirrors', async () => {
      expect((await throughProxy({ path: '/mirror' })).echo?.who).toBe('v1');
      const deadline = Date.now() + 5_000;
      while (!echoes[1]!.asked.has('/mirror') && Date.now() < deadline)
        await new Promise((done) => setTimeout(done, 20));
      expect(echoes[1]!.asked.get('/mirror')).toBe(1);
    });

    test('answers preflights of origins that it allows', async () => {
      const preflight = (origin: string) => {
        const headers = { origin, 'access-control-request-method': 'PUT' };
        return throughProxy({ path: '/cors', method: 'OPTIONS', headers });
      };
      const allowed = await preflight('https://shop.example');
      expect(allowed.headers).toMatchObject({
        'access-control-allow-origin': 'https://shop.example',
        'access-control-allow-methods': 'PUT',
        'access-control-max-age': '3600',
      });
      expect(allowed.echo).toBeUndefined();
      expect((await preflight('https://evil.example')).headers['access-control-allow-origin']).toBeUndefined();
    });

    test('edits headers', async () => {
      const asked = { 'x-set': 'theirs', 'x-add': 'theirs', 'x-remove': 'theirs' };
      const { echo, headers } = await throughProxy({ path: '/headers', headers: asked });
      expect(echo?.headers).toMatchObject({ 'x-set': 'ours', 'x-add': 'theirs, ours' });
      expect(echo?.headers['x-remove']).toBeUndefined();
      expect([headers['x-shop'], headers['x-internal']]).toEqual(['open', undefined]);
    });

    test('splits by weight', async () => {
      const answers = await Promise.all(Array.from({ length: 500 }, () => throughProxy({ path: '/split' })));
      const v2 = answers.filter(({ echo }) => echo?.who === 'v2').length;
      // 50 expected; six standard deviations on each side.
      expect(v2).toBeGreaterThan(10);
      expect(v2).toBeLessThan(90);
    });
  });

  test('a destination that nobody knows is resolved where the mesh allows any', async () => {
    const outside = await EchoServer.start('outside', '127.77.3.1', await freePort('127.77.3.1'));
    echoes.push(outside);
    const { port } = outside;
    const answer = await throughProxy({ host: `127.77.3.1:${port}`, path: '/x' });
    expect(answer.echo).toMatchObject({ who: 'outside', path: '/x' });
  });

  describe('a gateway', () => {
    test('routes by host and path', async () => {
      expect((await throughGateway({ path: '/page/1' })).echo).toMatchObject({ who: 'v1', path: '/page/1' });
      expect((await throughGateway({ path: '/api/x', host: 'a.dev.example' })).echo).toMatchObject({
        who: 'v2',
        path: '/x',
      });
      expect((await throughGateway({ path: '/page', host: 'shop.example:8080' })).status).toBe(200);
    });

    test('knows only its hosts, and only the paths of their routes', async () => {
      expect((await throughGateway({ path: '/page', host: 'other.example' })).status).toBe(404);
      expect((await throughGateway({ path: '/else' })).status).toBe(404);
    });

    test('sends plain requests to HTTPS where it should', async () => {
      const { status, headers } = await throughGateway({ host: 'secure.example', path: '/a?b' });
      expect([status, headers.location]).toEqual([301, 'https://secure.example/a?b']);
    });

    test('ends TLS, and tells the service who asked', async () => {
      const { echo } = await throughGateway({ path: '/page', headers: { 'x-request-id': 'mine' } }, true);
      expect(echo?.headers).toMatchObject({
        'x-forwarded-proto': 'https',
        // For a peer on loopback, Envoy names the machine.
        'x-forwarded-for': expect.stringMatching(/^[0-9a-f.:]+$/),
        'x-request-id': 'mine',
      });
    });

    test('believes nothing that a client says in headers of the mesh', async () => {
      const headers = {
        'x-forwarded-client-cert': 'URI=spiffe://cluster.local/ns/shop/sa/admin',
        'x-envoy-internal': 'true',
      };
      const { echo } = await throughGateway({ path: '/page', headers }, true);
      expect(echo?.headers['x-forwarded-client-cert']).toBeUndefined();
    });
  });
});
