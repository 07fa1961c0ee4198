/** A processor on malha/ext-proc, wired by the construct, behind a real Envoy. */
import { request } from 'node:http';
import { ExternalProcessing, MeshService, Port } from '../../../constructs';
import type { KubeObject } from '../../../lib/api/object';
import { type RunningProcessor, reply, serveProcessor } from '../../../lib/mixer/external-processing';
import { Program } from '../../constructs/program';
import { NAMESPACE, PolicedEnvoy } from '../../pilot/authorization/policed-envoy';
import { service, slice } from '../../world/sample';

const HOST = '127.83.1.1';

/** What the construct writes for service `server` of the shop. */
function filters(whenFailing: 'refuse' | 'pass'): KubeObject[] {
  const program = new Program();
  const { mesh, shop } = program;
  const processor = new MeshService(shop, 'processor', { mesh, port: Port.grpc(9300), image: 'shop/processor:1' });
  const server = new MeshService(shop, 'server', { mesh, port: Port.http(80), image: 'shop/server:1' });
  const sees = ['requestBody', 'responseHeaders', 'responseBody'] as const;
  new ExternalProcessing(shop, 'watch', { service: processor, whenFailing, sees }).processFor(server);
  expect(program.complaint).toBe('nothing');
  return program.objects.filter(({ kind }) => kind === 'EnvoyFilter');
}

describe('an external processor', () => {
  let processor: RunningProcessor;
  let envoy: PolicedEnvoy;
  const errors: string[] = [];

  beforeAll(async () => {
    processor = await serveProcessor({
      address: `${HOST}:0`,
      onError: ({ message }) => void errors.push(message),
      handlers: {
        requestHeaders(headers, { state }) {
          state['path'] = headers[':path'];
          if (headers[':path'] === '/throws') throw new Error('out of order');
          if (headers[':path'] === '/slow') return new Promise(() => {});
          if (headers[':path'] === '/closed') return reply(418, 'closed', { 'x-why': 'tea' });
          return { set: { 'x-seen-by': 'processor', 'x-forged': 'mine' }, remove: ['x-secret'] };
        },
        requestBody: (body) => ({ body: `${body.toString()} and more` }),
        responseHeaders: (headers, { requestHeaders, state }) => ({
          set: { 'x-answer': `${headers[':status']} ${requestHeaders[':method']} ${String(state['path'])}` },
        }),
        responseBody: (body, { state }) => (state['path'] === '/short' ? { body: `${body.length > 2}` } : undefined),
      },
    });
    const at = (port: number) => [
      service('processor', NAMESPACE, { ports: [{ name: 'grpc', port: 9300, targetPort: port }] }),
      { ...slice('processor', NAMESPACE, [HOST], port), ports: [{ name: 'grpc', port }] },
    ];
    const mesh = (whenFailing: 'refuse' | 'pass', port = processor.port) => [...at(port), ...filters(whenFailing)];
    const meshes = [mesh('refuse'), mesh('pass')] as KubeObject[][];
    envoy = await PolicedEnvoy.start(
      meshes.map((objects) => () => objects),
      { network: 83 },
    );
  }, 60_000);

  afterAll(async () => {
    await envoy?.stop();
    await processor?.stop();
  });

  test('changes the headers of requests and of answers, and keeps what it knows between the two', async () => {
    const { status, body, headers } = await envoy.ask(0, {
      path: '/a?b',
      headers: { 'x-secret': '1', 'x-forged': '2' },
    });
    expect(status).toBe(200);
    expect(body).toContain('"x-seen-by":"processor"');
    expect(body).toContain('"x-forged":"mine"');
    expect(body).not.toContain('x-secret');
    expect(headers['x-answer']).toBe('200 GET /a?b');
  });

  test('takes the place of a body, whose length is then right', async () => {
    expect(await envoy.ask(0, { path: '/short' })).toMatchObject({
      status: 200,
      body: 'true',
      headers: { 'content-length': '4' },
    });
  });

  test('answers in place of the service', async () => {
    expect(await envoy.ask(0, { path: '/closed' })).toMatchObject({
      status: 418,
      body: 'closed',
      headers: { 'x-why': 'tea' },
    });
  });

  test.each([
    ['throws', '/throws', 500],
    ['is late', '/slow', 504],
  ])('that %s refuses the request, unless failures may pass', async (_, path, status) => {
    expect((await envoy.ask(0, { path })).status).toBe(status);
    expect((await envoy.ask(1, { path })).status).toBe(200);
  });

  test('is told to its operator when a handler fails, and to nobody else', async () => {
    const { body } = await envoy.ask(0, { path: '/throws' });
    expect(errors).toContain('out of order');
    expect(body).not.toContain('out of order');
  });

  test('never makes the proxy hold more than its buffer: a larger body is refused', async () => {
    expect((await send(envoy, 'a'.repeat(2 * 1024 * 1024))).status).toBe(413);
    const { status, body } = await send(envoy, 'small');
    expect(status).toBe(200);
    // What the service got is the body of the processor.
    expect(body).toContain(`"content-length":"${'small and more'.length}"`);
  });
});

function send(envoy: PolicedEnvoy, body: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const options = { host: envoy.address(0), port: envoy.ports.http, method: 'POST', agent: false as const };
    const sent = request({ ...options, headers: { host: 'server.shop' } }, (response) => {
      let answer = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        answer += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: answer }));
    });
    // The proxy has answered, and hangs up on the rest.
    sent.on('error', (error: NodeJS.ErrnoException) => (error.code === 'EPIPE' ? undefined : reject(error)));
    sent.end(body);
  });
}
