import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, get, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

const PROGRAM = join(__dirname, '../../dist/apps/bookinfo/service.js');
/** One loopback address a service, as in explicit capture. */
const ADDRESS = { productpage: '127.31.0.1', reviews: '127.31.0.2', details: '127.31.0.3', ratings: '127.31.0.4' };

describe("Bookinfo's services", () => {
  let children: ChildProcess[];
  let proxy: Server;
  let seen: { url: string; headers: IncomingHttpHeaders }[];

  beforeEach(async () => {
    children = [];
    seen = [];
    proxy = createServer((request, response) => {
      seen.push({ url: request.url!, headers: request.headers });
      response.end(JSON.stringify({ service: 'behind the proxy' }));
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
  });
  afterEach(() => {
    for (const child of children) child.kill();
    proxy.close();
  });

  async function start(name: keyof typeof ADDRESS, version: string, env: NodeJS.ProcessEnv = {}): Promise<void> {
    const own = { PATH: process.env.PATH, APP_ADDRESS: ADDRESS[name], ...env };
    children.push(spawn(process.execPath, [PROGRAM, name, version], { env: own, stdio: 'inherit' }));
    const deadline = Date.now() + 10_000;
    for (;;) {
      const up = await ask(name, '/health').catch(() => undefined);
      if (up) return;
      if (Date.now() > deadline) throw new Error(`${name} does not answer`);
      await sleep(30);
    }
  }

  test('ask each other by the names of their Services, and say who answered', async () => {
    const hosts = {
      REVIEWS_SERVICE_HOST: ADDRESS.reviews,
      DETAILS_SERVICE_HOST: ADDRESS.details,
      RATINGS_SERVICE_HOST: ADDRESS.ratings,
    };
    await Promise.all([
      start('productpage', 'v1', hosts),
      start('details', 'v1'),
      start('reviews', 'v3', hosts),
      start('ratings', 'v1'),
    ]);
    expect(await ask('productpage', '/productpage')).toMatchObject({
      service: 'productpage',
      version: 'v1',
      path: '/productpage',
      calls: {
        details: { service: 'details', version: 'v1' },
        reviews: { service: 'reviews', version: 'v3', stars: 'red', calls: { ratings: { service: 'ratings' } } },
      },
    });
  });

  test('ask by the HTTP proxy where there is one, and hand on what belongs to the trace', async () => {
    const HTTP_PROXY = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    await start('reviews', 'v2', { HTTP_PROXY });
    const headers = {
      'x-request-id': 'r1',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      b3: '0',
      'x-b3-traceid': '80f198ee56343ba8',
      'end-user': 'jason',
    };
    await ask('reviews', '/reviews/1', { ...headers, authorization: 'Bearer secret' });
    expect(seen.map(({ url }) => url)).toEqual(['http://ratings:9080/ratings/0']);
    expect(seen[0]?.headers).toMatchObject({ ...headers, host: 'ratings:9080' });
    expect(seen[0]?.headers.authorization).toBeUndefined();
  });

  test('answer although another fails, and say how it failed', async () => {
    await start('reviews', 'v2', { HTTP_PROXY: 'http://127.0.0.1:1' });
    expect(await ask('reviews', '/reviews/1')).toMatchObject({
      version: 'v2',
      calls: { ratings: { error: expect.stringContaining('ECONNREFUSED') } },
    });
  });

  test('need a name and a version', async () => {
    const child = spawn(process.execPath, [PROGRAM, 'cart', 'v1'], { stdio: 'ignore' });
    expect(await once(child, 'exit')).toEqual([2, null]);
  });
});

function ask(name: keyof typeof ADDRESS, path: string, headers: Record<string, string> = {}): Promise<unknown> {
  return new Promise((resolve, reject) => {
    get({ host: ADDRESS[name], port: 9080, path, headers }, (response) => json(response).then(resolve, reject)).on(
      'error',
      reject,
    );
  });
}
