import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { malha } from './captured-io';

const folder = mkdtempSync(join(tmpdir(), 'malha-control-plane-'));
writeFileSync(
  join(folder, 'a.yaml'),
  'apiVersion: v1\nkind: Service\nmetadata: { name: a, namespace: shop }\nspec: { ports: [{ name: http, port: 80 }] }\n',
);
const ADDRESSES = ['--xds', '127.0.0.1:0', '--http', '127.0.0.1:0'];

describe('malha control-plane', () => {
  test('serves until it is asked to end, and logs JSON', async () => {
    const { code, stdout } = await malha(['control-plane', '--files', folder, ...ADDRESSES]);
    expect(code).toBe(0);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ msg }) => msg)).toEqual(
      expect.arrayContaining(['control plane is ready', 'control plane stops']),
    );
    expect(lines.find(({ msg }) => msg === 'control plane is ready')).toMatchObject({ configuration: 'current' });
  });

  test('makes an authority in an empty folder, and takes it up again', async () => {
    const folderOfKeys = join(mkdtempSync(join(tmpdir(), 'malha-citadel-')), 'keys');
    const args = ['--xds', 'none', '--xds-tls', '127.0.0.1:0', '--http', '127.0.0.1:0', '--citadel', folderOfKeys];
    const said = async () => {
      const { code, stdout } = await malha(['control-plane', '--files', folder, ...args]);
      expect(code).toBe(0);
      const lines = stdout.trim().split('\n');
      return lines.map((line) => JSON.parse(line) as { msg: string; xds?: number; xdsTls?: number });
    };
    const first = await said();
    expect(first.map(({ msg }) => msg)).toContain('authority: root made');
    const ready = first.find(({ msg }) => msg === 'control plane is ready')!;
    expect(ready.xds).toBe(0);
    expect(ready.xdsTls).toBeGreaterThan(0);
    expect((await said()).map(({ msg }) => msg)).not.toContain('authority: root made');
  });

  test('can be asked by proxy-status while it runs', async () => {
    let end = () => {};
    const interrupted = new Promise<void>((resolve) => {
      end = resolve;
    });
    const free = await freePort();
    const http = `127.0.0.1:${free}`;
    const running = malha(['control-plane', '--files', folder, '--xds', '127.0.0.1:0', '--http', http], {
      interrupted,
    });
    let status = await malha(['proxy-status', '--http', http]);
    for (let i = 0; i < 100 && status.code !== 0; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      status = await malha(['proxy-status', '--http', http]);
    }
    expect(status).toMatchObject({ code: 0, stdout: 'no proxy is connected\n' });
    const page = await (await fetch(`http://${http}/`)).text();
    expect(page).toContain('<title>Malha</title>');
    end();
    expect((await running).code).toBe(0);
  });

  test('says what is wrong when a port is taken, and ends with 2', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const http = `127.0.0.1:${(taken.address() as { port: number }).port}`;
    const { code, stderr } = await malha(['control-plane', '--files', folder, '--xds', '127.0.0.1:0', '--http', http]);
    taken.close();
    expect(code).toBe(2);
    expect(stderr).toBe(
      `malha: cannot serve HTTP on ${http}: the port is in use; stop what uses it or choose another\n`,
    );
  });

  test.each([
    ['a folder that is not there', ['--files', join(folder, 'none'), ...ADDRESSES], "there is no file or folder '"],
    ['an address that is none', ['--files', folder, '--xds', 'here'], "'here' is no address to listen on"],
    [
      'another registry',
      ['--files', folder, '--registry', 'consul'],
      "argument 'consul' is invalid. Allowed choices are files, kubernetes.",
    ],
    ['TLS without an authority', ['--files', folder, '--xds-tls', '127.0.0.1:0'], 'belong together'],
    [
      'two authorities',
      ['--files', folder, '--xds-tls', '127.0.0.1:0', '--citadel', 'a', '--vault', 'https://v:1/pki/r'],
      'only one can sign',
    ],
    [
      'a Vault without TLS',
      ['--files', folder, '--xds-tls', '127.0.0.1:0', '--vault', 'http://v:1/pki/r'],
      "'http://v:1/pki/r' is no Vault; write https://HOST:PORT/MOUNT/ROLE",
    ],
    ['no files', [], '--files is missing; name a file or folder'],
    ['a range that is none', ['--files', folder, '--pod-range', 'x'], 'an IPv4 range is wanted, such as 198.18.0.0/16'],
  ])('does not start with %s', async (_, args, message) => {
    const { code, stderr } = await malha(['control-plane', ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
