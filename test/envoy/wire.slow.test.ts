/**
 * What somebody sees who listens on the wire between the Pods: every frame that crosses the bridge of a running mesh, read by a
 * raw socket. The same requests in a mesh that takes plain traffic are the control: there the listener has to find them.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeObject } from '../../lib/api/object';
import { type RunningMesh, up } from '../../lib/local';
import { ManifestFolder, namespace, service } from './manifests';
import { requests } from './pod-client';

const SECRET = 'confidential-4711';

/** Writes every frame of all interfaces of its network namespace to a file, until its standard input closes. */
const LISTENER = `
import socket, sys, threading, os
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
out = open(sys.argv[1], 'wb', buffering=0)
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
print('listening', flush=True)
while True:
    out.write(s.recv(65535))
`;

const mode = (value: string): KubeObject => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'PeerAuthentication',
  metadata: { name: 'default', namespace: 'istio-system' },
  spec: { mtls: { mode: value } },
});

jest.setTimeout(120_000);

describe('the wire between the Pods', () => {
  let folder: ManifestFolder;
  let mesh: RunningMesh | undefined;
  let listener: ChildProcess | undefined;
  const directory = mkdtempSync(join(tmpdir(), 'malha-wire-'));

  afterEach(async () => {
    listener?.stdin?.end();
    await mesh?.stop();
    folder.remove();
    mesh = undefined;
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  async function start(peers: string): Promise<RunningMesh> {
    folder = new ManifestFolder({
      'services.yaml': [namespace('shop'), ...service('web', ['v1']), ...service('client', ['v1']), mode(peers)],
    });
    mesh = await up({ dir: folder.path, capture: 'transparent', port: 0 });
    return mesh;
  }

  /** What crosses the bridge while `work` is done. */
  async function captured(work: () => Promise<void>): Promise<Buffer> {
    const file = join(directory, `frames-${Date.now()}`);
    const [program, ...args] = [...mesh!.enter, 'python3', '-c', LISTENER, file];
    listener = spawn(program!, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(listener.stdout!, 'data');
    await work();
    const gone = once(listener, 'exit');
    listener.stdin!.end();
    await gone;
    return readFileSync(file);
  }

  const ask = async () => {
    const [reply] = await requests(mesh!, 'client-v1.shop', [
      { url: `http://web/${SECRET}`, headers: { 'x-word': SECRET } },
    ]);
    expect(reply).toMatchObject({ status: 200, echo: { path: `/${SECRET}` } });
  };

  test('shows nothing of a request where mutual TLS is all that is taken, and nobody gets in without', async () => {
    await start('STRICT');
    const frames = await captured(ask);
    expect(frames.length).toBeGreaterThan(1000);
    expect(frames.includes(SECRET)).toBe(false);
    await expect(plainly()).resolves.toBe('refused');
  });

  test('shows the request of a caller who has no certificate where plain traffic is taken', async () => {
    await start('PERMISSIVE');
    expect((await captured(ask)).includes(SECRET)).toBe(false);
    const frames = await captured(async () => expect(await plainly()).toBe('200'));
    expect(frames.includes(SECRET)).toBe(true);
  });

  /** From beside the Pods, without a certificate. */
  async function plainly(): Promise<string> {
    const { host, port } = await mesh!.address('web-v1.shop', 8080);
    return new Promise((resolve) => {
      get({ host, port, path: `/${SECRET}`, agent: false }, (response) => {
        response.resume();
        response.on('end', () => resolve(String(response.statusCode)));
      }).on('error', () => resolve('refused'));
    });
  }
});
