/** Certificates that rows and clients need, made once per run. */
import { createHash, webcrypto, X509Certificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { Secret } from '../../../lib/api/kubernetes';
import { Authority, type Leaf } from '../../../lib/citadel/authority';

/** Hosts that gateways of rows serve with TLS; one certificate for all of them, and one more for `second.example`. */
const SERVED = ['shop.example', '*.dev.example', 'second.example', 'third.example'];

const clock = () => new Date();

export class Given {
  private constructor(
    /** Signs what servers and the clients `partner` and `other` have. */
    readonly authority: Authority,
    private readonly leaves: ReadonlyMap<string, Leaf>,
  ) {}

  static async make(): Promise<Given> {
    const authority = await Authority.selfSigned({ name: 'partners', clock });
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
    return new Given(authority, new Map([...leaves, ['rsa', await rsaLeaf('shop.example')]]));
  }

  /** `server`, `second`, `pod`; `partner`, `other` (of another name), `foreign` (of another authority). */
  leaf(name: string): Leaf {
    const leaf = this.leaves.get(name);
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
