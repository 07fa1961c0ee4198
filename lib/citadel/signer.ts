/** Who signs for workloads: our own authority, or an external one. */
import type { Identity } from '../world';
import type { CheckedCsr } from './csr';
import type { Lifetime } from './renewal';

/** All of it is proven: the identity by its credential, the key by the request's signature. */
export interface SigningRequest {
  readonly identity: Identity;
  readonly csr: CheckedCsr;
  /** Names of hosts beside the identity: for the control plane's own servers, never for what a caller asks. */
  readonly hosts?: readonly string[];
  readonly lifetimeSeconds: number;
  /** How far before now the certificate begins. Default `BACKDATE_SECONDS`. */
  readonly backdateSeconds?: number;
}

export interface SignedCertificate extends Lifetime {
  /** Each in PEM: the leaf, then its intermediates; without the root. */
  readonly chain: readonly string[];
}

export interface Signer {
  /** The only trust domain that it signs for. */
  readonly trustDomain: string;
  /** @throws SignerError when it cannot sign now. */
  sign(request: SigningRequest): Promise<SignedCertificate>;
  /** Each in PEM: every root that a member of the mesh has to trust now. */
  trustBundle(): readonly string[];
}

/** A certificate of the signer that has to be renewed in time. */
export interface Expiry extends Lifetime {
  readonly level: 'root' | 'intermediate';
}

/** A signer whose roots and certificates change in the course of time. */
export interface RotatingSigner extends Signer {
  /** The certificates above the leaves that it signs now. */
  expiries(): Expiry[];
  /** Calls `onChange` when the trust bundle, or what signs, is another one; returns how to stop. */
  subscribe(onChange: () => void): () => void;
  /**
   * Takes in what others have changed, and does what is due. To be called now and then, at the latest at the time that it
   * resolves to. Rejects when that cannot be done; what was in force stays.
   */
  rotate(): Promise<Date>;
}

/** The signer cannot sign, through no fault of the request. The message may be logged; callers are only told to try again. */
export class SignerError extends Error {
  override readonly name = 'SignerError';
}
