/**
 * THREATS 26 at a sidecar: a TLS session that was resumed is believed without a look at the certificate behind it. A real Envoy
 * with the listener of a STRICT workload, and a client that keeps its session beyond its certificate, and beyond its root; or its
 * connection.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { connect as connectHttp2, constants } from 'node:http2';

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { Authority, type Leaf } from '../../lib/citadel/authority';
import { IDENTITY_DIRECTORY } from '../../lib/injector';
import { identityVolume, secretFiles } from '../../lib/injector/identity';
import { findEnvoy } from '../../lib/local/envoy-binary';
import { Translator } from '../../lib/pilot';
import { proxyNamed, World } from '../../lib/world';
import { EchoServer } from '../pilot/echo-server';
import { pod, service } from '../world/sample';
import { freePort } from '../xds/plain-envoy';

const ADDRESS = '127.78.9.1';
const identity = (serviceAccount: string) => ({
  identity: { trustDomain: 'cluster.local', namespace: 'shop', serviceAccount },
});
const clock = () => new Date();

let folder: string;
let volume: string;
let envoy: ChildProcess;
let echo: EchoServer;
let before: Authority;
let after: Authority;
let port: number;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'malha-resumption-'));
  volume = join(folder, 'identity');
  [before, after] = await Promise.all([
    Authority.selfSigned({ name: 'before', clock }),
    Authority.selfSigned({ name: 'after', clock }),
  ]);
  await mkdir(volume);
  for (const file of ['credential-bundle.pem', 'trust-bundle.pem']) await symlink(`..data/${file}`, join(volume, file));
  for (const [name, text] of Object.entries(secretFiles('podCertificate', volume)))
    await writeFile(join(volume, name), text);
  await trustIn(before);
  port = await freePort();
  const app = await freePort();
  echo = await EchoServer.start('server', '127.0.0.1', app);
  envoy = await serve(port, app);
}, 60_000);

afterAll(async () => {
  const exited = once(envoy, 'exit');
  envoy.kill('SIGKILL');
  await exited;
  echo.close();
  await rm(folder, { recursive: true });
});

/** As the kubelet does it: a new folder, then the symlink. The server's own certificate is of the same authority. */
async function trustIn(authority: Authority): Promise<void> {
  const leaf = await authority.issue(identity('server'));
  const name = `..${Date.now()}`;
  await mkdir(join(volume, name));
  await writeFile(join(volume, name, 'credential-bundle.pem'), leaf.keyPem + leaf.certPem);
  await writeFile(join(volume, name, 'trust-bundle.pem'), authority.certPem);
  await symlink(name, join(volume, '..data_tmp'));
  await rename(join(volume, '..data_tmp'), join(volume, '..data'));
}

/** The workload's inbound listener, as the translator makes it. */
async function serve(http: number, app: number): Promise<ChildProcess> {
  const server = pod('server', 'shop', { app: 'server' }, ADDRESS);
  const world = World.of([
    { ...server, spec: { ...server.spec, volumes: [identityVolume('podCertificate')] } } as typeof server,
    service('server', 'shop', { ports: [{ name: 'http', port: http }] }),
    {
      apiVersion: 'security.istio.io/v1',
      kind: 'PeerAuthentication',
      metadata: { name: 'default', namespace: 'istio-system' },
      spec: { mtls: { mode: 'STRICT' } },
    },
  ]);
  const snapshot = new Translator().snapshot(world, proxyNamed(world, 'server.shop', { capture: 'NONE' })!);
  const listeners = snapshot.listeners.filter(({ name }) => name.endsWith(`_${http}`));
  expect(listeners).toHaveLength(1);
  const endpoint = { address: { socket_address: { address: '127.0.0.1', port_value: app } } };
  const cluster = `inbound|${http}||`;
  const config = {
    node: { id: 'server', cluster: 'server' },
    static_resources: {
      listeners: listeners.map(({ message }) => message),
      clusters: [
        {
          name: cluster,
          type: 'STATIC',
          load_assignment: { cluster_name: cluster, endpoints: [{ lb_endpoints: [{ endpoint }] }] },
        },
      ],
    },
  };
  // An hour is long for a test.
  const text = JSON.stringify(config).replaceAll(IDENTITY_DIRECTORY, volume).replaceAll('"3600s"', '"2s"');
  const { path } = await findEnvoy();
  const args = ['--config-yaml', text, '--use-dynamic-base-id', '--concurrency', '1', '-l', 'error'];
  return spawn(path, args, { stdio: 'ignore' });
}

interface Answer {
  readonly status: number;
  readonly isResumed: boolean;
  readonly session?: Buffer;
}

/** Status 0: the connection was refused. */
function ask({ certPem, keyPem }: Leaf, session?: Buffer): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect({
      host: ADDRESS,
      port,
      cert: certPem,
      key: keyPem,
      session,
      rejectUnauthorized: false,
      ALPNProtocols: ['istio-http/1.1', 'istio', 'http/1.1'],
    });
    let ticket: Buffer | undefined;
    let text = '';
    const over = () => {
      const status = Number(/^HTTP\/1.1 (\d+)/.exec(text)?.[1] ?? 0);
      resolve({ status, isResumed: socket.isSessionReused(), session: ticket ?? socket.getSession() });
      socket.destroy();
    };
    socket.on('session', (given: Buffer) => {
      ticket = given;
    });
    socket.on('data', (part) => {
      text += part;
      over();
    });
    for (const event of ['error', 'close', 'end']) socket.on(event, over);
    socket.write('GET / HTTP/1.1\r\nhost: server.shop\r\n\r\n');
  });
}

const eventually = async (check: () => Promise<void>) => {
  for (const end = Date.now() + 15_000; ; await sleep(50)) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
};

describe('a session that a client has kept', () => {
  test('does not get it in when its certificate has ended', async () => {
    const short = await before.issue(identity('page'), 4);
    const end = Date.now() + 4_000;
    let first: Answer | undefined;
    await eventually(async () => {
      first = await ask(short);
      expect(first.status).toBe(200);
    });
    // Still good: it gets in, by a handshake of its own.
    expect(await ask(short, first!.session)).toMatchObject({ status: 200, isResumed: false });
    await sleep(end + 1_000 - Date.now());
    expect((await ask(short)).status).toBe(0);
    expect(await ask(short, first!.session)).toMatchObject({ status: 0 });
  });

  test('does not get it in when its root has been rotated away', async () => {
    const page = await before.issue(identity('page'));
    const first = await ask(page);
    expect(first.status).toBe(200);
    await trustIn(after);
    await eventually(async () => expect((await ask(page)).status).toBe(0));
    expect(await ask(page, first.session)).toMatchObject({ status: 0 });
    const next = await after.issue(identity('page'));
    expect((await ask(next)).status).toBe(200);
    expect(await ask(next, first.session)).toMatchObject({ status: 200, isResumed: false });
  });
});

describe('a connection that a client keeps open', () => {
  /** What it is answered, one request after another, until the server ends it. */
  function askOn(
    { certPem, keyPem }: Leaf,
    protocol: 'h2' | 'http/1.1',
  ): Promise<{ statuses: number[]; seconds: number }> {
    const began = Date.now();
    const dial = { host: ADDRESS, port, cert: certPem, key: keyPem, rejectUnauthorized: false };
    const socket = connect({
      ...dial,
      ALPNProtocols: [protocol === 'h2' ? 'istio-h2' : 'istio-http/1.1', 'istio', protocol],
    });
    const statuses: number[] = [];
    return new Promise((resolve) => {
      const over = () => resolve({ statuses, seconds: (Date.now() - began) / 1_000 });
      if (protocol === 'h2') {
        const session = connectHttp2('http://server.shop', { createConnection: () => socket });
        const next = () => {
          if (session.closed || session.destroyed) return;
          const request = session.request({ ':path': '/' });
          request
            .on('response', ({ ':status': status }) => statuses.push(status!))
            // Between the GOAWAY and its event, the client itself refuses to send: nothing was begun (RFC 9113, 8.7).
            .on('error', () => request.rstCode !== constants.NGHTTP2_REFUSED_STREAM && statuses.push(0))
            .on('end', () => setTimeout(next, 20))
            .resume();
        };
        session.on('error', over).on('close', over);
        next();
        return;
      }
      const next = () => socket.write('GET / HTTP/1.1\r\nhost: server.shop\r\n\r\n');
      socket.on('data', (part) => {
        const status = /^HTTP\/1.1 (\d+)/.exec(String(part))?.[1];
        if (status) statuses.push(Number(status));
        if (/^connection: close/im.test(String(part))) statuses.push(0);
        else if (status) setTimeout(next, 20);
      });
      socket.on('error', over).on('close', over);
      next();
    });
  }

  test.each(['h2', 'http/1.1'] as const)('of %s is ended by the server, with nothing lost', async (protocol) => {
    const page = await after.issue(identity('page'));
    const { statuses, seconds } = await askOn(page, protocol);
    expect(seconds).toBeGreaterThan(1.9);
    expect(seconds).toBeLessThan(10);
    // HTTP/1 is told so with its last answer.
    expect(statuses.pop()).toBe(protocol === 'h2' ? 200 : 0);
    expect(new Set(statuses)).toEqual(new Set([200]));
  });
});
