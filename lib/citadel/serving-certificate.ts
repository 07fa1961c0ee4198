/** The certificate of the control plane's own servers: made at start, renewed at half of its life with a new key. */
import { formatIdentity, type Identity } from '../world';
import { type Clock, systemClock } from './clock';
import { makeKeyPair } from './key-pair';
import { isDue, isOverdue, LEAF_SECONDS, type Lifetime, renewAt } from './renewal';
import type { Signer } from './signer';

export interface ServingCertificateOptions {
  readonly signer: Signer;
  readonly identity: Identity;
  /** By which names clients reach it. */
  readonly hosts: readonly string[];
  readonly clock?: Clock;
  /** Default one day. */
  readonly lifetimeSeconds?: number;
  /** From 0 to 1. */
  readonly random?: () => number;
}

interface Current extends Lifetime {
  readonly chain: readonly string[];
  readonly keyPem: string;
  readonly madeAt: Date;
  readonly renewAt: Date;
}

export class ServingCertificate {
  private readonly clock: Clock;

  private constructor(
    private readonly options: ServingCertificateOptions,
    private current: Current,
  ) {
    this.clock = options.clock ?? systemClock;
  }

  /** @throws Error when the signer does not sign. */
  static async make(options: ServingCertificateOptions): Promise<ServingCertificate> {
    return new ServingCertificate(options, await sign(options));
  }

  /** PEM: the leaf, then its intermediates. */
  get chainPem(): string {
    return this.current.chain.join('');
  }

  /** PKCS #8. */
  get keyPem(): string {
    return this.current.keyPem;
  }

  get expiry(): Lifetime {
    return { notBefore: this.current.notBefore, notAfter: this.current.notAfter };
  }

  /** When `renew` will do something. */
  get renewalAt(): Date {
    return this.current.renewAt;
  }

  /** Whether a renewal should have happened long ago. */
  get isOverdue(): boolean {
    return isOverdue(this.current.madeAt, this.current, this.clock());
  }

  /** Renews it when it is time. Resolves to whether there is a new one. @throws Error when the signer does not sign. */
  async renew(): Promise<boolean> {
    if (!isDue(this.current.renewAt, this.current, this.clock())) return false;
    this.current = await sign(this.options);
    return true;
  }

  /** What it is for, for logs. */
  toString(): string {
    return `${formatIdentity(this.options.identity)} until ${this.current.notAfter.toISOString()}`;
  }
}

async function sign(options: ServingCertificateOptions): Promise<Current> {
  const {
    signer,
    identity,
    hosts,
    lifetimeSeconds = LEAF_SECONDS,
    clock = systemClock,
    random = Math.random,
  } = options;
  const now = clock();
  const { keyPem, csr } = await makeKeyPair();
  const signed = await signer.sign({ identity, hosts, csr, lifetimeSeconds });
  return { ...signed, keyPem, madeAt: now, renewAt: renewAt(now, signed, random()) };
}
