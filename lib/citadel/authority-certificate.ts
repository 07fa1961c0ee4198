/** Certificates of authorities: self-signed roots, and intermediates below them. ECDSA P-256. */
import { randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { BACKDATE_SECONDS } from './renewal';

const KEY = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;

export interface AuthorityCertificate {
  readonly certPem: string;
  /** PKCS #8. */
  readonly keyPem: string;
}

export interface AuthorityCertificateOptions {
  /** The common name. */
  readonly name: string;
  readonly now: Date;
  readonly lifetimeSeconds: number;
  /** How many authorities may stand between it and a leaf. Default 0. */
  readonly pathLength?: number;
  /** Who signs. Default: itself. */
  readonly parent?: AuthorityCertificate;
}

/** Makes a key and a certificate for it; neither lives longer than its parent. */
export async function makeAuthorityCertificate(options: AuthorityCertificateOptions): Promise<AuthorityCertificate> {
  const { name, now, lifetimeSeconds, pathLength = 0, parent } = options;
  if (!(lifetimeSeconds > 0))
    throw new Error(`a certificate cannot live for ${lifetimeSeconds} seconds: give more than 0`);
  const keys = await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
  const issuer = parent && new x509.X509Certificate(parent.certPem);
  const notBefore = now.getTime() - BACKDATE_SECONDS * 1000;
  const notAfter = now.getTime() + lifetimeSeconds * 1000;
  const certificate = await x509.X509CertificateGenerator.create(
    {
      // 126 random bits, as in leaves.
      serialNumber: Buffer.concat([Buffer.of(0x40 | (randomBytes(1)[0]! & 0x3f)), randomBytes(15)]).toString('hex'),
      subject: [{ CN: [name] }],
      issuer: issuer?.subjectName ?? [{ CN: [name] }],
      notBefore: new Date(Math.max(notBefore, issuer?.notBefore.getTime() ?? notBefore)),
      notAfter: new Date(Math.min(notAfter, issuer?.notAfter.getTime() ?? notAfter)),
      signingAlgorithm: SIGNATURE,
      publicKey: keys.publicKey,
      signingKey: parent ? await importKey(parent.keyPem) : keys.privateKey,
      extensions: [
        new x509.BasicConstraintsExtension(true, pathLength, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
        ...(issuer ? [await x509.AuthorityKeyIdentifierExtension.create(issuer, false, webcrypto)] : []),
      ],
    },
    webcrypto,
  );
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    certPem: `${certificate.toString('pem').trim()}\n`,
    keyPem: `${x509.PemConverter.encode(pkcs8, 'PRIVATE KEY').trim()}\n`,
  };
}

function importKey(keyPem: string): Promise<webcrypto.CryptoKey> {
  const [pkcs8] = x509.PemConverter.decode(keyPem);
  return webcrypto.subtle.importKey('pkcs8', pkcs8!, KEY, false, ['sign']);
}
