/** The rules of `imageSignatures` of the mesh configuration. */
import type { MeshConfig } from '../../api';
import { isSignatureKey } from '../../world';
import { shown } from '../schema-check';
import type { Check } from './check';

export function checkImageSignatures({ imageSignatures }: MeshConfig, check: Check): void {
  const images = new Set<string>();
  check.each(imageSignatures, ({ image, publicKeys = [], allowUnsigned }, at) => {
    if (images.has(image)) at.at('image').error(`the image ${shown(image)} stands twice`);
    images.add(image);
    if (/[\s@]|:\/\//.test(image) || image.startsWith('/')) {
      at.at('image').error(
        `expected a registry and the beginning of a repository, got ${shown(image)}`,
        'write it like registry.example.com/filters, without scheme, tag and digest',
      );
    }
    if (publicKeys.length === 0 && !allowUnsigned) {
      at.error(
        'an entry has publicKeys, or allowUnsigned: true, got none',
        'add the key with which the images are signed',
      );
    }
    if (publicKeys.length > 0 && allowUnsigned) {
      at.at('allowUnsigned').error(
        'allowUnsigned has no place beside publicKeys, which hold',
        'leave one of the two out',
      );
    }
    at.at('publicKeys').each(publicKeys, (pem, place) => {
      if (isSignatureKey(pem)) return;
      place.error(
        'expected a public key in PEM (ECDSA, Ed25519, or RSA of at least 2048 bits)',
        'take it from cosign.pub, from -----BEGIN PUBLIC KEY----- on',
      );
    });
  });
}
