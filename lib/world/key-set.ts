/** JSON Web Key Sets (RFC 7517), as far as whether anything can be checked with them. */
import { createPublicKey, type JsonWebKey } from 'node:crypto';

/** RFC 7518, section 3.3. */
const SHORTEST_RSA = 2048;
const CURVES = ['P-256', 'P-384', 'P-521', 'Ed25519'];
const ALGORITHMS: Readonly<Record<string, RegExp>> = {
  RSA: /^[RP]S(256|384|512)$/,
  EC: /^ES(256|384|512)$/,
  OKP: /^EdDSA$/,
};

/**
 * The public keys of a set by which a signature can be checked. Undefined when the text is no key set. Whoever knows a symmetric key can
 * sign with it, so that these never count.
 */
export function usableKeys(text: string): readonly object[] | undefined {
  let keys: unknown;
  try {
    keys = (JSON.parse(text) as { keys?: unknown } | null)?.keys;
  } catch {
    return undefined;
  }
  return Array.isArray(keys) ? keys.filter(isUsable) : undefined;
}

function isUsable(key: unknown): key is object {
  if (typeof key !== 'object' || key === null) return false;
  const { kty, alg, crv } = key as JsonWebKey & { alg?: unknown };
  // An object in place of a text may throw when it is asked to become one.
  if (typeof kty !== 'string' || !Object.hasOwn(ALGORITHMS, kty)) return false;
  if (alg !== undefined && (typeof alg !== 'string' || !ALGORITHMS[kty]!.test(alg))) return false;
  if (kty !== 'RSA' && !CURVES.includes(crv ?? '')) return false;
  try {
    const { asymmetricKeyDetails } = createPublicKey({ key: key as JsonWebKey, format: 'jwk' });
    return kty !== 'RSA' || (asymmetricKeyDetails?.modulusLength ?? 0) >= SHORTEST_RSA;
  } catch {
    return false;
  }
}
