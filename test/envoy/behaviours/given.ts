/** Certificates that rows and clients need, made once per run. */
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
    return new Given(authority, new Map(leaves));
  }

  /** `server`, `second`, `pod`; `partner`, `other` (of another name), `foreign` (of another authority). */
  leaf(name: string): Leaf {
    const leaf = this.leaves.get(name);
    if (!leaf) throw new Error(`no certificate '${name}'; there are ${[...this.leaves.keys()].join(', ')}`);
    return leaf;
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
