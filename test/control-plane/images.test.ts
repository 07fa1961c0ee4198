/** A control plane that pulls the image of a WasmPlugin tells in metrics how it went. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningControlPlane, startControlPlane } from '../../apps/control-plane';
import { asArtifact, FakeRegistry } from '../discovery/oci/fake-registry';
import { plugin } from '../discovery/oci/image-gateway';
import { ADDS_HEADER } from '../pilot/patch/wasm-modules';
import { eventually } from '../xds/plain-envoy';

let folder: string;
let registry: FakeRegistry;
let running: RunningControlPlane;
const warnings: object[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'malha-images-'));
  registry = await new FakeRegistry().start();
  registry.push('filters/header', 'v1', asArtifact(ADDS_HEADER));
  const url = (tag: string) => `oci://${registry.name}/filters/header:${tag}`;
  await writeFile(join(folder, 'there.json'), JSON.stringify(plugin(url('v1'), {}, 'there')));
  await writeFile(join(folder, 'missing.json'), JSON.stringify(plugin(url('v2'), {}, 'missing')));
  running = await startControlPlane({
    registry: { kind: 'files', files: [folder] },
    images: registry.options,
    http: '127.0.0.1:0',
    log: { info: () => {}, warn: (fields) => warnings.push(fields), error: () => {} },
  });
});

afterAll(async () => {
  await running?.stop();
  await registry.stop();
  await rm(folder, { recursive: true, force: true });
});

test('a module that is there is counted with its bytes, and one that is not is told of', async () => {
  await eventually(async () => {
    const answer = await fetch(`http://127.0.0.1:${running.httpPort}/metrics`);
    const lines = (await answer.text()).split('\n').filter((line) => line.startsWith('malha_image_pull'));
    expect(lines).toEqual(
      expect.arrayContaining([
        'malha_image_pulls{outcome="pulled"} 1',
        'malha_image_pulls{outcome="failed"} 1',
        'malha_image_pulls{outcome="withheld"} 0',
        `malha_image_pull_bytes ${ADDS_HEADER.length}`,
      ]),
    );
  });
  expect(warnings).toContainEqual({
    object: 'WasmPlugin/shop/missing',
    error: expect.stringContaining('has no filters/header:v2'),
  });
});
