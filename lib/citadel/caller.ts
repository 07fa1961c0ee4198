/** Who calls a gRPC service: by the certificate of its connection, or by the token of the call. */
import type { Metadata } from '@grpc/grpc-js';
import type { Identity } from '../world';
import type { Clock } from './clock';
import { identityOf } from './peer-certificate';
import { TokenError, type TokenReviewer } from './token-reviewer';

/** What somebody has proven about itself. */
export interface Credential {
  readonly identity: Identity;
  readonly kind: 'certificate' | 'token';
  /** The Pod for which a bound token was made. */
  readonly pod?: { readonly name: string; readonly uid: string };
  /** When the proof ends; whatever rests on it has to end as well. */
  readonly expiresAt: Date;
}

/** A caller without a credential that is accepted here. The message is for the log. */
export class CredentialError extends Error {
  override readonly name = 'CredentialError';

  constructor(
    message: string,
    /** The credential may be good; nobody can tell now. */
    readonly isTemporary = false,
  ) {
    super(message);
  }
}

/** The parts of a gRPC call that tell. */
export interface IncomingCall {
  readonly metadata: Metadata;
  getAuthContext(): { readonly sslPeerCertificate?: { readonly raw: Buffer; readonly valid_to: string } };
}

/** @throws CredentialError */
export type CallerOf = (call: IncomingCall) => Promise<Credential>;

const BEARER = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i;

/**
 * A certificate, where there is one, was verified at the handshake (`SecurePort`), and is cut off when it ends. A connection
 * without one needs a token in `authorization: Bearer …`.
 */
export function callerBy(options: { reviewer?: TokenReviewer; trustDomain: string; clock: Clock }): CallerOf {
  const { reviewer, trustDomain, clock } = options;
  return async (call) => {
    const certificate = call.getAuthContext().sslPeerCertificate;
    const credential = certificate
      ? certificateCredential(certificate, trustDomain)
      : await tokenCredential(call.metadata, trustDomain, reviewer);
    if (credential.expiresAt <= clock()) throw new CredentialError(`the ${credential.kind} has expired`);
    return credential;
  };
}

function certificateCredential({ raw, valid_to }: { raw: Buffer; valid_to: string }, trustDomain: string): Credential {
  let identity: Identity;
  try {
    identity = identityOf(raw);
  } catch (error) {
    throw new CredentialError((error as Error).message);
  }
  if (identity.trustDomain !== trustDomain) {
    throw new CredentialError(`the certificate is of trust domain ${identity.trustDomain}, not of ${trustDomain}`);
  }
  return { identity, kind: 'certificate', expiresAt: new Date(valid_to) };
}

async function tokenCredential(
  metadata: Metadata,
  trustDomain: string,
  reviewer: TokenReviewer | undefined,
): Promise<Credential> {
  const values = metadata.get('authorization');
  if (values.length === 0) throw new CredentialError('neither a certificate nor a token was shown');
  const token = values.length === 1 ? BEARER.exec(String(values[0]))?.[1] : undefined;
  if (!token) throw new CredentialError('the authorization of the call is not one bearer token');
  if (!reviewer) throw new CredentialError('tokens are not accepted here: show a certificate');
  try {
    const { namespace, serviceAccount, pod, expiresAt } = await reviewer.review(token);
    return { identity: { trustDomain, namespace, serviceAccount }, kind: 'token', pod, expiresAt };
  } catch (error) {
    const isTemporary = !(error instanceof TokenError) || error.failure === 'unavailable';
    throw new CredentialError((error as Error).message, isTemporary);
  }
}
