/** Who calls a gRPC service: by the certificate of its connection, or by the token of the call. */
import type { Metadata } from '@grpc/grpc-js';
import { addressOfPeer, type Identity, isAddressOf } from '../world';
import { type Clock, systemClock } from './clock';
import { claimantOf } from './jwt';
import { identityOf } from './peer-certificate';
import { TokenError, type TokenIdentity, type TokenReviewer } from './token-reviewer';

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
  /** `ADDRESS:PORT` */
  getPeer(): string;
  getAuthContext(): { readonly sslPeerCertificate?: { readonly raw: Buffer; readonly valid_to: string } };
}

/** A Pod, as the mesh knows it. */
export interface KnownPod {
  readonly uid?: string;
  readonly addresses: readonly string[];
}

/** The Pods of the mesh. */
export interface PodDirectory {
  /** Undefined when there is no such Pod, or it is not known yet. */
  knownPod(namespace: string, name: string): KnownPod | undefined;
}

/** @throws CredentialError */
export type CallerOf = (call: IncomingCall) => Promise<Credential>;

const BEARER = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i;

export interface CallerOptions {
  /** Who reviews tokens. Default: none are accepted. */
  readonly reviewer?: TokenReviewer;
  readonly trustDomain: string;
  readonly clock?: Clock;
  /** Where given, the token of a Pod is accepted from that Pod's address alone. */
  readonly pods?: PodDirectory;
}

/**
 * A certificate, where there is one, was verified at the handshake (`SecurePort`), and is cut off when it ends. A connection
 * without one needs a token in `authorization: Bearer …`.
 */
export function callerBy(options: CallerOptions): CallerOf {
  const { trustDomain, clock = systemClock } = options;
  return async (call) => {
    const certificate = call.getAuthContext().sslPeerCertificate;
    const credential = certificate
      ? certificateCredential(certificate, trustDomain)
      : await tokenCredential(call, options);
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

async function tokenCredential(call: IncomingCall, options: CallerOptions): Promise<Credential> {
  const { reviewer, trustDomain, pods } = options;
  const values = call.metadata.get('authorization');
  if (values.length === 0) throw new CredentialError('neither a certificate nor a token was shown');
  const token = values.length === 1 ? BEARER.exec(String(values[0]))?.[1] : undefined;
  if (!token) throw new CredentialError('the authorization of the call is not one bearer token');
  if (!reviewer) throw new CredentialError('tokens are not accepted here: show a certificate');
  const reviewed = await review(token, reviewer);
  const { namespace, serviceAccount, pod, expiresAt } = reviewed;
  if (pod && pods) checkOrigin(call.getPeer(), `${namespace}/${pod.name}`, pod.uid, pods.knownPod(namespace, pod.name));
  return { identity: { trustDomain, namespace, serviceAccount }, kind: 'token', pod, expiresAt };
}

async function review(token: string, reviewer: TokenReviewer): Promise<TokenIdentity> {
  try {
    return await reviewer.review(token);
  } catch (error) {
    const isTemporary = !(error instanceof TokenError) || error.failure === 'unavailable';
    const claimant = claimantOf(token);
    const who = claimant === undefined ? '' : ` (it says to be of ${claimant})`;
    throw new CredentialError((error as Error).message + who, isTemporary);
  }
}

/** A token that was stolen is worth nothing on another node: connections of a Pod come from its address. */
function checkOrigin(peer: string, name: string, uid: string, known: KnownPod | undefined): void {
  if (!known) throw new CredentialError(`the Pod ${name} of the token is not known, or not yet`, true);
  if (known.uid !== undefined && known.uid !== uid) {
    throw new CredentialError(`the Pod ${name} of the token is gone; another one has its name`);
  }
  const address = addressOfPeer(peer);
  if (!isAddressOf(known.addresses, address)) {
    throw new CredentialError(`the token of Pod ${name} came from ${address}, which is not an address of that Pod`);
  }
}
