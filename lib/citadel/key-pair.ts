/** Keys that are made here: for the control plane's own servers, and for workloads whose cluster cannot make them. */
import { createPublicKey, generateKeyPair, sign } from 'node:crypto';
import { promisify } from 'node:util';
import type { CheckedCsr } from './csr';
import { bitString, sequence, Tag, tlv } from './der';

export interface KeyPair {
  /** PKCS #8, ECDSA P-256. */
  readonly keyPem: string;
  /** An empty request, which needs no check: external authorities want one. */
  readonly csr: CheckedCsr;
}

/** Beside the event loop: a key costs as much as two signatures. */
const generate = promisify(generateKeyPair);

export async function makeKeyPair(): Promise<KeyPair> {
  const { privateKey } = await generate('ec', { namedCurve: 'P-256' });
  const key = createPublicKey(privateKey);
  const publicKey = key.export({ format: 'der', type: 'spki' });
  const info = sequence(tlv(Tag.integer, Buffer.of(0)), sequence(), publicKey, tlv(0xa0));
  const ecdsaWithSha256 = sequence(tlv(Tag.oid, Buffer.from('2a8648ce3d040302', 'hex')));
  const der = sequence(info, ecdsaWithSha256, bitString(sign('sha256', info, privateKey)));
  return { keyPem: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(), csr: { der, key, publicKey } };
}
