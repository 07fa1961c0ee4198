/**
 * PKCS #10 requests, checked before anything is signed. A request is only believed for its key: who gets the certificate is
 * what the caller has proven. So it may name the caller's own SPIFFE id or nothing at all, and whatever would widen a
 * certificate (other names, CA rights, unknown extensions) is refused rather than dropped, so that the one who tried is seen.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { DerError, DerReader, oidText, Tag, wholeBits } from './der';

/** What a request may be refused for; also the label of the metric. */
export type CsrProblem = 'size' | 'syntax' | 'key' | 'signature' | 'extension' | 'names' | 'identity' | 'reused-key';

/** A request that nothing is signed for. The message says what was found and what is allowed; callers may see it. */
export class CsrError extends Error {
  override readonly name = 'CsrError';

  constructor(
    readonly problem: CsrProblem,
    message: string,
  ) {
    super(message);
  }
}

export interface CheckedCsr {
  /** SubjectPublicKeyInfo in DER, in its one canonical form. */
  readonly publicKey: Buffer;
  readonly key: KeyObject;
  /** The one URI name that it asks for, as written. */
  readonly uri?: string;
  /** The request as it came. */
  readonly der: Buffer;
}

/** In PEM; a request with an RSA key of 4,096 bits has 1.8 kB. */
export const MAX_CSR_LENGTH = 16_384;

/** By the OID of the curve. The DER of a key is the prefix and the uncompressed point (RFC 5480, section 2). */
const CURVES: Readonly<Record<string, { crv: string; coordinate: number; prefix: Buffer }>> = {
  '1.2.840.10045.3.1.7': {
    crv: 'P-256',
    coordinate: 32,
    prefix: Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex'),
  },
  '1.3.132.0.34': {
    crv: 'P-384',
    coordinate: 48,
    prefix: Buffer.from('3076301006072a8648ce3d020106052b81040022036200', 'hex'),
  },
};
const EC_PUBLIC_KEY = '1.2.840.10045.2.1';
const RSA_ENCRYPTION = '1.2.840.113549.1.1.1';
/** ecdsa-with-SHA* (RFC 5758) and sha*WithRSAEncryption (RFC 8017); nothing weaker. */
const SIGNATURES: Readonly<Record<string, { key: 'ec' | 'rsa'; hash: string }>> = {
  '1.2.840.10045.4.3.2': { key: 'ec', hash: 'sha256' },
  '1.2.840.10045.4.3.3': { key: 'ec', hash: 'sha384' },
  '1.2.840.10045.4.3.4': { key: 'ec', hash: 'sha512' },
  '1.2.840.113549.1.1.11': { key: 'rsa', hash: 'sha256' },
  '1.2.840.113549.1.1.12': { key: 'rsa', hash: 'sha384' },
  '1.2.840.113549.1.1.13': { key: 'rsa', hash: 'sha512' },
};
/** The context-specific tags of attributes, and of a URI among the names. */
const ATTRIBUTES = 0xa0;
const URI = 0x86;
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const KEYS_ALLOWED = 'ECDSA P-256 or P-384, or RSA of 2,048 to 4,096 bits';

/** @throws CsrError */
export function checkCsr(request: string | Uint8Array): CheckedCsr {
  const der = typeof request === 'string' ? derOf(request) : Buffer.from(request);
  if (der.length > MAX_CSR_LENGTH) {
    throw new CsrError('size', `request of ${der.length} bytes: at most ${MAX_CSR_LENGTH} are allowed`);
  }
  try {
    return check(der);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw new CsrError('syntax', `the request is not PKCS #10 in DER: ${error.message}`);
  }
}

function derOf(pem: string): Buffer {
  if (pem.length > MAX_CSR_LENGTH) {
    throw new CsrError('size', `request of ${pem.length} characters: at most ${MAX_CSR_LENGTH} are allowed`);
  }
  const match =
    /^\s*-----BEGIN (NEW )?CERTIFICATE REQUEST-----([A-Za-z0-9+/=\r\n]+)-----END \1?CERTIFICATE REQUEST-----\s*$/.exec(
      pem,
    );
  if (!match) throw new CsrError('syntax', 'the request is not one PEM block CERTIFICATE REQUEST');
  return Buffer.from(match[2]!, 'base64');
}

/** CertificationRequest (RFC 2986, section 4.2). */
function check(der: Buffer): CheckedCsr {
  const outer = new DerReader(der);
  const request = outer.enter(Tag.sequence);
  outer.end();
  const signed = request.takeWhole(Tag.sequence);
  const signatureAlgorithm = request.enter(Tag.sequence);
  const signature = wholeBits(request.take(Tag.bitString));
  request.end();

  const info = new DerReader(signed).enter(Tag.sequence);
  if (!info.take(Tag.integer).equals(Buffer.of(0))) throw new DerError('a version other than 1');
  // The subject is for people; no certificate gets it.
  info.take(Tag.sequence);
  const { publicKey, key } = checkKey(info.enter(Tag.sequence));
  const attributes = info.isAtEnd ? undefined : info.enter(ATTRIBUTES);
  info.end();
  checkSignature(signed, signatureAlgorithm, signature, key);
  return { publicKey, key, uri: attributes && requestedUri(attributes), der };
}

/** SubjectPublicKeyInfo (RFC 5280, section 4.1). */
function checkKey(info: DerReader): Pick<CheckedCsr, 'publicKey' | 'key'> {
  const algorithm = info.enter(Tag.sequence);
  const id = oidText(algorithm.take(Tag.oid));
  const curve = id === EC_PUBLIC_KEY && algorithm.tag === Tag.oid ? oidText(algorithm.take(Tag.oid)) : undefined;
  if (id === RSA_ENCRYPTION) algorithm.take(Tag.null);
  if (id === RSA_ENCRYPTION || curve) algorithm.end();
  const bits = wholeBits(info.take(Tag.bitString));
  info.end();
  try {
    if (curve) return ellipticKey(curve, bits);
    if (id === RSA_ENCRYPTION) return rsaKey(bits);
  } catch (error) {
    if (error instanceof CsrError) throw error;
    throw new CsrError('key', `the key cannot be read; ${KEYS_ALLOWED} is allowed`);
  }
  throw new CsrError('key', `the key's algorithm is not allowed; ${KEYS_ALLOWED} is`);
}

function ellipticKey(id: string, point: Buffer): Pick<CheckedCsr, 'publicKey' | 'key'> {
  const curve = Object.hasOwn(CURVES, id) ? CURVES[id] : undefined;
  if (!curve || point.length !== 1 + 2 * curve.coordinate || point[0] !== 4) {
    throw new CsrError('key', `the key's curve or point is not allowed; ${KEYS_ALLOWED} is`);
  }
  // As JWK, because OpenSSL searches long for a decoder of DER. A point off the curve throws.
  const key = createPublicKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: curve.crv,
      x: point.subarray(1, 1 + curve.coordinate).toString('base64url'),
      y: point.subarray(1 + curve.coordinate).toString('base64url'),
    },
  });
  return { key, publicKey: Buffer.concat([curve.prefix, point]) };
}

function rsaKey(bits: Buffer): Pick<CheckedCsr, 'publicKey' | 'key'> {
  const key = createPublicKey({ key: bits, format: 'der', type: 'pkcs1' });
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < 2048 || modulusLength > 4096 || publicExponent !== 65537n) {
    throw new CsrError(
      'key',
      `RSA key of ${modulusLength} bits with exponent ${publicExponent}; ${KEYS_ALLOWED} is allowed, with exponent 65537`,
    );
  }
  return { key, publicKey: key.export({ format: 'der', type: 'spki' }) };
}

/** Whoever signed holds the private key; the signature covers the bytes as they came. */
function checkSignature(signed: Buffer, algorithm: DerReader, signature: Buffer, key: KeyObject): void {
  const id = oidText(algorithm.take(Tag.oid));
  const known = Object.hasOwn(SIGNATURES, id) ? SIGNATURES[id] : undefined;
  if (known?.key !== key.asymmetricKeyType) {
    const allowed = 'SHA-256, SHA-384 or SHA-512 with it is';
    throw new CsrError('signature', `the signature algorithm is not allowed for the key; ${allowed}`);
  }
  if (known?.key === 'rsa') algorithm.take(Tag.null);
  algorithm.end();
  if (!verify(known!.hash, signed, key, signature)) {
    throw new CsrError('signature', "the signature is not by the request's own key");
  }
}

function requestedUri(attributes: DerReader): string | undefined {
  if (attributes.isAtEnd) return undefined;
  const attribute = attributes.enter(Tag.sequence);
  const id = oidText(attribute.take(Tag.oid));
  const values = attribute.enter(Tag.set);
  attribute.end();
  if (!attributes.isAtEnd || id !== EXTENSION_REQUEST) {
    throw new CsrError('extension', 'the request has attributes beside one list of extensions');
  }
  const extensions = values.enter(Tag.sequence);
  values.end();
  return checkExtensions(extensions);
}

function checkExtensions(extensions: DerReader): string | undefined {
  const seen = new Set<string>();
  let uri: string | undefined;
  while (!extensions.isAtEnd) {
    const extension = extensions.enter(Tag.sequence);
    const id = oidText(extension.take(Tag.oid));
    if (extension.tag === Tag.boolean && extension.take(Tag.boolean)[0] !== 0xff)
      throw new DerError('a default written out');
    const value = new DerReader(extension.take(Tag.octetString));
    extension.end();
    if (seen.has(id)) throw new CsrError('extension', `extension ${id} is there twice`);
    seen.add(id);
    const checkOne = Object.hasOwn(EXTENSIONS, id) ? EXTENSIONS[id] : undefined;
    if (!checkOne) throw new CsrError('extension', `extension ${id} is not allowed: leave it out`);
    uri = checkOne(value) ?? uri;
    value.end();
  }
  return uri;
}

/** What a request may ask for (RFC 5280, section 4.2.1); the certificate has its own, whatever is written here. */
const EXTENSIONS: Readonly<Record<string, (value: DerReader) => string | undefined>> = {
  // Subject alternative names.
  '2.5.29.17': (value) => {
    const names = value.enter(Tag.sequence);
    const uri = names.tag === URI ? names.take(URI).toString('latin1') : undefined;
    if (uri === undefined || !names.isAtEnd) {
      throw new CsrError(
        'names',
        'the request names other subjects than one URI: exactly one, and no other kind, is allowed',
      );
    }
    return uri;
  },
  // Basic constraints: FALSE is the default, and therefore empty.
  '2.5.29.19': (value) => {
    if (!value.enter(Tag.sequence).isAtEnd)
      throw new CsrError('extension', 'the request asks for the rights of an authority');
    return undefined;
  },
  // Key usage: keyCertSign is bit 5, cRLSign bit 6.
  '2.5.29.15': (value) => {
    if (value.take(Tag.bitString)[1]! & 0x06) {
      throw new CsrError('extension', 'the request asks for the right to sign certificates');
    }
    return undefined;
  },
  // Extended key usage: servers and clients of TLS.
  '2.5.29.37': (value) => {
    for (const usages = value.enter(Tag.sequence); !usages.isAtEnd; ) {
      if (!['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'].includes(oidText(usages.take(Tag.oid)))) {
        throw new CsrError('extension', 'the request asks for another use than TLS servers and clients');
      }
    }
    return undefined;
  },
  // Subject key identifier.
  '2.5.29.14': (value) => {
    value.take(Tag.octetString);
    return undefined;
  },
};
