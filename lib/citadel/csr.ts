/**
 * PKCS #10 requests, checked before anything is signed. A request is only believed for its key: who gets the certificate is
 * what the caller has proven. So it may name the caller's own SPIFFE id or nothing at all, and whatever would widen a
 * certificate (other names, CA rights, unknown extensions) is refused rather than dropped, so that the one who tried is seen.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { type CertificationRequest, CertificationRequest as Pkcs10 } from '@peculiar/asn1-csr';
import { AsnConvert } from '@peculiar/asn1-schema';
import * as asn from '@peculiar/asn1-x509';

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

/** By the curve's OID in DER. The DER of a key is the prefix and the uncompressed point (RFC 5480, section 2). */
const CURVES: Readonly<Record<string, { crv: string; coordinate: number; prefix: Buffer }>> = {
  '06082a8648ce3d030107': {
    crv: 'P-256',
    coordinate: 32,
    prefix: Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex'),
  },
  '06052b81040022': {
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
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const KEYS_ALLOWED = 'ECDSA P-256 or P-384, or RSA of 2,048 to 4,096 bits';

/** @throws CsrError */
export function checkCsr(request: string | Uint8Array): CheckedCsr {
  const der = typeof request === 'string' ? derOf(request) : Buffer.from(request);
  if (der.length > MAX_CSR_LENGTH) {
    throw new CsrError('size', `request of ${der.length} bytes: at most ${MAX_CSR_LENGTH} are allowed`);
  }
  const parsed = parse(der);
  const { publicKey, key } = checkKey(parsed.certificationRequestInfo.subjectPKInfo);
  checkSignature(parsed, key);
  return { publicKey, key, uri: requestedUri(parsed), der };
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

function parse(der: Buffer): CertificationRequest {
  if (!isWholeSequence(der)) throw new CsrError('syntax', 'the request is not one DER sequence: truncated, or more');
  let parsed: CertificationRequest;
  try {
    parsed = AsnConvert.parse(der, Pkcs10);
  } catch {
    throw new CsrError('syntax', 'the request is not PKCS #10 in DER');
  }
  if (parsed.certificationRequestInfo.version !== 0 || !parsed.certificationRequestInfoRaw) {
    throw new CsrError('syntax', 'the request is not PKCS #10 version 1');
  }
  return parsed;
}

/** A SEQUENCE of a definite length in its shortest form that is exactly the length of the text. */
function isWholeSequence(der: Buffer): boolean {
  if (der.length < 4 || der[0] !== 0x30) return false;
  const first = der[1]!;
  if (first < 0x80) return der.length === first + 2;
  const bytes = first & 0x7f;
  if (bytes < 1 || bytes > 2 || der[2] === 0 || (bytes === 1 && der[2]! < 0x80)) return false;
  return der.length === der.readUIntBE(2, bytes) + 2 + bytes;
}

function checkKey({ algorithm, subjectPublicKey }: asn.SubjectPublicKeyInfo): Pick<CheckedCsr, 'publicKey' | 'key'> {
  const bits = Buffer.from(subjectPublicKey);
  try {
    if (algorithm.algorithm === EC_PUBLIC_KEY && algorithm.parameters) return ellipticKey(algorithm.parameters, bits);
    if (algorithm.algorithm === RSA_ENCRYPTION) return rsaKey(bits);
  } catch (error) {
    if (error instanceof CsrError) throw error;
    throw new CsrError('key', `the key cannot be read; ${KEYS_ALLOWED} is allowed`);
  }
  throw new CsrError('key', `the key's algorithm is not allowed; ${KEYS_ALLOWED} is`);
}

function ellipticKey(parameters: ArrayBuffer, point: Buffer): Pick<CheckedCsr, 'publicKey' | 'key'> {
  const curve = CURVES[Buffer.from(parameters).toString('hex')];
  if (!curve || point.length !== 1 + 2 * curve.coordinate || point[0] !== 4) {
    throw new CsrError('key', `the key's curve or point is not allowed; ${KEYS_ALLOWED} is`);
  }
  // As JWK, because OpenSSL's search for a decoder of DER costs five times the rest. A point off the curve throws.
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
function checkSignature(request: CertificationRequest, key: KeyObject): void {
  const algorithm = SIGNATURES[request.signatureAlgorithm.algorithm];
  if (algorithm?.key !== key.asymmetricKeyType) {
    throw new CsrError(
      'signature',
      'the signature algorithm is not allowed for the key; SHA-256, SHA-384 or SHA-512 with it is',
    );
  }
  const signed = Buffer.from(request.certificationRequestInfoRaw!);
  if (!verify(algorithm!.hash, signed, key, Buffer.from(request.signature))) {
    throw new CsrError('signature', "the signature is not by the request's own key");
  }
}

function requestedUri({ certificationRequestInfo: { attributes } }: CertificationRequest): string | undefined {
  const [attribute, ...others] = attributes ?? [];
  if (!attribute) return undefined;
  if (others.length > 0 || attribute.type !== EXTENSION_REQUEST || attribute.values.length !== 1) {
    throw new CsrError('extension', 'the request has attributes beside one list of extensions');
  }
  const extensions = read(attribute.values[0]!, asn.Extensions);
  const seen = new Set<string>();
  let uri: string | undefined;
  for (const { extnID, extnValue } of extensions) {
    if (seen.has(extnID)) throw new CsrError('extension', `extension ${extnID} is there twice`);
    seen.add(extnID);
    const check = Object.hasOwn(EXTENSIONS, extnID) ? EXTENSIONS[extnID] : undefined;
    if (!check) throw new CsrError('extension', `extension ${extnID} is not allowed: leave it out`);
    uri = check(extnValue.buffer) ?? uri;
  }
  return uri;
}

/** What a request may ask for; the certificate has its own, whatever is written here. */
const EXTENSIONS: Readonly<Record<string, (value: ArrayBuffer) => string | undefined>> = {
  [asn.id_ce_subjectAltName]: (value) => {
    const names = read(value, asn.SubjectAlternativeName);
    const [name] = names;
    if (names.length !== 1 || !name?.uniformResourceIdentifier) {
      throw new CsrError(
        'names',
        `the request names ${names.length} subjects: exactly one URI, and no other kind, is allowed`,
      );
    }
    return name.uniformResourceIdentifier;
  },
  [asn.id_ce_basicConstraints]: (value) => {
    const { cA, pathLenConstraint } = read(value, asn.BasicConstraints);
    if (cA || pathLenConstraint !== undefined)
      throw new CsrError('extension', 'the request asks for the rights of an authority');
    return undefined;
  },
  [asn.id_ce_keyUsage]: (value) => {
    const usage = read(value, asn.KeyUsage).toNumber();
    if (usage & (asn.KeyUsageFlags.keyCertSign | asn.KeyUsageFlags.cRLSign)) {
      throw new CsrError('extension', 'the request asks for the right to sign certificates');
    }
    return undefined;
  },
  [asn.id_ce_extKeyUsage]: (value) => {
    const allowed: readonly string[] = [asn.id_kp_serverAuth, asn.id_kp_clientAuth];
    if (!read(value, asn.ExtendedKeyUsage).every((usage) => allowed.includes(usage))) {
      throw new CsrError('extension', 'the request asks for another use than TLS servers and clients');
    }
    return undefined;
  },
  [asn.id_ce_subjectKeyIdentifier]: () => undefined,
};

function read<T>(value: ArrayBuffer, type: new () => T): T {
  try {
    return AsnConvert.parse(value, type);
  } catch {
    throw new CsrError('extension', 'an extension of the request cannot be read');
  }
}
