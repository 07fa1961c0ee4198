/** `malha tap`, `malha graph` and `malha console` against a control plane in this process; a gRPC client logs as a proxy does. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, credentials } from '@grpc/grpc-js';
import { consoleServer } from '../../apps/cli/commands/console';
import { ControlPlaneClient } from '../../apps/cli/control-plane-client';
import { type RunningControlPlane, startControlPlane } from '../../apps/control-plane';
import { encode } from '../../lib/envoy/message';
import type { ServiceGraph } from '../../lib/graph/service-graph';
import { accessLogDefinition } from '../../lib/mixer/access-log-service';
import { manyServices } from '../console/many-services';
import { malha } from './captured-io';

const log = { info: () => {}, warn: () => {}, error: () => {} };
let folder: string;
let running: RunningControlPlane;
let http: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'malha-tap-'));
  await writeFile(join(folder, 'mesh.yaml'), manyServices(1, 5));
  const registry = { kind: 'files' as const, files: [folder] };
  running = await startControlPlane({ registry, xds: '127.0.0.1:0', http: '127.0.0.1:0', log });
  http = `http://127.0.0.1:${running.httpPort}`;
});

afterAll(async () => {
  await running.stop();
  await rm(folder, { recursive: true });
});

/** Logs requests of service-0-0 as its proxy would. */
async function logged(...requests: { path: string; code: number; host?: string }[]): Promise<void> {
  const client = new Client(`127.0.0.1:${running.xdsPort}`, credentials.createInsecure());
  const { path, requestSerialize, responseDeserialize } = accessLogDefinition.StreamAccessLogs;
  const message = {
    identifier: { node: { id: 'sidecar~198.18.0.1~service-0-0.team-0~team-0.svc.cluster.local' }, log_name: 'x' },
    http_logs: {
      log_entry: requests.map(({ path: asked, code, host = 'service-0-1' }) => ({
        common_properties: { upstream_cluster: `outbound|80||${host}.team-0.svc.cluster.local`, duration: '0.004s' },
        request: { request_method: 'GET' as const, path: asked },
        response: { response_code: code },
      })),
    },
  };
  await new Promise((resolve) => {
    const call = client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, resolve);
    call.write(Buffer.from(encode('envoy.service.accesslog.v3.StreamAccessLogsMessage', message)));
    call.end();
  });
  client.close();
}

/** Runs the command, logs as soon as it listens, and gives what it said. */
async function tapped(args: string[], ...requests: Parameters<typeof logged>) {
  const ended = malha(['tap', '--http', http, ...args], { interrupted: new Promise(() => {}) });
  let isOver = false;
  const over = ended.finally(() => {
    isOver = true;
  });
  for (let n = 0; n < 20 && !isOver; n++) {
    await sleep(200);
    await logged(...requests);
  }
  return over;
}

describe('malha tap', () => {
  test('shows one line a request, without the query', async () => {
    const { code, stdout } = await tapped(['--limit', '1'], { path: '/a?token=s3cret', code: 200 });
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} service-0-0\.team-0 → service-0-1\.team-0\.svc\.cluster\.local GET \/a 200 4\.0 ms\n$/,
    );
  });

  test('shows what a filter lets through, as JSON one object a line', async () => {
    const { stdout } = await tapped(
      [
        '--limit',
        '2',
        '--status',
        '5xx,404',
        '--from',
        'service-0-0',
        '--to',
        'service-0-1',
        '--namespace',
        'team-0',
        '-o',
        'json',
      ],
      { path: '/well', code: 200 },
      { path: '/broken', code: 503 },
      { path: '/missing', code: 404 },
      { path: '/elsewhere', code: 503, host: 'service-0-2' },
    );
    const shown = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(shown.map(({ path, code }) => `${path} ${code}`)).toEqual(['/broken 503', '/missing 404']);
  });

  test('says how many went by unseen', async () => {
    const many = Array.from({ length: 2_500 }, () => ({ path: '/many', code: 200 }));
    const { stderr } = await tapped(['--limit', '1'], ...many);
    expect(stderr).toMatch(/^malha: \d+ requests went by unseen\n/);
  });

  test.each([
    [['--status', 'bad'], 'codes are wanted, such as 404 or 5xx'],
    [['--limit', '0'], 'a whole number is wanted'],
    [['--http', 'http://127.0.0.1:1'], 'no control plane answers at http://127.0.0.1:1 (ECONNREFUSED)'],
    [['--token-file', '/dev/null'], '--token-file is for TLS'],
  ])('refuses %j, and says what is wanted', async (args, complaint) => {
    const { code, stderr } = await malha(['tap', ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(complaint);
  });
});

describe('malha graph', () => {
  test('draws what files declare', async () => {
    const { code, stdout } = await malha(['graph', folder]);
    expect(code).toBe(0);
    expect(stdout).toContain('subgraph ns0["team-0"]');
    expect(stdout).toMatch(/^ {2}n0 --> n1$/m);
    const { stdout: svg } = await malha(['graph', folder, '-o', 'svg']);
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    expect(svg.match(/class="node service"/g)).toHaveLength(5);
    expect(svg).not.toContain('NaN');
  });

  test('shows of a running mesh what was seen beside what is declared', async () => {
    await logged({ path: '/', code: 200 }, { path: '/', code: 200, host: 'service-0-4' });
    const { stdout } = await malha(['graph', '--http', http, '-o', 'json']);
    const { edges } = JSON.parse(stdout) as ServiceGraph;
    const states = edges.map(({ source, target, state }) => `${source} ${target} ${state}`);
    expect(states).toContain('team-0/service-0-0 team-0/service-0-1 expected');
    expect(states).toContain('team-0/service-0-1 team-0/service-0-2 unseen');
    expect(states).toContain('team-0/service-0-0 team-0/service-0-4 undeclared');
  });
});

describe('malha console', () => {
  const KEY = 'a'.repeat(32);
  const ask = (port: number, path: string, headers: Record<string, string> = {}) =>
    new Promise<{ code: number; body: string; headers: IncomingHttpHeaders }>((resolve, reject) => {
      request({ host: '127.0.0.1', port, path, headers }, (response) => {
        let body = '';
        response.on('data', (text) => {
          body += text;
        });
        response.on('end', () => resolve({ code: response.statusCode!, body, headers: response.headers }));
      })
        .on('error', reject)
        .end();
    });

  test('shows the control plane’s pages to whoever has its key, and to nobody else', async () => {
    const server = consoleServer(await ControlPlaneClient.open({ http }), KEY);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    expect((await ask(port, '/graph')).code).toBe(403);
    expect((await ask(port, '/?key=wrong')).code).toBe(403);
    const entered = await ask(port, `/?key=${KEY}`);
    expect([entered.code, entered.headers.location]).toEqual([303, '/']);
    expect(entered.headers['set-cookie']![0]).toMatch(/HttpOnly; SameSite=Strict/);
    const cookie = entered.headers['set-cookie']![0]!.split(';')[0]!;
    expect((await ask(port, '/', { cookie })).body).toContain('<title>Malha</title>');
    expect(JSON.parse((await ask(port, '/graph', { cookie })).body).nodes).toHaveLength(5);
    expect((await ask(port, '/metrics', { cookie })).code).toBe(404);
    expect((await ask(port, '/', { cookie, host: 'evil.example' })).code).toBe(403);
    server.close();
  });

  test('says so when there is no control plane', async () => {
    const { code, stderr } = await malha(['console', '--http', 'http://127.0.0.1:1']);
    expect(code).toBe(2);
    expect(stderr).toContain('no control plane answers');
  });
});
