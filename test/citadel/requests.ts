/** PKCS #10 requests of every kind, good and bad. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { pem, sequence, tlv } from '../../lib/citadel/der';

export const oid = (text: string): Buffer => {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const bytes = [first * 40 + second].flatMap((value) => [value]);
  for (const part of rest) {
    const groups = [part & 0x7f];
    for (let left = part >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return tlv(0x06, Buffer.from(bytes));
};

export const extension = (id: string, value: Buffer, critical = false): Buffer =>
  sequence(oid(id), ...(critical ? [Buffer.of(1, 1, 0xff)] : []), tlv(0x04, value));

export const uri = (text: string): Buffer => tlv(0x86, Buffer.from(text, 'latin1'));
export const dns = (text: string): Buffer => tlv(0x82, Buffer.from(text, 'latin1'));
export const email = (text: string): Buffer => tlv(0x81, Buffer.from(text, 'latin1'));
export const ip = (...bytes: number[]): Buffer => tlv(0x87, Buffer.from(bytes));
export const names = (...all: Buffer[]): Buffer => extension('2.5.29.17', sequence(...all), true);
/** `CA:TRUE`, or FALSE. */
export const constraints = (isAuthority: boolean): Buffer =>
  extension('2.5.29.19', isAuthority ? sequence(Buffer.of(1, 1, 0xff)) : sequence(), true);
export const keyUsage = (bits: number): Buffer => extension('2.5.29.15', tlv(0x03, Buffer.of(0, bits)), true);
export const extendedKeyUsage = (...ids: string[]): Buffer => extension('2.5.29.37', sequence(...ids.map(oid)));

export interface RequestOptions {
  readonly keys?: { publicKey: KeyObject; privateKey: KeyObject };
  /** Who signs instead of the key of the request. */
  readonly signedBy?: KeyObject;
  readonly hash?: string;
  /** The OID of the signature, where it is not ECDSA with SHA-256. */
  readonly signature?: string;
  readonly subject?: Buffer;
}

export const ecKeys = (curve = 'P-256') => generateKeyPairSync('ec', { namedCurve: curve });

/** A request with these extensions, in DER. */
export function request(extensions: readonly Buffer[] = [], options: RequestOptions = {}): Buffer {
  const { publicKey, privateKey } = options.keys ?? ecKeys();
  const attributes =
    extensions.length > 0
      ? tlv(0xa0, sequence(oid('1.2.840.113549.1.9.14'), tlv(0x31, sequence(...extensions))))
      : tlv(0xa0);
  const info = sequence(
    Buffer.of(2, 1, 0),
    options.subject ?? sequence(),
    publicKey.export({ format: 'der', type: 'spki' }),
    attributes,
  );
  const isRsa = publicKey.asymmetricKeyType === 'rsa';
  const algorithm = sequence(oid(options.signature ?? '1.2.840.10045.4.3.2'), ...(isRsa ? [Buffer.of(5, 0)] : []));
  const signature = sign(options.hash ?? 'sha256', info, options.signedBy ?? privateKey);
  return sequence(info, algorithm, tlv(0x03, Buffer.of(0), signature));
}

export const inPem = (der: Buffer): string => pem('CERTIFICATE REQUEST', der);
