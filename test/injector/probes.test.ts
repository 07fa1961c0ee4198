/** Probes of an application behind its proxy, by a real Envoy with the bootstrap that injection writes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Container } from '../../lib/api/kubernetes';
import { type Injectable, inject } from '../../lib/injector';
import { findEnvoy } from '../../lib/local/envoy-binary';

const PROXY = '127.77.1.1';

const injected = (container: Partial<Container>, annotations: Record<string, string> = {}) => {
  const template: Injectable = { metadata: { annotations }, spec: { containers: [{ name: 'main', ...container }] } };
  const { spec } = inject(template);
  const proxy = spec!.initContainers!.find(({ name }) => name === 'istio-proxy')!;
  const config = JSON.parse(proxy.args![proxy.args!.indexOf('--config-yaml') + 1]!.replaceAll('$(POD_IP)', PROXY));
  return { main: spec!.containers![0]!, config };
};

describe('the probes of an application', () => {
  test('go to its proxy, with their times and headers', () => {
    const { main } = injected({
      ports: [{ name: 'web', containerPort: 8080 }],
      readinessProbe: {
        httpGet: { path: '/ready', port: 'web', httpHeaders: [{ name: 'a', value: 'b' }] },
        periodSeconds: 3,
      },
      livenessProbe: { tcpSocket: { port: 8080 } },
      startupProbe: { grpc: { port: 9000 }, failureThreshold: 30 },
    });
    expect(main).toMatchObject({
      readinessProbe: {
        httpGet: { path: '/app-health/main/readyz', port: 15021, httpHeaders: [{ name: 'a', value: 'b' }] },
        periodSeconds: 3,
      },
      livenessProbe: { httpGet: { path: '/app-health/main/livez', port: 15021 } },
      startupProbe: { httpGet: { path: '/app-health/main/startupz', port: 15021 }, failureThreshold: 30 },
    });
    expect(JSON.stringify(main)).not.toMatch(/tcpSocket|grpc/);
  });

  test.each([
    ['a command', { readinessProbe: { exec: { command: ['true'] } } }, {}],
    ['another host', { readinessProbe: { httpGet: { port: 80, host: '10.0.0.1' } } }, {}],
    ['a port that is not declared', { readinessProbe: { httpGet: { port: 'web' } } }, {}],
    ['the wish', { readinessProbe: { httpGet: { port: 80 } } }, { 'sidecar.istio.io/rewriteAppHTTPProbers': 'false' }],
  ])('stay as they are by %s', (_, container, annotations) => {
    expect(injected(container, annotations).main).toMatchObject(container);
  });
});

describe('a proxy', () => {
  let envoy: ChildProcess | undefined;
  const servers: Server[] = [];

  afterEach(async () => {
    const exited = new Promise((resolve) => envoy?.once('exit', resolve));
    if (envoy?.kill('SIGKILL')) await exited;
    for (const server of servers.splice(0)) server.close();
  });

  async function listening(server: Server): Promise<number> {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }

  async function start(container: Partial<Container>) {
    const { config } = injected(container);
    delete config.dynamic_resources;
    delete config.admin;
    const statics = config.static_resources;
    statics.listeners = statics.listeners.filter(({ name }: { name: string }) => name === 'readiness');
    statics.clusters = statics.clusters.filter(({ name }: { name: string }) => name.startsWith('probe|'));
    const { path } = await findEnvoy();
    const args = [
      '--config-yaml',
      JSON.stringify(config),
      '--use-dynamic-base-id',
      '--concurrency',
      '1',
      '-l',
      'error',
    ];
    envoy = spawn(path, args, { stdio: 'ignore' });
  }

  const ask = async (kind: string) => {
    try {
      return (await fetch(`http://${PROXY}:15021/app-health/main/${kind}`)).status;
    } catch {
      return 0;
    }
  };

  async function eventually(kind: string, status: number): Promise<void> {
    for (const end = Date.now() + 15_000; (await ask(kind)) !== status; await sleep(50)) {
      if (Date.now() > end) throw new Error(`/app-health/main/${kind} is not ${status} but ${await ask(kind)}`);
    }
  }

  test('passes an HTTP probe on to its one path, with the answer', async () => {
    const asked: string[] = [];
    let status = 200;
    const port = await listening(
      createHttpServer((request: IncomingMessage, response) => {
        asked.push(request.url!);
        response.writeHead(status).end();
      }),
    );
    await start({ readinessProbe: { httpGet: { path: '/ready?full=1', port } } });
    await eventually('readyz', 200);
    status = 503;
    await eventually('readyz', 503);
    expect(new Set(asked)).toEqual(new Set(['/ready?full=1']));
    expect((await fetch(`http://${PROXY}:15021/ready`)).status).toBe(404);
  });

  test('answers a TCP probe by whether the application listens', async () => {
    const port = await listening(createServer((socket) => socket.end()));
    await start({ livenessProbe: { tcpSocket: { port }, periodSeconds: 1 } });
    await eventually('livez', 200);
    await new Promise((resolve) => servers.pop()!.close(resolve));
    await eventually('livez', 503);
  });

  test('answers a gRPC probe of an application that is not there with 503', async () => {
    const server = createServer();
    const port = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    await start({ startupProbe: { grpc: { port } } });
    await eventually('startupz', 503);
  });
});
