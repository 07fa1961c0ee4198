/**
 * Signatures of images as cosign keeps them beside the image, under the tag `sha256-DIGEST.sig`: one layer for each, whose bytes say what
 * is signed, and whose annotation is the signature of those bytes
 * (https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md). By keys alone: certificates and transparency logs are not looked at.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { isSignatureKey } from '../../world';
import { ImageError } from './image-error';
import { readManifest } from './image-manifest';
import type { RegistryClient } from './registry-client';

export interface ImageSignature {
  /** What is signed. */
  readonly payload: Buffer;
  readonly signature: Buffer;
}

const LAYER = 'application/vnd.dev.cosign.simplesigning.v1+json';
const ANNOTATION = 'dev.cosignproject.cosign/signature';
const TYPE = 'cosign container image signature';
const MAX_SIGNATURES = 32;
const MAX_PAYLOAD_BYTES = 65_536;

/** All signatures of a digest, whoever has made them; none where the registry has none. @throws ImageError when they cannot be read. */
export async function signaturesOf(client: RegistryClient, digest: string): Promise<ImageSignature[]> {
  const found = await client.manifest(`${digest.replace(':', '-')}.sig`);
  if (!found) return [];
  const manifest = readManifest(found.bytes);
  if (manifest.kind !== 'image') throw new ImageError('the signatures of the image are no manifest of an image');
  const layers = manifest.layers.filter(
    ({ mediaType, annotations }) => mediaType === LAYER && annotations[ANNOTATION] !== undefined,
  );
  if (layers.length > MAX_SIGNATURES) throw new ImageError(`the image has more than ${MAX_SIGNATURES} signatures`);
  const signatures: ImageSignature[] = [];
  for (const { digest: of, size, annotations } of layers) {
    if (size > MAX_PAYLOAD_BYTES) continue;
    const payload = await client.blob(of, size);
    signatures.push({ payload, signature: Buffer.from(annotations[ANNOTATION]!, 'base64') });
  }
  return signatures;
}

/** Whether one of the keys, in PEM, has signed one of the digests. */
export function isSignedBy(
  signatures: readonly ImageSignature[],
  digests: readonly string[],
  publicKeys: readonly string[],
): boolean {
  const keys = publicKeys.filter(isSignatureKey).map((pem) => createPublicKey(pem));
  return signatures.some(
    (each) => digests.includes(signedDigest(each.payload) ?? '') && keys.some((key) => isValid(each, key)),
  );
}

/** The digest that a payload is about; undefined when it is none of cosign's. The name of the image in it is not looked at, as cosign does not: images move. */
export function signedDigest(payload: Buffer): string | undefined {
  try {
    const { critical } = JSON.parse(payload.toString()) as { critical?: { type?: unknown; image?: object } };
    const digest = (critical?.image as Record<string, unknown> | undefined)?.['docker-manifest-digest'];
    return critical?.type === TYPE && typeof digest === 'string' ? digest : undefined;
  } catch {
    return undefined;
  }
}

function isValid({ payload, signature }: ImageSignature, key: KeyObject): boolean {
  // Ed25519 has its own hash within.
  const hash = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  try {
    return verify(hash, payload, key, signature);
  } catch {
    return false;
  }
}
