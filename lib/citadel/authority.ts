/** A certificate authority with one self-signed root that signs leaves directly and is forgotten with the process. */
import { generateKeyPairSync } from 'node:crypto';
import { type AuthorityCertificate, makeAuthorityCertificate } from './authority-certificate';
import type { Clock } from './clock';
import { blocks, pem } from './der';
import { Issuer } from './issuer';
import { BACKDATE_SECONDS, LEAF_SECONDS, lifetimeFrom } from './renewal';
import { LocalKey } from './signing-key';
import type { SubjectNames } from './subject-names';

export { BACKDATE_SECONDS, type Clock };

export interface AuthorityOptions {
  /** The common name of the root. */
  readonly name: string;
  readonly clock: Clock;
  /** How long the root lives, in seconds; default ten years. */
  readonly lifetimeSeconds?: number;
}

/** Whom a leaf speaks for; at least one name. */
export type LeafNames = SubjectNames;

export interface Leaf {
  readonly certPem: string;
  /** PKCS #8. */
  readonly keyPem: string;
}

const TEN_YEARS = 10 * 365 * 86_400;

export class Authority {
  private constructor(
    /** The root's certificate: what a client has to trust. */
    readonly certPem: string,
    private readonly issuer: Issuer,
    private readonly clock: Clock,
  ) {}

  /** Makes a new root. */
  static async selfSigned({ name, clock, lifetimeSeconds = TEN_YEARS }: AuthorityOptions): Promise<Authority> {
    return Authority.of(await makeAuthorityCertificate({ name, now: clock(), lifetimeSeconds }), clock);
  }

  /** One whose certificate and key there are already. */
  static of({ certPem, keyPem }: AuthorityCertificate, clock: Clock): Authority {
    return new Authority(certPem, new Issuer(blocks('CERTIFICATE', certPem)[0]!, new LocalKey(keyPem)), clock);
  }

  /**
   * Makes a key and signs a certificate for it, good for servers and clients.
   * @param lifetimeSeconds how long it lives; default one day, never longer than the root.
   * @throws Error when there is no name, a name is not one, or the root has expired.
   */
  async issue(names: LeafNames, lifetimeSeconds = LEAF_SECONDS): Promise<Leaf> {
    const now = this.clock();
    const { notAfter } = this.issuer;
    if (now >= notAfter) {
      throw new Error(`the root certificate expired on ${notAfter.toISOString()}: make a new authority`);
    }
    const { publicKey, privateKey } = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { type: 'spki', format: 'der' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const { der } = await this.issuer.issue({ publicKey, names, ...lifetimeFrom(now, lifetimeSeconds) });
    return { certPem: pem('CERTIFICATE', der), keyPem: privateKey };
  }
}
