/** An image that has to be signed is served when one of the keys has signed just it, and never otherwise. */
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { MeshConfig } from '../../../lib/api';
import { WasmImages } from '../../../lib/discovery/oci';
import { type Pulled, pull } from '../../../lib/discovery/oci/pull';
import { imageTrust, isSignatureKey, parseReference } from '../../../lib/world';
import { ADDS_HEADER, TRAPS } from '../../pilot/patch/wasm-modules';
import { asArtifact, digestOf, FakeRegistry } from './fake-registry';
import { plugin } from './image-gateway';

const REPOSITORY = 'filters/header';

const ours = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const theirs = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const pemOf = (key: KeyObject) => createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();

let registry: FakeRegistry;
let digest: string;
beforeEach(async () => {
  registry = await new FakeRegistry().start();
  digest = registry.push(REPOSITORY, 'v1', asArtifact(ADDS_HEADER));
});
afterEach(() => registry.stop());

const ask = (keys: readonly KeyObject[] = [ours], more: { before?: Pulled; name?: string } = {}) =>
  pull({
    reference: parseReference(`${registry.name}/${REPOSITORY}${more.name ?? ':v1'}`),
    registry: registry.options,
    trust: { kind: 'keys', publicKeys: keys.map(pemOf) },
    before: more.before,
  });
const isRefused = async (asked: Promise<unknown>, why = 'has no signature by a key of imageSignatures') => {
  await expect(asked).rejects.toMatchObject({ isVerdict: true, message: expect.stringContaining(why) });
  expect(registry.asked.filter((each) => each.includes(`blobs/${digestOf(ADDS_HEADER)}`))).toEqual([]);
};

describe('an image', () => {
  test.each<[string, KeyObject]>([
    ['ECDSA with P-256', ours],
    ['ECDSA with P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey],
    ['Ed25519', generateKeyPairSync('ed25519').privateKey],
    ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey],
  ])('that is signed by %s is served', async (_, key) => {
    registry.sign(REPOSITORY, digest, key);
    await expect(ask([key])).resolves.toMatchObject({ digest });
    await expect(ask([key], { name: `@${digest}` })).resolves.toMatchObject({ digest });
  });

  test('that several have signed is served when one of them counts', async () => {
    registry.sign(REPOSITORY, digest, theirs);
    registry.sign(REPOSITORY, digest, ours);
    await expect(ask([ours])).resolves.toBeDefined();
    await expect(ask([theirs])).resolves.toBeDefined();
  });

  test('of several platforms is served when all of them together, or the one that is taken, is signed', async () => {
    const manifests = [{ mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: 1 }];
    const index = registry.pushManifest(REPOSITORY, 'v1', { schemaVersion: 2, manifests });
    await isRefused(ask());
    registry.sign(REPOSITORY, index, ours);
    await expect(ask()).resolves.toBeDefined();
  });

  test('whose signature names it as it was called elsewhere is served', async () => {
    registry.sign(REPOSITORY, digest, ours, (payload) => ({
      ...payload,
      critical: { ...payload.critical, identity: { 'docker-reference': 'elsewhere.example.com/header' } },
    }));
    await expect(ask()).resolves.toBeDefined();
  });
});

describe('never served, and not even read, is an image', () => {
  test('without a signature', async () => isRefused(ask(), 'there is none'));

  test('that somebody else has signed', async () => {
    registry.sign(REPOSITORY, digest, theirs);
    await isRefused(ask(), 'none of its 1 is');
  });

  test('whose signature is of another image', async () => {
    const other = registry.push(REPOSITORY, undefined, asArtifact(TRAPS));
    registry.sign(REPOSITORY, digest, ours, (payload) => ({
      ...payload,
      critical: { ...payload.critical, image: { 'docker-manifest-digest': other } },
    }));
    await isRefused(ask());
  });

  test('whose signature is of something else than an image', async () => {
    registry.sign(REPOSITORY, digest, ours, (payload) => ({
      ...payload,
      critical: { ...payload.critical, type: 'atomic container signature' },
    }));
    await isRefused(ask());
  });

  test.each<[string, string]>([
    ['nothing', ''],
    ['no base64', '%%%'],
    ['other bytes', Buffer.from('signature').toString('base64')],
  ])('whose signature is %s', async (_, signature) => {
    const payload = {
      critical: { image: { 'docker-manifest-digest': digest }, type: 'cosign container image signature' },
    };
    registry.attach(REPOSITORY, digest, Buffer.from(JSON.stringify(payload)), signature);
    await isRefused(ask());
  });

  test.each(['', 'null', '[]', '{}', '{"critical":null}', '{"critical":{"type":"cosign container image signature"}}'])(
    'whose signed text is %p',
    async (payload) => {
      registry.attach(REPOSITORY, digest, Buffer.from(payload), 'AAAA');
      await isRefused(ask());
    },
  );

  test('whose signed text is another than the signature was made of', async () => {
    registry.sign(REPOSITORY, digest, ours);
    registry.answer = ({ url }, response) => {
      if (!url!.includes('/blobs/') || url!.includes(digestOf(ADDS_HEADER))) return false;
      response.end('{}');
      return true;
    };
    await isRefused(ask(), 'another digest');
  });

  test('of which nobody may have signed', async () => {
    registry.sign(REPOSITORY, digest, ours);
    await isRefused(ask([]));
  });

  test('that is behind a tag whose signature was of the image before', async () => {
    registry.sign(REPOSITORY, digest, ours);
    const before = await ask();
    registry.asked.length = 0;
    await expect(ask([ours], { before })).resolves.toBeDefined();
    expect(registry.asked.filter((each) => each.includes('.sig'))).toEqual([]);
    registry.push(REPOSITORY, 'v1', asArtifact(TRAPS));
    registry.asked.length = 0;
    await isRefused(ask([ours], { before }));
  });
});

test('a signature that cannot be asked for is no verdict', async () => {
  registry.answer = ({ url }, response) => url!.includes('.sig') && Boolean(response.writeHead(500).end());
  await expect(ask()).rejects.toMatchObject({ isVerdict: false });
});

test.each([
  ['nothing', ''],
  ['a private key', ours.export({ type: 'pkcs8', format: 'pem' }).toString()],
  ['a certificate', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----'],
  ['a weak key', pemOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey)],
  ['a key for something else', pemOf(generateKeyPairSync('x25519').privateKey)],
  ['a broken key', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----'],
])('%s is no key that signs images', (_, pem) => {
  expect(isSignatureKey(pem)).toBe(false);
});

describe('imageSignatures', () => {
  const config: MeshConfig = {
    imageSignatures: [
      { image: 'registry.example.com/filters', publicKeys: ['a'] },
      { image: 'registry.example.com/filters/dev', allowUnsigned: true },
      { image: 'registry.example.com/both', publicKeys: ['b'], allowUnsigned: true },
      { image: 'docker.io/acme', publicKeys: ['c'] },
    ],
  };
  const everything = [...config.imageSignatures!, { image: '*', publicKeys: ['d'] }];

  test.each<[string, MeshConfig, string]>([
    ['registry.example.com/filters', config, 'a'],
    ['registry.example.com/filters/auth', config, 'a'],
    ['registry.example.com/filters/dev/auth', config, 'unsigned'],
    ['registry.example.com/filters-of-others', config, 'none'],
    ['registry.example.com:5000/filters/auth', config, 'none'],
    ['registry.example.com/both/auth', config, 'b'],
    ['index.docker.io/acme/auth', config, 'c'],
    ['other.example.com/auth', config, 'none'],
    ['other.example.com/auth', { imageSignatures: everything }, 'd'],
    ['registry.example.com/filters/auth', { imageSignatures: everything }, 'a'],
    ['other.example.com/auth', {}, 'any'],
    ['other.example.com/auth', { imageSignatures: [] }, 'any'],
    ['other.example.com/auth', { imageSignatures: 'all' } as never, 'none'],
    ['other.example.com/auth', { imageSignatures: [null, { image: 7 }] } as never, 'none'],
    [
      'other.example.com/auth',
      { imageSignatures: [{ image: '*', publicKeys: 'a', allowUnsigned: true }] } as never,
      '',
    ],
    ['other.example.com/auth', { imageSignatures: [{ image: '*', publicKeys: [7, 'a'] }] } as never, 'a'],
  ])('hold for %s by whole parts, the longest first', (name, settings, wanted) => {
    const trust = imageTrust(name, settings);
    expect(trust.kind === 'keys' ? trust.publicKeys.join() : trust.kind).toBe(wanted);
  });
});

describe('what is served', () => {
  let images: WasmImages;
  let pulls: string[];
  beforeEach(() => {
    pulls = [];
    images = new WasmImages({
      registry: registry.options,
      onChange: () => {},
      onTrouble: () => {},
      onPull: (outcome) => pulls.push(outcome),
      after: () => () => {},
    });
  });
  afterEach(() => images.close());

  const see = async (config: MeshConfig, ended: number) => {
    images.see([plugin(`oci://${registry.name}/${REPOSITORY}:v1`)], config);
    for (const end = Date.now() + 5_000; pulls.length < ended && Date.now() < end; ) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(pulls).toHaveLength(ended);
  };
  const kind = () => images.current.get('WasmPlugin/shop/header')?.kind;
  const signedBy = (...keys: KeyObject[]): MeshConfig => ({
    imageSignatures: [{ image: registry.name, publicKeys: keys.map(pemOf) }],
  });

  test('is taken back at once when its signature does not count any more, also while the registry is away', async () => {
    registry.sign(REPOSITORY, digest, ours);
    await see(signedBy(ours), 1);
    expect(kind()).toBe('delivered');
    registry.answer = (_, response) => Boolean(response.writeHead(503).end());
    images.see([plugin(`oci://${registry.name}/${REPOSITORY}:v1`)], signedBy(theirs));
    expect(kind()).toBe('withheld');
    await see(signedBy(theirs), 2);
    expect(kind()).toBe('withheld');
    await see(signedBy(theirs, ours), 3);
    expect(kind()).toBe('delivered');
  });

  test('without a signature is taken back when one is asked for', async () => {
    await see({}, 1);
    expect(kind()).toBe('delivered');
    images.see([plugin(`oci://${registry.name}/${REPOSITORY}:v1`)], signedBy(ours));
    expect(kind()).toBe('withheld');
  });

  test('stays when keys come and go and its own still counts', async () => {
    registry.sign(REPOSITORY, digest, ours);
    await see(signedBy(ours), 1);
    images.see([plugin(`oci://${registry.name}/${REPOSITORY}:v1`)], signedBy(theirs, ours));
    expect(kind()).toBe('delivered');
  });

  test('is not taken from where nobody’s signature is asked for, though some are', async () => {
    await see({ imageSignatures: [{ image: 'other.example.com', publicKeys: [pemOf(ours)] }] }, 1);
    expect(kind()).toBe('withheld');
    expect(images.troubleOf(plugin(''))).toContain('no entry of imageSignatures holds');
  });
});
