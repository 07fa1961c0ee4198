/** One image, pulled: what it is called, asked of its registry, checked, and its module taken out. */
import { createHash } from 'node:crypto';
import { type ImageReference, type ImageTrust, repositoryName } from '../../world';
import { ImageError } from './image-error';
import { type Descriptor, imageOfIndex, moduleLayer, readManifest } from './image-manifest';
import { type ImageSignature, isSignedBy, signaturesOf } from './image-signature';
import { checkModule, MAX_MODULE_BYTES, moduleInArchive, tooLarge } from './module-archive';
import { RegistryClient, type RegistryOptions } from './registry-client';
import type { RegistryCredentials } from './registry-credentials';

export interface PullRequest {
  readonly reference: ImageReference;
  /** Of the image or of the module, in hexadecimal digits. Default: any. */
  readonly sha256?: string;
  readonly credentials?: RegistryCredentials;
  /** Who has to have signed the image. Default: nobody. */
  readonly trust?: ImageTrust;
  /** What was pulled before: signatures of the same image are not read again. */
  readonly before?: Pulled;
  /** A module that was taken out of this layer before, of this repository. */
  readonly known?: (layer: LayerName) => Module | undefined;
  readonly registry?: RegistryOptions;
}

/** `registry/repository@sha256:…`: a digest alone would let one repository stand for another, which may not be read. */
export type LayerName = string;

export interface Module {
  /** In hexadecimal digits. */
  readonly sha256: string;
  readonly base64: string;
}

export interface Pulled {
  /** Of the manifest that the reference leads to. */
  readonly digest: string;
  readonly layer: LayerName;
  /** `registry/repository`. */
  readonly name: string;
  /** Those of the manifests that a signature may be about. */
  readonly digests: readonly string[];
  /** Of anybody; empty where none is needed. */
  readonly signatures: readonly ImageSignature[];
  readonly module: Module;
  /** That were read for the module; 0 where it was known. */
  readonly bytes: number;
}

/** @throws ImageError that says why there is no module. */
export async function pull(request: PullRequest): Promise<Pulled> {
  const { reference, known } = request;
  const client = new RegistryClient(reference, request.credentials, request.registry);
  // Asked in any case, and with the object's own credentials: so nobody gets what they may not read.
  const { digests, layers } = await imageOf(client, reference);
  const digest = digests[0]!;
  const name = repositoryName(reference);
  const signatures = await trusted(client, name, digests, request);
  const { layer, isArchive } = moduleLayer(layers);
  const layerName = `${name}@${layer.digest}`;
  const before = known?.(layerName);
  const module = before ?? (await moduleOf(client, layer, isArchive));
  checkSum(request, digest, module);
  return { digest, name, digests, signatures, layer: layerName, module, bytes: before ? 0 : layer.size };
}

async function imageOf(client: RegistryClient, reference: ImageReference) {
  const first = await manifestOf(client, reference, reference.digest ?? reference.tag!);
  const manifest = readManifest(first.bytes);
  if (manifest.kind === 'image') return { digests: [first.digest], layers: manifest.layers };
  const chosen = imageOfIndex(manifest.manifests);
  const image = readManifest((await manifestOf(client, reference, chosen.digest)).bytes);
  if (image.kind !== 'image') throw new ImageError('the image of a platform is an index again');
  return { digests: [first.digest, chosen.digest], layers: image.layers };
}

/** The signatures by which the image is trusted. @throws ImageError when it is not. */
async function trusted(
  client: RegistryClient,
  name: string,
  digests: readonly string[],
  { trust = { kind: 'any' }, before }: PullRequest,
): Promise<readonly ImageSignature[]> {
  if (trust.kind === 'none') throw ImageError.verdict(`no entry of imageSignatures holds for ${name}`);
  if (trust.kind !== 'keys') return [];
  if (before && before.digest === digests[0] && isTrusted(before, trust)) return before.signatures;
  const signatures: ImageSignature[] = [];
  for (const digest of digests) signatures.push(...(await signaturesOf(client, digest)));
  if (isSignedBy(signatures, digests, trust.publicKeys)) return signatures;
  const found = signatures.length === 0 ? 'there is none' : `none of its ${signatures.length} is`;
  throw ImageError.verdict(`${name}@${digests[0]} has no signature by a key of imageSignatures: ${found}`);
}

/** Whether what was pulled may be served, of which nothing is asked again. */
export function isTrusted({ signatures, digests }: Pulled, trust: ImageTrust): boolean {
  if (trust.kind === 'keys') return isSignedBy(signatures, digests, trust.publicKeys);
  return trust.kind !== 'none';
}

async function manifestOf(client: RegistryClient, reference: ImageReference, name: string) {
  const manifest = await client.manifest(name);
  if (manifest) return manifest;
  throw new ImageError(`${reference.registry} has no ${reference.repository}${name.includes(':') ? '@' : ':'}${name}`);
}

async function moduleOf(client: RegistryClient, layer: Descriptor, isArchive: boolean): Promise<Module> {
  if (layer.size > MAX_MODULE_BYTES) throw ImageError.verdict(tooLarge(layer.size));
  const blob = await client.blob(layer.digest, layer.size);
  const bytes = isArchive ? await moduleInArchive(blob) : blob;
  checkModule(bytes);
  return { sha256: createHash('sha256').update(bytes).digest('hex'), base64: bytes.toString('base64') };
}

function checkSum({ sha256 }: PullRequest, digest: string, module: Module): void {
  if (!sha256 || digest === `sha256:${sha256}` || module.sha256 === sha256) return;
  throw ImageError.verdict(
    `the checksum is ${digest.slice('sha256:'.length)}, and of its module ${module.sha256}; sha256 asks for another`,
  );
}
