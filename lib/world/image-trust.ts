/** Whose signature an image needs: `imageSignatures` of the mesh configuration. */
import { createPublicKey } from 'node:crypto';
import type { ImageSignaturePolicy, MeshConfig } from '../api';

/**
 * `any`: nobody has declared anything. `unsigned`: it is declared that none is needed. `keys`: one of these has to have signed.
 * `none`: signatures are declared, and not for this image, so it is not to be had.
 */
export type ImageTrust =
  | { readonly kind: 'any' | 'unsigned' | 'none' }
  | { readonly kind: 'keys'; readonly publicKeys: readonly string[] };

/**
 * @param name `registry/repository`. Of several entries that hold for it the longest decides.
 * @param config as somebody wrote it: what is not of its form lets nothing be served that it would not let otherwise.
 */
export function imageTrust(name: string, { imageSignatures }: MeshConfig): ImageTrust {
  if (imageSignatures === undefined || imageSignatures === null) return { kind: 'any' };
  if (!Array.isArray(imageSignatures)) return { kind: 'none' };
  if (imageSignatures.length === 0) return { kind: 'any' };
  const longest = (imageSignatures as readonly (ImageSignaturePolicy | null)[])
    .filter((entry) => typeof entry?.image === 'string' && isImageOf(name, entry.image))
    .map((entry) => entry!)
    .sort((a, b) => (b.image === '*' ? -1 : b.image.length) - (a.image === '*' ? -1 : a.image.length))[0];
  if (!longest) return { kind: 'none' };
  if (isUnsigned(longest)) return { kind: 'unsigned' };
  const keys: readonly unknown[] = Array.isArray(longest.publicKeys) ? longest.publicKeys : [];
  return { kind: 'keys', publicKeys: keys.filter((key) => typeof key === 'string') };
}

/** Whoever names keys, too, means that they count. */
function isUnsigned({ allowUnsigned, publicKeys }: ImageSignaturePolicy): boolean {
  return allowUnsigned === true && (publicKeys === undefined || (Array.isArray(publicKeys) && publicKeys.length === 0));
}

/** By whole parts: `registry.example.com/filters` holds for what is below it, and not for `registry.example.com/filters-of-others`. */
function isImageOf(name: string, image: string): boolean {
  const place = image.replace(/\/+$/, '').replace(/^docker\.io(?=\/|$)/, 'index.docker.io');
  return image === '*' || name === place || name.startsWith(`${place}/`);
}

/** Whether a PEM text is a key that signs images: ECDSA, Ed25519, or RSA of at least 2,048 bits. */
export function isSignatureKey(pem: string): boolean {
  // A private key would be taken, too: it has a public one in it.
  if (!/^\s*-----BEGIN PUBLIC KEY-----/.test(pem)) return false;
  try {
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = createPublicKey(pem);
    return type === 'ec' || type === 'ed25519' || (type === 'rsa' && (details?.modulusLength ?? 0) >= 2048);
  } catch {
    return false;
  }
}
