/** What an authority signs with. The private key itself may be elsewhere, as in a KMS. */
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';

/** Signs with ECDSA and SHA-256. */
export interface SigningKey {
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Buffer;
  /** The signature over `bytes`, in DER. */
  sign(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

/**
 * A private key in this process. It lives in OpenSSL's memory and a private field: neither JSON, nor an inspection, nor a
 * heap snapshot shows it.
 */
export class LocalKey implements SigningKey {
  readonly publicKey: Buffer;
  readonly #key: KeyObject;

  /** @param keyPem PKCS #8 or SEC 1, not encrypted. @throws Error when it is no key on P-256. */
  constructor(keyPem: string) {
    try {
      this.#key = createPrivateKey(keyPem);
    } catch {
      // OpenSSL's message may hold parts of what it could not read.
      throw new Error('the private key of the authority cannot be read: give one in PEM, without a passphrase');
    }
    if (this.#key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
      const { asymmetricKeyType: type } = this.#key;
      throw new Error(`the private key of the authority is of type ${type}: an ECDSA key on P-256 is needed`);
    }
    this.publicKey = createPublicKey(this.#key).export({ format: 'der', type: 'spki' });
  }

  sign(bytes: Uint8Array): Uint8Array {
    return sign('sha256', bytes, this.#key);
  }
}
