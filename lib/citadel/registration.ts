/** The registration authority: what is checked before a signer sees a request, whichever way it came. */
import { createHash } from 'node:crypto';
import { formatIdentity, type Identity } from '../world';
import { CsrError, checkCsr } from './csr';
import { LEAF_SECONDS } from './renewal';
import type { SignedCertificate, Signer } from './signer';

export interface RegistrationOptions {
  /** When the caller names no lifetime, in seconds. Default one day. */
  readonly defaultLifetimeSeconds?: number;
  /** What nobody gets more than, in seconds. Default the same. */
  readonly maxLifetimeSeconds?: number;
  /** What nobody gets less than, in seconds. Default 60. */
  readonly minLifetimeSeconds?: number;
}

/** A lifetime that nobody gets. */
export class LifetimeError extends Error {
  override readonly name = 'LifetimeError';
}

/** How many keys are remembered with whom they belong to. */
const REMEMBERED_KEYS = 65_536;

export class Registration {
  private readonly minSeconds: number;
  private readonly defaultSeconds: number;
  private readonly maxSeconds: number;
  /** Identity by key; the one used last is last. */
  private readonly owners = new Map<string, string>();

  constructor(
    private readonly signer: Signer,
    options: RegistrationOptions = {},
  ) {
    this.maxSeconds = options.maxLifetimeSeconds ?? LEAF_SECONDS;
    this.defaultSeconds = Math.min(options.defaultLifetimeSeconds ?? LEAF_SECONDS, this.maxSeconds);
    this.minSeconds = Math.min(options.minLifetimeSeconds ?? 60, this.defaultSeconds);
  }

  /** The roots to hand out with a certificate, each in PEM. */
  trustBundle(): readonly string[] {
    return this.signer.trustBundle();
  }

  /**
   * @param identity who asks, as proven by a credential; the request's own word is only compared with it.
   * @param request PKCS #10, in PEM or DER.
   * @param lifetime in seconds; 0 or undefined leaves it to us.
   * @throws CsrError, LifetimeError, or SignerError
   */
  async certify(
    identity: Identity,
    request: string | Uint8Array,
    lifetime?: { seconds?: number; backdateSeconds?: number },
  ): Promise<SignedCertificate> {
    const id = formatIdentity(identity);
    if (identity.trustDomain !== this.signer.trustDomain) {
      throw new CsrError(
        'identity',
        `${id} is not of trust domain ${this.signer.trustDomain}: nothing is signed for others`,
      );
    }
    const lifetimeSeconds = this.lifetime(lifetime?.seconds);
    const csr = checkCsr(request);
    if (csr.uri !== undefined && csr.uri !== id) {
      throw new CsrError('identity', `the request names another identity than its caller's, which is ${id}`);
    }
    this.claim(csr.publicKey, id);
    return this.signer.sign({ identity, csr, lifetimeSeconds, backdateSeconds: lifetime?.backdateSeconds });
  }

  private lifetime(seconds: number | undefined): number {
    if (!seconds) return this.defaultSeconds;
    if (seconds >= this.minSeconds && seconds <= this.maxSeconds) return seconds;
    throw new LifetimeError(
      `a certificate for ${seconds} seconds is not given: ask for ${this.minSeconds} to ${this.maxSeconds}, or 0 for ${this.defaultSeconds}`,
    );
  }

  /** Whoever holds a key is the identity that it was certified for; a second identity with it would be an impersonation. */
  private claim(publicKey: Buffer, id: string): void {
    const key = createHash('sha256').update(publicKey).digest('base64');
    const owner = this.owners.get(key);
    if (owner !== undefined && owner !== id) {
      throw new CsrError('reused-key', 'the key of the request belongs to another identity: make a new one');
    }
    this.owners.delete(key);
    this.owners.set(key, id);
    if (this.owners.size > REMEMBERED_KEYS) this.owners.delete(this.owners.keys().next().value!);
  }
}
