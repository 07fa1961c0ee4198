/** The root file system of the image: what runs from it, as whom, and what is not in it. Needs root, and `npm run build`. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');
const MALHA = '/usr/bin/node /app/dist/apps/cli/main.js';
/** As an image's process has it: nothing of this machine's environment. */
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };

const folder = mkdtempSync(join(tmpdir(), 'malha-image-'));
const rootfs = join(folder, 'rootfs');

const SERVICE = `apiVersion: v1
kind: Service
metadata: { name: reviews, namespace: shop }
spec: { ports: [{ name: http, port: 80 }], selector: { app: reviews } }
`;

beforeAll(() => {
  if (process.getuid?.() !== 0) throw new Error('chroot needs root: run this test as root');
  execFileSync(join(ROOT, 'scripts/assemble-image'), [rootfs], { stdio: ['ignore', 'pipe', 'pipe'] });
  mkdirSync(join(rootfs, 'mesh'));
  writeFileSync(join(rootfs, 'mesh/shop.yaml'), SERVICE);
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a shell script of this machine; the programs that it starts by chroot are the image's. */
const shell = (script: string, unshare: string[] = []) =>
  execFileSync('unshare', ['--mount', ...unshare, 'sh', '-ec', script], { env: ENVIRONMENT, encoding: 'utf8' });

const asUser = `chroot --userspec=65532:65532 ${rootfs} ${MALHA}`;
/** In a mount namespace of its own, the image can be mounted as the kubelet mounts it. */
const readOnly = `mount --bind ${rootfs} ${rootfs}; mount -o remount,ro,bind ${rootfs};`;

describe('the image', () => {
  test('answers as a command line, for a user without rights', () => {
    expect(shell(`${readOnly} ${asUser} version`)).toMatch(/^malha {2}\d/);
  });

  test('serves as a control plane from a read-only root, for a user without rights', async () => {
    const [xds, http] = [await freePort(), await freePort()];
    const command = `control-plane --registry files --files /mesh --xds 127.0.0.1:${xds} --http 127.0.0.1:${http}`;
    const script = `${readOnly} ! touch ${rootfs}/probe 2>/dev/null; exec ${asUser} ${command}`;
    const child = spawn('unshare', ['--mount', 'sh', '-ec', script], {
      env: ENVIRONMENT,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    try {
      expect(await ready(`http://127.0.0.1:${http}/readyz`, child)).toBe(200);
      expect(readFileSync(`/proc/${child.pid}/status`, 'utf8')).toMatch(/^Uid:\t65532\t/m);
      expect(existsSync(join(rootfs, 'probe'))).toBe(false);
    } finally {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
  });

  test('redirects a pod as an init container, with NET_ADMIN and NET_RAW only', () => {
    // chroot itself needs SYS_CHROOT, which a container's runtime has no need of.
    const capabilities = 'setpriv --bounding-set=-all,+net_admin,+net_raw,+sys_chroot --inh-caps=-all';
    const init = `${capabilities} chroot ${rootfs} ${MALHA} init`;
    const rules = shell(`${readOnly} KUBERNETES_SERVICE_HOST=10.0.0.1 ${init}; iptables-save -t nat`, ['--net']);
    expect(rules).toContain('-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001');
    expect(rules).toContain('-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006');
  });

  test('holds no shell, and no program beside node and iptables', () => {
    const programs = ['bin', 'sbin', 'usr/bin', 'usr/sbin'].flatMap((path) =>
      existsSync(join(rootfs, path)) ? readdirSync(join(rootfs, path)) : [],
    );
    expect(programs.sort()).toEqual([
      'ip6tables-restore',
      'ip6tables-save',
      'iptables-restore',
      'iptables-save',
      'node',
    ]);
  });

  test('lists every one of its modules in a bill of materials', () => {
    const bill = JSON.parse(readFileSync(join(rootfs, 'app/sbom.json'), 'utf8'));
    const names: string[] = bill.components.map(({ group, name }: { group?: string; name: string }) =>
      group ? `${group}/${name}` : name,
    );
    expect(bill.bomFormat).toBe('CycloneDX');
    const modules = join(rootfs, 'app/node_modules');
    const there = readdirSync(modules)
      .filter((name) => !name.startsWith('.'))
      .flatMap((name) =>
        name.startsWith('@') ? readdirSync(join(modules, name)).map((inner) => `${name}/${inner}`) : name,
      );
    expect(there).toEqual(expect.arrayContaining(['@grpc/grpc-js', 'yaml']));
    expect(there.filter((name) => !names.includes(name))).toEqual([]);
  });
});

async function ready(url: string, child: ChildProcess): Promise<number | undefined> {
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      log += chunk;
    });
  }
  for (let attempt = 0; attempt < 100 && child.exitCode === null; attempt++) {
    const status = await statusOf(url);
    if (status === 200) return status;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the control plane is not ready:\n${log}`);
}

function statusOf(url: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    get(url, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', () => resolve(undefined));
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
