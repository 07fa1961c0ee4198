import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { malha } from './captured-io';

const synced = (resources: number) => ({ state: 'synced', resources, version: '1', rejected: [] });
const silent = { state: 'unsubscribed', resources: 0, version: '', rejected: [] };
const types = { listeners: synced(4), routes: synced(2), clusters: synced(9), endpoints: synced(9), secrets: silent };
const proxy = (name: string, changed: object = {}) => ({
  node: { id: `sidecar~198.18.0.1~${name}.shop~shop.svc.cluster.local`, version: '1.40.0' },
  types: { ...types, ...changed },
});

describe('malha proxy-status', () => {
  let server: Server;
  let http: string;
  let answer: { code?: number; body: string };

  beforeAll(async () => {
    server = createServer((_, response) => response.writeHead(answer.code ?? 200).end(answer.body)).listen(
      0,
      '127.0.0.1',
    );
    await once(server, 'listening');
    http = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.close();
  });

  const given = (status: object) => {
    answer = { body: JSON.stringify(status) };
  };

  test('shows one line a proxy', async () => {
    given({ proxies: [proxy('reviews-v1'), proxy('details-v1')] });
    const { code, stdout } = await malha(['proxy-status', '--http', http]);
    expect(code).toBe(0);
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['PROXY', 'LISTENERS', 'ROUTES', 'CLUSTERS', 'ENDPOINTS', 'SECRETS', 'ENVOY'],
      ['details-v1.shop', '4', '2', '9', '9', '-', '1.40.0'],
      ['reviews-v1.shop', '4', '2', '9', '9', '-', '1.40.0'],
      [''],
    ]);
  });

  test('says what a proxy rejected, and ends with 1', async () => {
    const rejected = [{ name: '9080', version: '2', error: 'weights must not be all zero' }];
    given({ proxies: [proxy('reviews-v1', { routes: { ...synced(2), state: 'nacked', rejected } })] });
    const { code, stdout } = await malha(['proxy-status', '--http', http]);
    expect(code).toBe(1);
    expect(stdout).toContain('NACKED');
    expect(stdout).toContain('rejected reviews-v1.shop: routes 9080: weights must not be all zero\n');
  });

  test('prints the status as it is for programs', async () => {
    const status = { proxies: [proxy('reviews-v1')], findings: [], more: 1 };
    given(status);
    const { stdout } = await malha(['proxy-status', '--http', http.slice('http://'.length), '-o', 'json']);
    expect(JSON.parse(stdout)).toEqual(status);
  });

  test('says when the newest objects are not in force', async () => {
    given({ proxies: [proxy('reviews-v1')], configuration: { state: 'stale' } });
    expect((await malha(['proxy-status', '--http', http])).stdout).toMatch(/^stale: the newest objects have errors/);
  });

  test('without proxies says so', async () => {
    given({ proxies: [] });
    expect((await malha(['proxy-status', '--http', http])).stdout).toBe('no proxy is connected\n');
  });

  test('names the address where nobody answers, or somebody else', async () => {
    const nobody = await malha(['proxy-status', '--http', 'http://127.0.0.1:1']);
    expect(nobody.code).toBe(2);
    expect(nobody.stderr).toMatch(
      /^malha: no control plane answers at http:\/\/127\.0\.0\.1:1 \(.*\): start one, or give its address with --http\n$/,
    );
    answer = { body: '<html>' };
    expect((await malha(['proxy-status', '--http', http])).stderr).toContain('is not the page of a control plane');
    answer = { code: 503, body: 'starting' };
    expect((await malha(['proxy-status', '--http', http])).stderr).toContain('answers 503: starting');
  });
});
