/** What commands say of a control plane of several replicas; its pages are made up here, in a cluster they are its own (test/cluster/replicas). */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { GraphPage } from '../../apps/control-plane/graph';
import type { ConfiguredProxy } from '../../apps/control-plane/proxy-configuration';
import type { Tap } from '../../apps/control-plane/tap';
import { malha } from './captured-io';

let server: Server;
let http: string;
let asked: string[];
/** The pages that are answered, in turn; the last one again and again. */
let pages: object[];

beforeAll(async () => {
  server = createServer(({ url }, response) => {
    asked.push(url!);
    const page = pages.length > 1 ? pages.shift()! : pages[0]!;
    const { code = 200, text = JSON.stringify(page) } = page as { code?: number; text?: string };
    response.writeHead(code).end(text);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  http = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  asked = [];
});
afterAll(() => {
  server.close();
});

const silent = { name: 'two', address: '198.18.0.2:15012', error: 'no answer within 5 s' };

describe('malha tap', () => {
  const request = (path: string) => ({
    ...{ time: '2026-05-01T10:00:00.000Z', reporter: 'source', from: 'web-1.shop', to: 'api', protocol: 'http' },
    ...{ method: 'GET', path, code: 200, flags: [], milliseconds: 1, bytesReceived: 0, bytesSent: 0 },
  });
  const page = (cursor: string, paths: string[], replicas: Tap['replicas']) => ({
    ...{ cursor, missed: 0, replicas },
    requests: paths.map(request),
  });

  test('asks on from where all replicas are, and says once which of them is silent, and when it answers again', async () => {
    const [one, two] = [{ name: 'one' }, { name: 'two' }];
    pages = [
      page('a', [], [one, two]),
      page('b&c', ['/1'], [one, silent]),
      page('d', ['/2'], [one, silent]),
      page('e', ['/3'], [one, two]),
    ];
    const { code, stdout, stderr } = await malha(['tap', '--http', http, '--limit', '3'], {
      interrupted: new Promise(() => {}),
    });
    expect(code).toBe(0);
    expect(asked).toEqual(['/tap', '/tap?after=a', '/tap?after=b%26c', '/tap?after=d']);
    expect(stdout.match(/GET \/\d/g)).toEqual(['GET /1', 'GET /2', 'GET /3']);
    expect(stderr).toBe(
      'not asked two (198.18.0.2:15012): no answer within 5 s; requests of its proxies are missing\n' +
        'malha: replica two answers again\n',
    );
  });
});

describe('malha graph', () => {
  const since = '2026-05-01T10:00:00.000Z';
  const page = (replicas: GraphPage['replicas']) => ({ nodes: [], edges: [], since, wholeSince: since, replicas });

  test('names a replica that could not be asked, and ends with 1', async () => {
    pages = [page([{ name: 'one', since }, silent])];
    const { code, stdout, stderr } = await malha(['graph', '--http', http, '-o', 'json']);
    expect(code).toBe(1);
    expect(stderr).toBe(
      'not asked two (198.18.0.2:15012): no answer within 5 s; ' +
        'what its proxies have seen is missing, and no call is said to be unseen\n',
    );
    expect(JSON.parse(stdout)).toEqual(page([{ name: 'one', since }, silent]));
  });

  test('ends with 0 where all answer', async () => {
    pages = [page([{ name: 'one', since }])];
    expect(await malha(['graph', '--http', http])).toMatchObject({ code: 0, stderr: '', stdout: 'flowchart LR\n' });
  });
});

describe('malha proxy-config without files', () => {
  const synced = { state: 'synced', resources: 1, version: '7', rejected: [] };
  const nacked = { ...synced, state: 'nacked', rejected: [{ name: '80', version: '8', error: 'no such filter' }] };
  const listener = {
    '@type': 'x',
    name: '0.0.0.0_80',
    address: { socket_address: { address: '0.0.0.0', port_value: 80 } },
  };
  const certificate = {
    names: 'URI:spiffe://c/ns/shop/sa/web',
    serialNumber: '0A',
    notBefore: 'then',
    notAfter: 'later',
  };
  const found = (routes: object): ConfiguredProxy =>
    ({
      proxy: {
        node: { id: 'sidecar~198.18.0.1~web-1.shop~shop.svc.cluster.local', version: '1.40.0' },
        ...{ replica: 'two', connectedAt: '2026-05-01T10:00:00.000Z' },
        credential: {
          identity: 'spiffe://c/ns/shop/sa/web',
          kind: 'certificate',
          expiresAt: '2026-05-02T10:00:00.000Z',
        },
        types: { listeners: synced, routes },
      },
      configuration: {
        ...{ listeners: [listener], routes: [], clusters: [], endpoints: [], scopes: [] },
        secrets: [{ name: 'default', certificates: [certificate] }],
      },
    }) as unknown as ConfiguredProxy;
  const ask = (...args: string[]) => malha(['proxy-config', '--proxy', 'web-1.shop', '--http', http, ...args]);

  test('prints what the proxy has, who serves it, how far it is, and its certificates', async () => {
    pages = [found(synced)];
    const { code, stdout } = await ask();
    expect(code).toBe(0);
    expect(asked).toEqual(['/config?proxy=web-1.shop']);
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['PROXY', 'sidecar~198.18.0.1~web-1.shop~shop.svc.cluster.local'],
      ['ENVOY', '1.40.0'],
      ['CONNECTED', 'to two since 2026-05-01T10:00:00.000Z'],
      ['IDENTITY', 'spiffe://c/ns/shop/sa/web, by a certificate until 2026-05-02T10:00:00.000Z'],
      [''],
      ['TYPE', 'STATE', 'RESOURCES', 'VERSION'],
      ['listeners', 'SYNCED', '1', '7'],
      ['routes', 'SYNCED', '1', '7'],
      [''],
      ['LISTENER', 'ADDRESS', 'CHAINS'],
      ['0.0.0.0_80', '0.0.0.0:80', '0'],
      [''],
      ['SECRET', 'CERTIFICATE', 'SERIAL NUMBER', 'NOT BEFORE', 'NOT AFTER'],
      ['default', 'URI:spiffe://c/ns/shop/sa/web', '0A', 'then', 'later'],
      [''],
    ]);
  });

  test('says what the proxy has rejected, and ends with 1', async () => {
    pages = [found(nacked)];
    const { code, stdout } = await ask();
    expect({ code, line: /^rejected.*$/m.exec(stdout)![0] }).toEqual({
      code: 1,
      line: 'rejected routes 80: no such filter',
    });
    const { listeners, proxy } = JSON.parse((await ask('-o', 'json')).stdout);
    expect([listeners, proxy.replica]).toEqual([[listener], 'two']);
  });

  test('says why the proxy cannot be shown', async () => {
    pages = [{ code: 503, text: 'not all of them answer (two: gone)' }];
    const { code, stderr } = await ask();
    expect(code).toBe(2);
    expect(stderr).toContain('answers 503: not all of them answer (two: gone)');
  });
});
