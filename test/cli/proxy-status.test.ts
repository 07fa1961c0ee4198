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
  let asked: string | undefined;
  let answer: { code?: number; body: string };

  beforeAll(async () => {
    server = createServer((request, response) => {
      asked = request.url;
      response.writeHead(answer.code ?? 200).end(answer.body);
    }).listen(0, '127.0.0.1');
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

  describe('in a cluster with several replicas', () => {
    const current = { configuration: { state: 'current' } };

    test('shows the proxies of all, each with the replica that serves it', async () => {
      given({
        proxies: [
          { ...proxy('reviews-v1'), replica: 'one' },
          { ...proxy('details-v1'), replica: 'two' },
        ],
        replicas: [
          { name: 'one', ...current },
          { name: 'two', address: '198.18.0.2:15012', ...current },
        ],
      });
      const { code, stdout } = await malha(['proxy-status', '--http', http]);
      expect(code).toBe(0);
      expect(asked).toBe('/status');
      expect(stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
        ['PROXY', 'LISTENERS', 'ROUTES', 'CLUSTERS', 'ENDPOINTS', 'SECRETS', 'ENVOY', 'REPLICA'],
        ['details-v1.shop', '4', '2', '9', '9', '-', '1.40.0', 'two'],
        ['reviews-v1.shop', '4', '2', '9', '9', '-', '1.40.0', 'one'],
        [''],
      ]);
    });

    test('names a replica that could not be asked, and ends with 1, also when nobody else has a proxy', async () => {
      const silent = { name: 'two', address: '198.18.0.2:15012', error: 'no answer within 5 s' };
      const line = 'not asked two (198.18.0.2:15012): no answer within 5 s; its proxies are missing here\n';
      for (const proxies of [[proxy('reviews-v1')], []]) {
        given({ proxies, replicas: [{ name: 'one', ...current }, silent] });
        const { code, stdout } = await malha(['proxy-status', '--http', http]);
        expect({ code, line: stdout.slice(-line.length) }).toEqual({ code: 1, line });
        expect((await malha(['proxy-status', '--http', http, '-o', 'json'])).code).toBe(1);
      }
    });

    test('says which of them have older objects in force than others', async () => {
      const stale = { name: 'two', address: '198.18.0.2:15012', configuration: { state: 'stale' } };
      given({ proxies: [], replicas: [{ name: 'one', ...current }, stale] });
      expect((await malha(['proxy-status', '--http', http])).stdout).toMatch(/^stale: .* are in force \(two\)\n/);
    });
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
