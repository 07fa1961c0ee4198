/**
 * Manifests of images (https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md) and where in them the module is: in a
 * layer of its own, or in the last layer, an archive with the file plugin.wasm
 * (https://github.com/solo-io/wasm/tree/master/spec, the variants "oci" and "compat").
 */

import { isDigest } from '../../world';
import { ImageError } from './image-error';

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations: Readonly<Record<string, string>>;
  readonly platform?: { readonly os?: string; readonly architecture?: string };
}

/** `index`: one image each for several platforms. */
export type ImageManifest =
  | { readonly kind: 'image'; readonly layers: readonly Descriptor[] }
  | { readonly kind: 'index'; readonly manifests: readonly Descriptor[] };

export const MANIFEST_TYPES = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];

const MODULES = ['application/vnd.module.wasm.content.layer.v1+wasm', 'application/wasm'];
const ARCHIVES = ['application/vnd.oci.image.layer.v1.tar+gzip', 'application/vnd.docker.image.rootfs.diff.tar.gzip'];
const MAX_DESCRIPTORS = 256;

/** @throws ImageError when the bytes are no manifest. */
export function readManifest(bytes: Buffer): ImageManifest {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    throw new ImageError('the manifest is no JSON');
  }
  const { schemaVersion, layers, manifests } = (value ?? {}) as Record<string, unknown>;
  if (schemaVersion !== 2) throw new ImageError('the manifest has another schemaVersion than 2');
  // One document that could be read as either would be another image to others who check it.
  if (Array.isArray(layers) === Array.isArray(manifests)) {
    throw new ImageError('the manifest has not just one of layers, manifests');
  }
  const list = (layers ?? manifests) as unknown[];
  if (list.length > MAX_DESCRIPTORS) throw new ImageError(`the manifest has more than ${MAX_DESCRIPTORS} entries`);
  const read = list.map(descriptorOf);
  return layers ? { kind: 'image', layers: read } : { kind: 'index', manifests: read };
}

function descriptorOf(value: unknown): Descriptor {
  const { mediaType, digest, size, annotations, platform } = (value ?? {}) as Record<string, unknown>;
  if (typeof mediaType !== 'string' || !isDigest(digest) || !Number.isSafeInteger(size) || (size as number) < 0) {
    throw new ImageError('the manifest has an entry without mediaType, sha256 digest or size');
  }
  const texts = Object.entries((annotations ?? {}) as object).filter(([, text]) => typeof text === 'string');
  const { os, architecture } = (platform ?? {}) as Record<string, unknown>;
  return {
    mediaType,
    digest,
    size: size as number,
    annotations: Object.fromEntries(texts) as Record<string, string>,
    ...(platform !== undefined && {
      platform: {
        ...(typeof os === 'string' && { os }),
        ...(typeof architecture === 'string' && { architecture }),
      },
    }),
  };
}

/** A module runs anywhere: the one for linux/amd64 is taken, or the only one. @throws ImageError when there is neither. */
export function imageOfIndex(manifests: readonly Descriptor[]): Descriptor {
  const named = manifests.find(({ platform }) => platform?.os === 'linux' && platform.architecture === 'amd64');
  const chosen = named ?? (manifests.length === 1 ? manifests[0] : undefined);
  if (!chosen) throw new ImageError('the image has several platforms, and none of them is linux/amd64');
  return chosen;
}

/** @throws ImageError when the image holds no module. */
export function moduleLayer(layers: readonly Descriptor[]): { layer: Descriptor; isArchive: boolean } {
  const module = layers.findLast(({ mediaType }) => MODULES.includes(mediaType));
  if (module) return { layer: module, isArchive: false };
  const last = layers.at(-1);
  if (last && ARCHIVES.includes(last.mediaType)) return { layer: last, isArchive: true };
  throw ImageError.verdict(
    `the image holds no module: no layer of type ${MODULES[0]}, and the last is no tar+gzip archive`,
  );
}
