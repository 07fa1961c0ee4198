/**
 * A certificate authority with one self-signed root. Keys are ECDSA P-256, made by WebCrypto; the root's private key
 * cannot be exported.
 */
import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import { formatIdentity, type Identity } from '../world';

/** What time it is. */
export type Clock = () => Date;

/** How far before the clock's time a certificate begins, in seconds: machines in a mesh may be ten minutes behind. */
export const BACKDATE_SECONDS = 600;

export interface AuthorityOptions {
  /** The common name of the root. */
  readonly name: string;
  readonly clock: Clock;
  /** How long the root lives, in seconds; default ten years. */
  readonly lifetimeSeconds?: number;
}

/** Whom a leaf speaks for; at least one name. */
export interface LeafNames {
  /** Host names, also `*.example.com`, and IP addresses. */
  readonly hosts?: readonly string[];
  /** The workload; a certificate has at most one SPIFFE id (X.509-SVID, section 2). */
  readonly identity?: Identity;
}

export interface Leaf {
  readonly certPem: string;
  /** PKCS #8. */
  readonly keyPem: string;
}

const KEY = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;
const TEN_YEARS = 10 * 365 * 86_400;
const ONE_DAY = 86_400;

export class Authority {
  private constructor(
    private readonly root: x509.X509Certificate,
    private readonly key: webcrypto.CryptoKey,
    private readonly clock: Clock,
  ) {}

  /** Makes a new root. */
  static async selfSigned(options: AuthorityOptions): Promise<Authority> {
    const keys = await webcrypto.subtle.generateKey(KEY, false, ['sign', 'verify']);
    const root = await x509.X509CertificateGenerator.createSelfSigned(
      {
        serialNumber: serialNumber(),
        name: [{ CN: [options.name] }],
        ...lifetime(options.clock(), options.lifetimeSeconds ?? TEN_YEARS),
        signingAlgorithm: SIGNATURE,
        keys,
        extensions: [
          new x509.BasicConstraintsExtension(true, 0, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
          await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
        ],
      },
      webcrypto,
    );
    return new Authority(root, keys.privateKey, options.clock);
  }

  /** The root's certificate: what a client has to trust. */
  get certPem(): string {
    return pem(this.root);
  }

  /**
   * Makes a key and signs a certificate for it, good for servers and clients.
   * @param lifetimeSeconds how long it lives; default one day, never longer than the root.
   * @throws Error when there is no name, a name is not one, or the root has expired.
   */
  async issue(names: LeafNames, lifetimeSeconds = ONE_DAY): Promise<Leaf> {
    const san = subjectAlternativeNames(names);
    const now = this.clock();
    if (now >= this.root.notAfter) {
      throw new Error(`the root certificate expired on ${this.root.notAfter.toISOString()}: make a new authority`);
    }
    const { notBefore, notAfter } = lifetime(now, lifetimeSeconds);
    const keys = await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
    const certificate = await x509.X509CertificateGenerator.create(
      {
        serialNumber: serialNumber(),
        issuer: this.root.subjectName,
        notBefore: new Date(Math.max(notBefore.getTime(), this.root.notBefore.getTime())),
        notAfter: new Date(Math.min(notAfter.getTime(), this.root.notAfter.getTime())),
        signingAlgorithm: SIGNATURE,
        publicKey: keys.publicKey,
        signingKey: this.key,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
          // The subject is empty, so the names are critical (RFC 5280, section 4.1.2.6).
          new x509.SubjectAlternativeNameExtension(san, true),
          await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
          await x509.AuthorityKeyIdentifierExtension.create(this.root, false, webcrypto),
        ],
      },
      webcrypto,
    );
    return { certPem: pem(certificate), keyPem: await privateKeyPem(keys.privateKey) };
  }
}

function subjectAlternativeNames({ hosts = [], identity }: LeafNames): x509.JsonGeneralName[] {
  if (hosts.length === 0 && !identity) {
    throw new Error('a certificate needs a name: give at least one host or an identity');
  }
  const names: x509.JsonGeneralName[] = identity ? [{ type: 'url', value: formatIdentity(identity) }] : [];
  for (const host of new Set(hosts)) {
    if (isIP(host)) names.push({ type: 'ip', value: host });
    else if (HOST.test(host) && host.length <= 253) names.push({ type: 'dns', value: host });
    else {
      throw new Error(
        `host ${JSON.stringify(host.slice(0, 120))} cannot be in a certificate: use a lower-case DNS name, "*." before one, or an IP address`,
      );
    }
  }
  return names;
}

/** A DNS name, whose first label may be `*`. */
const HOST = /^(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

function lifetime(now: Date, seconds: number): { notBefore: Date; notAfter: Date } {
  if (!(seconds > 0)) throw new Error(`a certificate cannot live for ${seconds} seconds: give more than 0`);
  return {
    notBefore: new Date(now.getTime() - BACKDATE_SECONDS * 1000),
    notAfter: new Date(now.getTime() + seconds * 1000),
  };
}

/** 127 random bits: positive in DER, and unguessable (CA/Browser Forum asks for 64). */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem').trim()}\n`;
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY').trim()}\n`;
}
