/** How a run begins and ends: what is refused before it starts, what is left when it is over. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningMesh, type UpOptions, up } from '../../lib/local';
import { captures } from './captures';
import { destinationRule, gateway, ManifestFolder, namespace, service, to, virtualService } from './manifests';

jest.setTimeout(90_000);

describe.each(captures)('a run in %s capture', (capture) => {
  let folder: ManifestFolder;
  let mesh: RunningMesh | undefined;
  afterEach(async () => {
    await mesh?.stop();
    mesh = undefined;
    folder.remove();
  });

  test('leaves nothing behind when it is stopped, and can be stopped twice', async () => {
    folder = new ManifestFolder({ 'all.yaml': [namespace('shop'), ...service('web', ['v1'])] });
    mesh = await up({ dir: folder.path, capture, port: 0 });
    const { directory } = mesh;
    expect(processesOf(folder.path).length).toBeGreaterThan(0);
    await Promise.all([mesh.stop(), mesh.stop()]);
    expect(processesOf(folder.path)).toEqual([]);
    expect(existsSync(directory)).toBe(false);
  });

  test('leaves no process behind when it is killed, and its folder to the next run', async () => {
    folder = new ManifestFolder({ 'all.yaml': [namespace('shop'), ...service('web', ['v1'])] });
    const { child, directory } = await upInProcess(folder.path, capture);
    expect(processesOf(folder.path).length).toBeGreaterThan(1);
    child.kill('SIGKILL');
    await until(() => processesOf(folder.path).length === 0);
    expect(existsSync(directory)).toBe(true);

    mesh = await up({ dir: folder.path, capture, port: 0 });
    expect(existsSync(directory)).toBe(false);
  });

  test('does not meet another run on the same machine', async () => {
    folder = new ManifestFolder({ 'all.yaml': [namespace('shop'), ...service('web', ['v1'])] });
    mesh = await up({ dir: folder.path, capture, port: 0 });
    const other = await up({ dir: folder.path, capture, port: 0 });
    try {
      for (const each of [mesh, other]) {
        const { host, port } = await each.address('web-v1.shop', 8080);
        expect((await fetch(`http://${host}:${port}/`)).status).toBe(200);
      }
    } finally {
      await other.stop();
    }
  });

  test('serves HTTPS by a certificate of its own where the Secret is not in the manifests', async () => {
    const tls = gateway().map((object) => {
      if (object.kind === 'Service')
        return {
          ...object,
          spec: { ...(object.spec as object), ports: [{ name: 'https', port: 443, targetPort: 8443 }] },
        };
      if (object.kind !== 'Gateway') return object;
      const server = { port: { number: 443, name: 'https', protocol: 'HTTPS' }, hosts: ['*.shop.localhost'] };
      return {
        ...object,
        spec: {
          ...(object.spec as object),
          servers: [{ ...server, tls: { mode: 'SIMPLE', credentialName: 'shop-tls' } }],
        },
      };
    });
    const route = { hosts: ['www.shop.localhost'], gateways: ['edge'] };
    folder = new ManifestFolder({
      'all.yaml': [
        namespace('shop'),
        ...service('web', ['v1']),
        ...tls,
        destinationRule('web', ['v1']),
        virtualService('entry', [{ route: [to('web.shop.svc.cluster.local', 'v1')] }], route),
      ],
    });
    mesh = await up({ dir: folder.path, capture, port: 0, httpsPort: 0 });
    expect(mesh.url).toBeUndefined();
    const port = Number(new URL(mesh.httpsUrl!).port);
    const ca = readFileSync(mesh.caFile!);
    const servername = 'www.shop.localhost';
    const body = await new Promise<string>((resolve, reject) => {
      const options = { host: '127.0.0.1', port, ca, servername, headers: { host: servername } };
      request(options, (response) => text(response).then(resolve, reject))
        .on('error', reject)
        .end();
    });
    expect(JSON.parse(body)).toMatchObject({ pod: 'web-v1' });
  });

  test('is refused when its port is in use, with the fix, before anything runs', async () => {
    folder = new ManifestFolder({ 'all.yaml': [namespace('shop'), ...service('web', ['v1']), ...gateway()] });
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      await expect(refusal({ dir: folder.path, capture, port })).rejects.toThrow(
        `port ${port} of 127.0.0.1 is in use; stop what listens there, or give another with --port`,
      );
    } finally {
      server.close();
    }
    expect(processesOf(folder.path)).toEqual([]);
  });

  test('is given up when a workload does not come up, with its name and the end of its log', async () => {
    const run = `node -e "console.error('no database'); process.exit(7)"`;
    folder = new ManifestFolder({
      'all.yaml': [namespace('shop'), ...service('web', ['v1'], { 'malha.dev/run': run })],
    });
    const attempt = refusal({ dir: folder.path, capture, port: 0 });
    await expect(attempt).rejects.toThrow(
      /app of web-v1\.shop ended with exit code 7; the end of its log:\n.*no database/s,
    );
    await expect(attempt).rejects.toThrow(/\nlogs of this run: \/.+\/logs$/);
    expect(processesOf(folder.path)).toEqual([]);
  });

  test('is given up in time when a workload never listens', async () => {
    folder = new ManifestFolder({
      'all.yaml': [namespace('shop'), ...service('web', ['v1'], { 'malha.dev/run': 'sleep 60' })],
    });
    await expect(refusal({ dir: folder.path, capture, port: 0, timeoutMs: 6000 })).rejects.toThrow(
      /app of web-v1\.shop does not listen on port 8080 of \d+\.\d+\.\d+\.\d+ in time/,
    );
  });
});

describe('a folder', () => {
  test('that holds no objects is refused', async () => {
    const folder = new ManifestFolder({});
    await expect(refusal({ dir: folder.path })).rejects.toThrow(
      `${folder.path}: there are no objects; give a folder of manifests`,
    );
    folder.remove();
  });

  test('with a file that does not parse is refused, with the line', async () => {
    const folder = new ManifestFolder({ 'bad.yaml': 'apiVersion: v1\nkind: [Service\n' });
    await expect(refusal({ dir: folder.path })).rejects.toThrow(/bad\.yaml:\d+: \w+ /);
    folder.remove();
  });
});

/** A run that should not come up; one that does is stopped, so that it does not outlive its test. */
async function refusal(options: UpOptions): Promise<void> {
  const mesh = await up(options);
  await mesh.stop();
}

/** The command lines of living processes that speak of this folder: the control plane's does. */
function processesOf(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((pid) => {
      try {
        return readFileSync(join('/proc', pid, 'cmdline'), 'utf8').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    })
    .filter((command) => command.includes(folder));
}

/** A run in a process of its own, which can be killed. */
async function upInProcess(dir: string, capture: string): Promise<{ child: ChildProcess; directory: string }> {
  const program = `require(${JSON.stringify(join(__dirname, '../../dist/lib/local'))})
    .up({ dir: ${JSON.stringify(dir)}, capture: ${JSON.stringify(capture)}, port: 0 })
    .then((mesh) => process.send(mesh.directory), (error) => { console.error(error); process.exit(1); })`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const [directory] = (await once(child, 'message')) as [string];
  return { child, directory };
}

async function until(check: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!check()) {
    if (Date.now() > deadline) throw new Error(`not so within 10 s: ${check}`);
    await sleep(50);
  }
}
