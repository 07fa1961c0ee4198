/** Certificates that rows and clients need, made once per run. */
import { createHash, webcrypto, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import type { Secret } from '../../../lib/api/kubernetes';
import { Authority, type Leaf } from '../../../lib/citadel/authority';
import { type AuthorityCertificate, makeAuthorityCertificate } from '../../../lib/citadel/authority-certificate';
import { Identities } from './identities';

/** Hosts that gateways of rows serve with TLS; one certificate for all of them, and one more for `second.example`. */
const SERVED = ['shop.example', '*.dev.example', 'second.example', 'third.example'];

const clock = () => new Date();

export class Given {
  private constructor(
    private readonly root: AuthorityCertificate,
    /** Signs what servers and the clients `partner` and `other` have. */
    readonly authority: Authority,
    private readonly leaves: ReadonlyMap<string, Leaf>,
    private readonly directory: string,
    /** Of the mesh. */
    readonly identities: Identities,
  ) {}

  /** @param directory where files for proxies are put. */
  static async make(directory: string): Promise<Given> {
    const root = await makeAuthorityCertificate({ name: 'partners', now: clock(), lifetimeSeconds: 86_400 });
    const authority = Authority.of(root, clock);
    const elsewhere = await Authority.selfSigned({ name: 'elsewhere', clock });
    const leaves = await Promise.all(
      (
        [
          ['server', authority, SERVED],
          ['second', authority, ['second.example']],
          ['pod', authority, ['reviews.shop.svc.cluster.local', 'api.outside.example', 'db.outside.example']],
          ['partner', authority, ['client.partner.example']],
          ['other', authority, ['other.partner.example']],
          ['foreign', elsewhere, ['client.partner.example']],
        ] as const
      ).map(async ([name, issuer, hosts]) => [name, await issuer.issue({ hosts: [...hosts] })] as const),
    );
    const claimant = await authority.issue({
      identity: { trustDomain: 'cluster.local', namespace: 'shop', serviceAccount: 'client' },
    });
    const rsa = await rsaLeaf('shop.example');
    const identities = await Identities.make(directory);
    const given = new Given(
      root,
      authority,
      new Map([...leaves, ['claimant', claimant], ['rsa', rsa]]),
      directory,
      identities,
    );
    await given.write();
    return given;
  }

  /**
   * `server`, `second`, `pod`; `partner`, `other` (of another name), `claimant` (of an identity of the mesh), `foreign` (of
   * another authority); and those of
   * `identities.ts`.
   */
  leaf(name: string): Leaf {
    const leaf = this.leaves.get(name) ?? this.identities.leaf(name);
    if (!leaf) throw new Error(`no certificate '${name}'; there are ${[...this.leaves.keys()].join(', ')}`);
    return leaf;
  }

  /** By which a certificate can be pinned: base64 of its public key's SHA-256, hex of its own. */
  pins(name: string): { spki: string; hash: string } {
    const certificate = new X509Certificate(this.leaf(name).certPem);
    const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
    const digest = (bytes: Buffer) => createHash('sha256').update(bytes);
    return { spki: digest(spki).digest('base64'), hash: digest(certificate.raw).digest('hex') };
  }

  /**
   * A file that the proxies can read: a certificate (`pod.crt`), its key (`pod.key`), the certificate of the authority
   * (`ca.crt`), or what that has revoked (`pod.crl`, `nothing.crl`).
   */
  file(name: string): string {
    return join(this.directory, name);
  }

  private async write(): Promise<void> {
    const files: [string, string][] = [
      ['ca.crt', this.authority.certPem],
      ['nothing.crl', await this.revocations()],
      ['pod.crl', await this.revocations('pod')],
      ['partner.crl', await this.revocations('partner')],
    ];
    for (const name of ['pod', 'partner']) {
      files.push([`${name}.crt`, this.leaf(name).certPem], [`${name}.key`, this.leaf(name).keyPem]);
    }
    for (const [name, text] of files) writeFileSync(this.file(name), text);
  }

  /** In PEM: the authority says that the certificate of that name, if one is given, is revoked. */
  async revocations(name?: string): Promise<string> {
    const day = 86_400_000;
    const crl = await x509.X509CrlGenerator.create(
      {
        issuer: new x509.X509Certificate(this.root.certPem).subject,
        thisUpdate: new Date(Date.now() - day),
        nextUpdate: new Date(Date.now() + day),
        // Without a reason the library writes an empty list of extensions, which no reader takes.
        entries: name
          ? [
              {
                serialNumber: new x509.X509Certificate(this.leaf(name).certPem).serialNumber,
                reason: x509.X509CrlReason.keyCompromise,
              },
            ]
          : [],
        signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
        signingKey: await signingKey(this.root.keyPem),
      },
      webcrypto as Parameters<typeof x509.X509CrlGenerator.create>[1],
    );
    // The library's own heading is not the one that OpenSSL reads.
    return x509.PemConverter.encode(crl.rawData, 'X509 CRL');
  }

  /** A Secret of the gateways' namespace with a certificate and its key. */
  secret(name: string, leaf = 'server', more: Record<string, string> = {}): Secret {
    const { certPem, keyPem } = this.leaf(leaf);
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace: 'shop' },
      stringData: { 'tls.crt': certPem, 'tls.key': keyPem, ...more },
    };
  }

  /** A Secret with the certificate of those who may sign clients' certificates. */
  trust(name: string): Secret {
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace: 'shop' },
      stringData: { 'ca.crt': this.authority.certPem },
    };
  }
}

async function signingKey(keyPem: string) {
  const der = x509.PemConverter.decodeFirst(keyPem);
  return webcrypto.subtle.importKey('pkcs8', der, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
}

/** Self-signed, since authorities of the mesh make ECDSA keys only. */
async function rsaLeaf(host: string): Promise<Leaf> {
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
  };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    { name: `CN=${host}`, keys, signingAlgorithm: algorithm },
    webcrypto as Parameters<typeof x509.X509CertificateGenerator.createSelfSigned>[1],
  );
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { certPem: certificate.toString('pem'), keyPem: x509.PemConverter.encode(key, 'PRIVATE KEY') };
}
