/** The images that objects ask for are pulled, each as its own object may, and kept. */
import type { KubeObject } from '../../../lib/api/object';
import { namedCredentials } from '../../../lib/discovery/kubernetes/credentials';
import { WasmImages, type WasmImagesOptions } from '../../../lib/discovery/oci';
import { ADDS_HEADER, TRAPS } from '../../pilot/patch/wasm-modules';
import { asArtifact, digestOf, FakeRegistry, pullSecret } from './fake-registry';
import { plugin } from './image-gateway';

const REPOSITORY = 'filters/header';
const PRIVATE = 'private/header';
const SHOP = 'WasmPlugin/shop/header';

let registry: FakeRegistry;
let images: WasmImages;
let troubles: [string, string][];
let pulls: string[];
let timers: { milliseconds: number; run: () => void }[];

beforeEach(async () => {
  registry = await new FakeRegistry().start();
  registry.push(REPOSITORY, 'v1', asArtifact(ADDS_HEADER));
  registry.push(PRIVATE, 'v1', asArtifact(TRAPS));
  registry.guards.set(PRIVATE, { kind: 'bearer', user: 'robot', password: 'right' });
  images = started();
});
afterEach(async () => {
  images.close();
  await registry.stop();
});

function started(more: Partial<WasmImagesOptions> = {}): WasmImages {
  troubles = [];
  pulls = [];
  timers = [];
  return new WasmImages({
    registry: registry.options,
    onChange: () => {},
    onTrouble: (object, trouble) => troubles.push([object, trouble]),
    onPull: (outcome) => pulls.push(outcome),
    after(milliseconds, run) {
      const timer = { milliseconds, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((each) => each !== timer);
      };
    },
    ...more,
  });
}

/** Sees the objects, and waits until that many pulls have ended. */
async function see(objects: readonly KubeObject[], ended: number): Promise<void> {
  images.see(objects);
  await until(ended);
}
async function until(ended: number): Promise<void> {
  for (const end = Date.now() + 5_000; pulls.length < ended; ) {
    if (Date.now() > end) throw new Error(`only ${pulls.length} pulls have ended`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
async function pass(ended: number): Promise<void> {
  for (const { run } of timers.splice(0)) run();
  await until(ended);
}

const url = (repository = REPOSITORY, name = ':v1') => `oci://${registry.name}/${repository}${name}`;
const held = (object = SHOP) => {
  const module = images.current.get(object);
  return module?.kind === 'delivered' ? `sha256:${module.sha256}` : module?.kind;
};
const secret = (namespace: string, password = 'right') =>
  pullSecret('pull', namespace, registry.name, 'robot', password);

describe('a private module', () => {
  const own = plugin('', {}, 'header', 'vault');
  const withSecret = { imagePullSecret: 'pull' };

  test('is for whoever may read it, and for nobody else, though it is there', async () => {
    const ours = plugin(url(PRIVATE), withSecret, 'header', 'vault');
    await see([ours, secret('vault')], 1);
    expect(held('WasmPlugin/vault/header')).toBe(digestOf(TRAPS));
    await see([ours, secret('vault'), plugin(url(PRIVATE))], 2);
    expect(held()).toBeUndefined();
    expect(troubles).toEqual([[SHOP, expect.stringContaining('gives no token')]]);
    await see([ours, secret('vault'), plugin(url(PRIVATE, `@${registry.push(PRIVATE, 'v1', asArtifact(TRAPS))}`))], 3);
    expect(held()).toBeUndefined();
  });

  test('is not read again for another that may read it', async () => {
    const objects = [plugin(url(PRIVATE), withSecret, 'header', 'vault'), secret('vault')];
    await see(objects, 1);
    await see([...objects, plugin(url(PRIVATE), withSecret), secret('shop')], 2);
    expect(held()).toBe(digestOf(TRAPS));
    expect(registry.asked.filter((each) => each.includes('/blobs/'))).toHaveLength(1);
  });

  test('is not to be had by a repository of one’s own that names its layer', async () => {
    await see([plugin(url(PRIVATE), withSecret, 'header', 'vault'), secret('vault')], 1);
    const layers = [
      { mediaType: 'application/vnd.module.wasm.content.layer.v1+wasm', digest: digestOf(TRAPS), size: TRAPS.length },
    ];
    registry.pushManifest('mine/header', 'v1', { schemaVersion: 2, layers });
    await see([plugin(url(PRIVATE), withSecret, 'header', 'vault'), secret('vault'), plugin(url('mine/header'))], 2);
    expect(held()).toBeUndefined();
    expect(troubles).toEqual([[SHOP, expect.stringContaining('has no blob')]]);
  });

  test('is not pulled with the Secret of another namespace, nor without the Secret that is named', async () => {
    images.see([plugin(url(PRIVATE), withSecret), secret('vault')]);
    expect(troubles).toEqual([[SHOP, 'imagePullSecret pull is not there, or may not be read']]);
    expect(images.troubleOf(plugin(''))).toContain('is not there');
    expect(registry.asked).toEqual([]);
    await see([plugin(url(PRIVATE), withSecret), secret('shop')], 1);
    expect(held()).toBe(digestOf(TRAPS));
    expect(images.troubleOf(plugin(''))).toBeUndefined();
  });

  test.each<[string, object]>([
    ['is of another type', { type: 'Opaque' }],
    ['holds no JSON', { data: { '.dockerconfigjson': 'e30x' } }],
    ['has no auths', { data: { '.dockerconfigjson': Buffer.from('{}').toString('base64') } }],
    [
      'has no credentials for the registry',
      { data: { '.dockerconfigjson': Buffer.from('{"auths":{"other.example.com":{}}}').toString('base64') } },
    ],
    [
      'has neither auth nor username',
      { data: { '.dockerconfigjson': Buffer.from('{"auths":{"registry.example.com:PORT":{}}}').toString('base64') } },
    ],
  ])('is not asked for with a Secret that %s', (problem, change) => {
    const changed = JSON.parse(JSON.stringify({ ...secret('shop'), ...change })) as KubeObject & {
      data: Record<string, string>;
    };
    const text = Buffer.from(changed.data['.dockerconfigjson']!, 'base64')
      .toString()
      .replace('PORT', `${registry.port}`);
    changed.data = { '.dockerconfigjson': Buffer.from(text).toString('base64') };
    images.see([plugin(url(PRIVATE), withSecret), changed]);
    expect(troubles).toEqual([[SHOP, expect.stringContaining(problem)]]);
    expect(registry.asked).toEqual([]);
  });

  test('makes its Secret be read, in the namespace of its object alone', () => {
    const names = namedCredentials([plugin(url(PRIVATE), withSecret, 'header', 'vault'), own]);
    expect(names).toEqual([{ kind: 'Secret', namespace: 'vault', name: 'pull' }]);
    expect(namedCredentials([plugin('https://a.example.com/a.wasm', withSecret)])).toEqual([]);
  });
});

describe('what has been pulled', () => {
  test('stays while the registry is away, which is asked again, and ever more slowly', async () => {
    await see([plugin(url(REPOSITORY, ':latest'))], 1);
    expect(pulls).toEqual(['failed']);
    registry.push(REPOSITORY, 'latest', asArtifact(ADDS_HEADER));
    await pass(2);
    expect(held()).toBe(digestOf(ADDS_HEADER));
    registry.answer = (_, response) => Boolean(response.writeHead(503).end());
    const waits: number[] = [];
    for (let round = 3; round < 12; round++) {
      waits.push(timers[0]!.milliseconds);
      await pass(round);
    }
    expect(waits).toEqual([60_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000]);
    expect(held()).toBe(digestOf(ADDS_HEADER));
    expect(images.troubleOf(plugin(''))).toContain('answers 503');
  });

  test('stays when the object asks for what is not to be had, and for what is not as it has to be', async () => {
    await see([plugin(url())], 1);
    await see([plugin(url(REPOSITORY, ':v2'))], 2);
    expect(held()).toBe(digestOf(ADDS_HEADER));
    await see([plugin(url(), { sha256: 'a'.repeat(64) })], 3);
    expect(held()).toBe(digestOf(ADDS_HEADER));
    expect(pulls).toEqual(['pulled', 'failed', 'withheld']);
  });

  test('goes with its object', async () => {
    await see([plugin(url())], 1);
    images.see([]);
    expect(images.current.size).toBe(0);
    expect(timers).toEqual([]);
  });

  test('is not pulled again when the object changes in what a pull does not depend on', async () => {
    await see([plugin(url())], 1);
    registry.asked.length = 0;
    images.see([plugin(url(), { phase: 'AUTHN', pluginConfig: { a: 1 } })]);
    expect(held()).toBe(digestOf(ADDS_HEADER));
    expect(registry.asked).toEqual([]);
  });
});

test('an image that is not what it has to be is withheld from proxies that have another control plane’s', async () => {
  await see([plugin(url(), { sha256: 'a'.repeat(64) })], 1);
  expect(held()).toBe('withheld');
});

test.each([
  ['latest', {}, true],
  ['latest', { imagePullPolicy: 'IfNotPresent' }, false],
  ['v1', {}, false],
  ['v1', { imagePullPolicy: 'Always' }, true],
])('the tag %s with %j is looked up again: %s', async (tag, policy, isFollowed) => {
  registry.push(REPOSITORY, tag, asArtifact(ADDS_HEADER));
  await see([plugin(url(REPOSITORY, `:${tag}`), policy)], 1);
  expect(timers.map(({ milliseconds }) => milliseconds)).toEqual(isFollowed ? [60_000] : []);
});

test('the answer to what is not asked for any more changes nothing', async () => {
  images.see([plugin(url())]);
  images.see([plugin(url(PRIVATE))]);
  await until(1);
  expect(held()).toBeUndefined();
  expect(troubles).toEqual([[SHOP, expect.stringContaining('gives no token')]]);
});

test('more images than are pulled are told once', () => {
  const many = Array.from({ length: 300 }, (_, index) => plugin(url(), {}, `p${String(index).padStart(3, '0')}`));
  images = started({ pull: () => new Promise(() => {}) });
  images.see(many);
  images.see(many);
  expect(troubles).toEqual([['WasmPlugin/shop/p256', expect.stringContaining('more than 256 images')]]);
});
