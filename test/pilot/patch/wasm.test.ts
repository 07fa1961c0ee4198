/** WasmPlugins in a real Envoy: a module from a file and over HTTP, and what happens where there is none to be had. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeObject } from '../../../lib/api/object';
import { NAMESPACE, PolicedEnvoy } from '../authorization/policed-envoy';
import { ADDS_HEADER, TRAPS, TRAPS_ON_DEMAND } from './wasm-modules';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('a WasmPlugin', () => {
  const folder = mkdtempSync(join(tmpdir(), 'malha-wasm-'));
  const asked: string[] = [];
  let server: Server;
  let envoy: PolicedEnvoy;
  const meshes = new Map<string, KubeObject[]>();

  beforeAll(async () => {
    writeFileSync(join(folder, 'adds.wasm'), ADDS_HEADER);
    writeFileSync(join(folder, 'traps.wasm'), TRAPS);
    server = createServer(({ url }, response) => {
      asked.push(url!);
      response.end(ADDS_HEADER);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const plugin = (name: string, spec: object) =>
      meshes.set(name, [
        {
          apiVersion: 'extensions.istio.io/v1alpha1',
          kind: 'WasmPlugin',
          metadata: { name: name.replaceAll(', ', '-').replaceAll(' ', '-'), namespace: NAMESPACE },
          spec,
        },
      ]);
    const digest = sha256(ADDS_HEADER);
    const modules = `http://modules.example:${port}`;
    plugin('file', { url: `file://${folder}/adds.wasm` });
    plugin('traps', { url: `file://${folder}/traps.wasm` });
    plugin('traps, may fail', { url: `file://${folder}/traps.wasm`, failStrategy: 'FAIL_OPEN' });
    writeFileSync(join(folder, 'trap.wasm'), TRAPS_ON_DEMAND);
    plugin('trapped', { url: `file://${folder}/trap.wasm` });
    plugin('trapped, reloads', { url: `file://${folder}/trap.wasm`, failStrategy: 'FAIL_RELOAD' });
    plugin('http', { url: `${modules}/right`, sha256: digest });
    plugin('changed', { url: `${modules}/changed`, sha256: sha256(TRAPS) });
    plugin('changed, may fail', { url: `${modules}/open`, sha256: sha256(TRAPS), failStrategy: 'FAIL_OPEN' });
    plugin('image', { url: `oci://modules.example/adds@sha256:${digest}` });
    plugin('image, may fail', { url: 'oci://modules.example/adds', failStrategy: 'FAIL_OPEN' });
    plugin('itself', { url: `http://127.0.0.1:${port}/itself`, sha256: digest });
    plugin('metadata', { url: 'http://0xa9fea9fe/latest', sha256: digest });
    envoy = await PolicedEnvoy.start(
      [...meshes.values()].map((objects) => () => objects),
      {
        network: 80,
        names: { 'modules.example': '127.0.0.1' },
      },
    );
  }, 60_000);

  afterAll(async () => {
    await envoy?.stop();
    server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = async (mesh: string) => {
    const { status, body } = await envoy.ask([...meshes.keys()].indexOf(mesh), {});
    return { status, isFiltered: body.includes('"x-wasm":"yes"') };
  };

  test.each(['file', 'http'])('runs in the proxy when its module comes by %s', async (mesh) => {
    expect(await ask(mesh)).toEqual({ status: 200, isFiltered: true });
  });

  test.each([
    ['that traps', 'traps', 503],
    ['that is not the one of its checksum', 'changed', 503],
    ['that is an image', 'image', 403],
    ['of the proxy itself', 'itself', 403],
    ['of the metadata service, by another spelling', 'metadata', 403],
  ])('with a module %s takes the traffic with it', async (_, mesh, status) => {
    expect(await ask(mesh)).toEqual({ status, isFiltered: false });
  });

  test.each(['changed, may fail', 'image, may fail'])('lets requests pass where it says so: %s', async (mesh) => {
    expect(await ask(mesh)).toEqual({ status: 200, isFiltered: false });
  });

  test('that may fail takes with it the one request in which it does', async () => {
    expect(await ask('traps, may fail')).toEqual({ status: 503, isFiltered: false });
    expect(await ask('traps, may fail')).toEqual({ status: 200, isFiltered: false });
  });

  test('that has trapped fails for good, unless it is to be reloaded, and fails no other of the same module', async () => {
    const askWith = (mesh: string, headers: Record<string, string> = {}) =>
      envoy.ask([...meshes.keys()].indexOf(mesh), { headers }).then(({ status }) => status);
    for (const mesh of ['trapped', 'trapped, reloads']) {
      expect(await askWith(mesh)).toBe(200);
      expect(await askWith(mesh, { 'x-trap': 'yes' })).toBe(503);
    }
    await until(async () => (await askWith('trapped, reloads')) === 200);
    expect(await askWith('trapped')).toBe(503);
  });

  test('has the proxy ask the host that it names, and no other', () => {
    expect(new Set(asked)).toEqual(new Set(['/right', '/changed', '/open']));
  });
});

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; !(await isSo()); await sleep(100)) {
    if (Date.now() > end) throw new Error('it does not come to be so');
  }
}
