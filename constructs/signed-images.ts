/** Who has to have signed the images of WebAssembly modules. */
import type { ImageSignaturePolicy } from '../lib/api';
import { isSignatureKey } from '../lib/world';
import { problemAt } from './problem';

/** Images of one place, and whose signature they need. */
export class SignedImages {
  /**
   * Those below `place` have to be signed, by `cosign sign --key`, with one of these keys.
   * @param place the registry and the beginning of the repository, by whole parts: `ghcr.io/acme`; `*` for all.
   * @param publicKeys in PEM, as in `cosign.pub`: ECDSA, Ed25519, or RSA of at least 2,048 bits.
   * @throws when one of them is no such key.
   */
  static by(place: string, ...publicKeys: readonly [string, ...string[]]): SignedImages {
    for (const [index, pem] of publicKeys.entries()) {
      if (isSignatureKey(pem)) continue;
      throw problemAt('SignedImages.by', {
        code: 'MAL0176',
        what: `images of ${place} have keys that have signed them`,
        got: `no public key as number ${index + 1}`,
        allowed: 'PEM that begins with -----BEGIN PUBLIC KEY-----: ECDSA, Ed25519, or RSA of at least 2048 bits',
        fix: 'read it from the cosign.pub that cosign generate-key-pair has written',
      });
    }
    return new SignedImages({ image: place, publicKeys: [...publicKeys] });
  }

  /** Those below `place` need no signature, although others do. */
  static unsigned(place: string): SignedImages {
    return new SignedImages({ image: place, allowUnsigned: true });
  }

  private constructor(
    /** @internal */
    readonly policy: ImageSignaturePolicy,
  ) {}
}
