/** Modules of images in a real Envoy: pulled by the control plane, and delivered over ADS as resources of their own. */
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { get as httpGet } from 'node:http';
import type { Variant } from '../../../lib/xds/request';
import { ADDS_HEADER, TRAPS } from '../../pilot/patch/wasm-modules';
import { eventually, get } from '../../xds/plain-envoy';
import { asArtifact, FakeRegistry, pullSecret } from './fake-registry';
import { ImageGateway, plugin } from './image-gateway';

/** The first module, which writes another word into the header. */
const ADDS_OTHER = Buffer.from(ADDS_HEADER);
ADDS_OTHER.write('new', ADDS_OTHER.lastIndexOf('yes'));

const REPOSITORY = 'filters/header';

let registry: FakeRegistry;
let gateway: ImageGateway;
beforeEach(async () => {
  registry = await new FakeRegistry().start();
});
afterEach(async () => {
  await gateway?.stop();
  await registry.stop();
}, 20_000);

const statusOf = () =>
  new Promise<number>((resolve) => {
    httpGet({ host: '127.0.0.1', port: gateway.port, agent: false }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode!));
    }).on('error', () => resolve(0));
  });
const answers = async (wanted: string) =>
  eventually(
    async () => expect(await get(gateway.port)).toBe(wanted),
    () => [...gateway.troubles, ...gateway.envoyLog].join('\n'),
  );
const refuses = async () =>
  eventually(
    async () => expect(await statusOf()).toBe(403),
    () => [...gateway.troubles, ...gateway.envoyLog].join('\n'),
  );

describe.each<Variant>(['delta', 'state'])('a module of an image, over %s', (variant) => {
  beforeEach(async () => {
    gateway = await new ImageGateway().start(registry.options, variant);
    await answers('no');
  }, 20_000);

  const delivered = () => {
    registry.push(REPOSITORY, 'latest', asArtifact(ADDS_HEADER));
    gateway.become(plugin(`oci://${registry.name}/${REPOSITORY}`));
    return answers('yes');
  };

  test('runs in the proxy', async () => {
    await delivered();
    expect(gateway.xds.proxies()[0]!.types.extensions).toMatchObject({ state: 'synced', resources: 1 });
  }, 20_000);

  test('refuses all before it is there, and opens when it comes', async () => {
    gateway.become(plugin(`oci://${registry.name}/${REPOSITORY}:v1`));
    await refuses();
    registry.push(REPOSITORY, 'v1', asArtifact(ADDS_HEADER));
    gateway.pass();
    await answers('yes');
  }, 20_000);

  test('lets all pass before it is there where it says so', async () => {
    const url = `oci://${registry.name}/${REPOSITORY}:v1`;
    gateway.become(plugin(url, { failStrategy: 'FAIL_OPEN' }));
    await eventually(() => expect(gateway.xds.proxies()[0]!.types.extensions.state).toBe('synced'));
    expect(await get(gateway.port)).toBe('no');
    registry.push(REPOSITORY, 'v1', asArtifact(ADDS_HEADER));
    gateway.pass();
    await answers('yes');
  }, 20_000);

  test('gives way to a newer one of its tag: no request fails, and the listener stays', async () => {
    await delivered();
    const listeners = () => gateway.xds.proxies()[0]!.types.listeners.version;
    const before = listeners();
    const seen: string[] = [];
    let isDone = false;
    const load = (async () => {
      while (!isDone) seen.push(await get(gateway.port));
    })();
    registry.push(REPOSITORY, 'latest', asArtifact(ADDS_OTHER));
    gateway.pass();
    await answers('new');
    registry.push(REPOSITORY, 'latest', asArtifact(ADDS_HEADER));
    gateway.pass();
    await answers('yes');
    isDone = true;
    await load;
    expect(new Set(seen)).toEqual(new Set(['yes', 'new']));
    expect(listeners()).toBe(before);
  }, 20_000);

  test('that Envoy cannot take leaves the one before in force, and its object is told so', async () => {
    await delivered();
    registry.push(
      REPOSITORY,
      'latest',
      asArtifact(Buffer.concat([ADDS_HEADER.subarray(0, 8), Buffer.from('not wasm')])),
    );
    gateway.pass();
    await eventually(() =>
      expect(gateway.source.blame(gateway.xds.rejected())).toMatchObject([
        { code: 'MAL0040', resource: 'WasmPlugin shop/header' },
      ]),
    );
    expect(await get(gateway.port)).toBe('yes');
  }, 20_000);

  test('stays with its proxy while a control plane that begins anew has not pulled it yet', async () => {
    await delivered();
    registry.answer = (_, response) => Boolean(response.writeHead(503).end());
    await gateway.restart(registry.options);
    await eventually(() => expect(gateway.xds.proxies()[0]?.types.listeners.state).toBe('synced'), undefined, 15_000);
    await eventually(() => expect(gateway.troubles.join()).toContain('answers 503'));
    expect(await get(gateway.port)).toBe('yes');
  }, 30_000);

  test('goes with its object, and no request fails on the way', async () => {
    await delivered();
    const seen: string[] = [];
    let isDone = false;
    const load = (async () => {
      while (!isDone) seen.push(await get(gateway.port));
    })();
    gateway.become();
    await answers('no');
    isDone = true;
    await load;
    expect(new Set(seen)).toEqual(new Set(['yes', 'no']));
  }, 20_000);
});

test('a module that Envoy cannot take from the first refuses all, in a proxy that comes later too', async () => {
  registry.push(REPOSITORY, 'v1', asArtifact(Buffer.concat([ADDS_HEADER.subarray(0, 8), Buffer.from('not wasm')])));
  gateway = await new ImageGateway().start(registry.options);
  gateway.become(plugin(`oci://${registry.name}/${REPOSITORY}:v1`));
  await refuses();
  await eventually(() => expect(gateway.xds.rejected()).toHaveLength(1));
  await gateway.restartProxy();
  await refuses();
}, 30_000);

test('a module with which nothing is right takes the traffic with it', async () => {
  gateway = await new ImageGateway().start(registry.options);
  registry.push(REPOSITORY, 'v1', asArtifact(TRAPS));
  gateway.become(plugin(`oci://${registry.name}/${REPOSITORY}:v1`));
  await eventually(async () => expect(await statusOf()).toBe(503));
}, 20_000);

test('modules of megabytes come one by one, and all run', async () => {
  gateway = await new ImageGateway().start(registry.options);
  const [first, second] = [padded(3_000_000), padded(3_100_000)];
  const one = registry.push(REPOSITORY, undefined, asArtifact(first));
  const other = registry.push(REPOSITORY, undefined, asArtifact(second));
  gateway.become(
    plugin(`oci://${registry.name}/${REPOSITORY}@${one}`, {}, 'one'),
    plugin(`oci://${registry.name}/${REPOSITORY}@${other}`, {}, 'other'),
  );
  await answers('yes, yes');
  expect(gateway.xds.proxies()[0]!.types.extensions).toMatchObject({ state: 'synced', resources: 2 });
  expect(gateway.pushed.filter((bytes) => bytes > 1_000_000)).toEqual([expect.any(Number), expect.any(Number)]);
  expect(Math.max(...gateway.pushed)).toBeLessThan(4_000_000);
}, 20_000);

test('a private module of another namespace is not delivered', async () => {
  registry.push(REPOSITORY, 'v1', asArtifact(ADDS_HEADER));
  registry.guards.set(REPOSITORY, { kind: 'bearer', user: 'robot', password: 'right' });
  gateway = await new ImageGateway().start(registry.options);
  const url = `oci://${registry.name}/${REPOSITORY}:v1`;
  const secret = (namespace: string) => pullSecret('pull', namespace, registry.name, 'robot', 'right');
  const ofOthers = [plugin(url, { imagePullSecret: 'pull' }, 'header', 'vault'), secret('vault')];
  gateway.become(...ofOthers, plugin(url));
  await eventually(() => expect(gateway.pulls).toEqual(expect.arrayContaining(['pulled', 'failed'])));
  await refuses();
  gateway.become(...ofOthers, plugin(url, { imagePullSecret: 'pull' }), secret('shop'));
  await answers('yes');
}, 20_000);

test('a module whose signature is wrong never reaches a proxy, and one that loses its signature is taken back', async () => {
  const [ours, theirs] = [1, 2].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
  const signedBy = (key: KeyObject) => {
    const publicKeys = [createPublicKey(key).export({ type: 'spki', format: 'pem' })];
    const mesh = JSON.stringify({ imageSignatures: [{ image: registry.name, publicKeys }] });
    return {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'istio', namespace: 'istio-system' },
      data: { mesh },
    };
  };
  gateway = await new ImageGateway().start(registry.options);
  const digest = registry.push(REPOSITORY, 'v1', asArtifact(padded(200_000)));
  registry.sign(REPOSITORY, digest, theirs!);
  const module = plugin(`oci://${registry.name}/${REPOSITORY}:v1`);
  gateway.become(module, signedBy(ours!));
  await refuses();
  await eventually(() => expect(gateway.pulls).toEqual(['withheld']));
  await refuses();
  expect(Math.max(...gateway.pushed)).toBeLessThan(100_000);
  registry.sign(REPOSITORY, digest, ours!);
  gateway.pass();
  await answers('yes');
  gateway.become(module, signedBy(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey));
  await refuses();
}, 20_000);

/** The first module, with a custom section that nobody reads. */
function padded(bytes: number): Buffer {
  const size: number[] = [];
  for (let rest = bytes + 2; rest > 0; rest >>>= 7) size.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
  return Buffer.concat([ADDS_HEADER, Buffer.from([0, ...size, 1, 0x78]), Buffer.alloc(bytes)]);
}
