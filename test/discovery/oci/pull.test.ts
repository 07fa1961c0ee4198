/** Pulling an image gives its module, checked, or says why there is none. */
import { gzipSync } from 'node:zlib';
import { type PullRequest, pull } from '../../../lib/discovery/oci/pull';
import { isForbiddenHost, parseReference } from '../../../lib/world';
import { ADDS_HEADER, TRAPS } from '../../pilot/patch/wasm-modules';
import { leadsTo } from '../openid/issuer-server';
import {
  asArchive,
  asArtifact,
  DOCKER_ARCHIVE,
  digestOf,
  FakeRegistry,
  MODULE_LAYER,
  OCI_ARCHIVE,
} from './fake-registry';

let registry: FakeRegistry;
beforeEach(async () => {
  registry = await new FakeRegistry().start();
});
afterEach(() => registry.stop());

const REPOSITORY = 'filters/header';
const ask = (name: string, more: Partial<PullRequest> = {}) =>
  pull({ reference: parseReference(`${registry.name}/${REPOSITORY}${name}`), registry: registry.options, ...more });
const moduleOf = async (name: string) => Buffer.from((await ask(name)).module.base64, 'base64');
const hex = (digest: string) => digest.slice('sha256:'.length);
const instead = (path: string, bytes: Buffer | string) => {
  registry.answer = ({ url }, response) => {
    if (!url!.includes(path)) return false;
    response.end(bytes);
    return true;
  };
};

describe('the module of an image', () => {
  test('is in a layer of its own', async () => {
    const digest = registry.push(REPOSITORY, 'v1', asArtifact(ADDS_HEADER));
    expect(await moduleOf(':v1')).toEqual(ADDS_HEADER);
    expect(await moduleOf(`@${digest}`)).toEqual(ADDS_HEADER);
  });

  test.each([
    ['docker', DOCKER_ARCHIVE, 'plugin.wasm'],
    ['buildah', OCI_ARCHIVE, './plugin.wasm'],
  ])('is the file plugin.wasm of the last layer, as %s makes it', async (_, mediaType, file) => {
    const first = await asArchive(TRAPS);
    registry.push(REPOSITORY, 'v1', first, await asArchive(ADDS_HEADER, { mediaType, file }));
    expect(await moduleOf(':v1')).toEqual(ADDS_HEADER);
  });

  test('is that of linux/amd64 where there are several platforms', async () => {
    const entry = (bytes: Buffer, architecture: string, os = 'linux') => ({
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      digest: registry.push(REPOSITORY, undefined, asArtifact(bytes)),
      size: 1,
      platform: { os, architecture },
    });
    const manifests = [entry(TRAPS, 'unknown', 'unknown'), entry(TRAPS, 'arm64'), entry(ADDS_HEADER, 'amd64')];
    const digest = registry.pushManifest(REPOSITORY, 'v1', { schemaVersion: 2, manifests });
    expect(await moduleOf(':v1')).toEqual(ADDS_HEADER);
    expect((await ask(':v1')).digest).toBe(digest);
  });

  test('is not read again where its layer is known, though its manifest is', async () => {
    registry.push(REPOSITORY, 'v1', asArtifact(ADDS_HEADER));
    const { module, layer } = await ask(':v1');
    registry.asked.length = 0;
    const known = jest.fn(() => module);
    expect(await ask(':v1', { known })).toMatchObject({ module, bytes: 0 });
    expect(known).toHaveBeenCalledWith(layer);
    expect(layer).toBe(`${registry.name}/${REPOSITORY}@${digestOf(ADDS_HEADER)}`);
    expect(registry.asked).toEqual([`GET registry.example.com/v2/${REPOSITORY}/manifests/v1`]);
  });
});

describe('an image is refused for good', () => {
  const isVerdict = { isVerdict: true };

  test('when its manifest has another digest than was asked for', async () => {
    const digest = registry.push(REPOSITORY, 'v1', asArtifact(ADDS_HEADER));
    registry.push(REPOSITORY, 'v2', asArtifact(TRAPS));
    instead(digest, JSON.stringify({ schemaVersion: 2, layers: [] }));
    await expect(ask(`@${digest}`)).rejects.toMatchObject({
      ...isVerdict,
      message: expect.stringContaining('another digest'),
    });
  });

  test('when its layer has another digest than the manifest says', async () => {
    registry.push(REPOSITORY, 'v1', asArtifact(ADDS_HEADER));
    instead('/blobs/', Buffer.concat([ADDS_HEADER.subarray(0, -1), Buffer.from([0])]));
    await expect(ask(':v1')).rejects.toMatchObject({
      ...isVerdict,
      message: expect.stringContaining('another digest'),
    });
  });

  test('when sha256 is neither of the image nor of its module', async () => {
    const digest = registry.push(REPOSITORY, 'v1', asArtifact(ADDS_HEADER));
    await expect(ask(':v1', { sha256: hex(digest) })).resolves.toBeDefined();
    await expect(ask(':v1', { sha256: hex(digestOf(ADDS_HEADER)) })).resolves.toBeDefined();
    await expect(ask(':v1', { sha256: hex(digestOf(TRAPS)) })).rejects.toMatchObject({
      ...isVerdict,
      message: expect.stringContaining('sha256 asks for another'),
    });
  });

  test.each<[string, string, () => Promise<Buffer> | Buffer]>([
    ['holds no WebAssembly', MODULE_LAYER, () => Buffer.from('#!/bin/sh')],
    ['no file plugin.wasm', OCI_ARCHIVE, async () => (await asArchive(ADDS_HEADER, { file: 'usr/plugin.wasm' })).bytes],
    ['no file plugin.wasm', OCI_ARCHIVE, () => gzipSync(Buffer.alloc(1024))],
    ['no tar archive', OCI_ARCHIVE, () => gzipSync(Buffer.alloc(2000, 'x'))],
    ['no gzip archive', OCI_ARCHIVE, () => Buffer.from('no gzip')],
    ['no gzip archive', OCI_ARCHIVE, async () => (await asArchive(ADDS_HEADER)).bytes.subarray(0, 60)],
    ['unpacks to more than', OCI_ARCHIVE, () => gzipSync(Buffer.alloc(65 * 1024 * 1024))],
    ['holds no module', 'application/vnd.oci.image.layer.v1.tar+zstd', () => Buffer.from('zstd')],
  ])('when it %s', async (problem, mediaType, make) => {
    registry.push(REPOSITORY, 'v1', { mediaType, bytes: await make() });
    await expect(ask(':v1')).rejects.toMatchObject({ ...isVerdict, message: expect.stringContaining(problem) });
  });

  test('when its layer is larger than may be served, before it is read', async () => {
    const layers = [{ mediaType: MODULE_LAYER, digest: digestOf(TRAPS), size: 33 * 1024 * 1024 }];
    registry.pushManifest(REPOSITORY, 'v1', { schemaVersion: 2, layers });
    await expect(ask(':v1')).rejects.toMatchObject({ ...isVerdict, message: expect.stringContaining('at most') });
    expect(registry.asked.filter((each) => each.includes('/blobs/'))).toEqual([]);
  });
});

describe('an image is not to be had, for now', () => {
  test.each([
    ['is not there', ':v2', 'has no filters/header:v2'],
    ['has a digest that is not there', `@${digestOf(TRAPS)}`, 'has no filters/header@sha256:'],
  ])('when it %s', async (_, name, problem) => {
    await expect(ask(name)).rejects.toMatchObject({ isVerdict: false, message: expect.stringContaining(problem) });
  });

  test.each([
    ['', 'no JSON'],
    ['[]', 'schemaVersion'],
    ['{"schemaVersion":1}', 'schemaVersion'],
    ['{"schemaVersion":2}', 'just one of'],
    ['{"schemaVersion":2,"layers":[],"manifests":[]}', 'just one of'],
    ['{"schemaVersion":2,"layers":[{"digest":"sha256:1"}]}', 'an entry without'],
  ])('when its manifest is %p', async (manifest, problem) => {
    instead('/manifests/', manifest);
    await expect(ask(':v1')).rejects.toMatchObject({ isVerdict: false, message: expect.stringContaining(problem) });
  });

  test.each(['/manifests/', '/blobs/'])('when an answer at %s has no end', async (path) => {
    registry.push(REPOSITORY, 'v1', asArtifact(ADDS_HEADER));
    registry.answer = ({ url }, response) => {
      if (!url!.includes(path)) return false;
      const more = () => response.write('x'.repeat(65_536), (error) => !error && setImmediate(more));
      more();
      return true;
    };
    await expect(ask(':v1')).rejects.toThrow('answer has more than');
  });

  test.each([500, 429, 403])('when the registry answers %d', async (status) => {
    registry.answer = (_, response) => Boolean(response.writeHead(status).end());
    await expect(ask(':v1')).rejects.toMatchObject({ isVerdict: false });
  });
});

describe('a registry', () => {
  test.each(['127.0.0.1', '[::1]:5000', 'localhost:5000', '169.254.169.254', 'metadata.google.internal'])(
    '%s is never asked, whoever names it',
    async (host) => {
      const reference = parseReference(`oci://${host}/${REPOSITORY}:v1`);
      await expect(pull({ reference })).rejects.toThrow('this machine or a metadata service');
    },
  );

  test('whose name leads to this machine is not connected to', async () => {
    const options = { ...registry.options, isForbidden: isForbiddenHost };
    await expect(ask(':v1', { registry: options })).rejects.toThrow('leads to 127.0.0.1');
    await expect(ask(':v1', { registry: { ...options, lookup: leadsTo('169.254.169.254') } })).rejects.toThrow(
      'leads to 169.254.169.254',
    );
    expect(registry.asked).toEqual([]);
  });

  test('whose certificate nobody vouches for is not believed', async () => {
    await expect(ask(':v1', { registry: { ...registry.options, ca: undefined } })).rejects.toThrow('cannot be asked');
  });
});
