/**
 * The certificate service for machines outside Kubernetes, on the wire as Istio's clients speak it
 * (istio.v1.auth.IstioCertificateService). The caller proves who it is by a service-account token, or by the certificate that
 * it renews; the certificate it gets is for that identity, whatever the request says.
 */
import { status as Code, type ServerUnaryCall, type ServiceDefinition, type sendUnaryData } from '@grpc/grpc-js';
import { bytesMethod } from '../envoy/bytes-method';
import { decode, encode } from '../envoy/message';
import { formatIdentity, type Identity } from '../world';
import { type CallerOf, CredentialError } from './caller';
import { CsrError } from './csr';
import { LifetimeError, type Registration } from './registration';

/** The service with messages as bytes; a client can be made of it too. */
export const certificateServiceDefinition = {
  CreateCertificate: bytesMethod('/istio.v1.auth.IstioCertificateService/CreateCertificate'),
} as const satisfies ServiceDefinition;

/** How a request ended; the label of a metric. */
export type CertificateOutcome = 'issued' | 'unauthenticated' | 'refused' | 'unavailable';

export interface CertificateServiceOptions {
  readonly registration: Registration;
  /** Who calls. */
  readonly callerOf: CallerOf;
  readonly log: { warn(fields: object, message: string): void };
  readonly onOutcome?: (outcome: CertificateOutcome, problem?: string) => void;
}

type Call = ServerUnaryCall<Buffer, Buffer>;

/** What is wrong, for the caller; the code decides whether it tries again. */
class Refusal extends Error {
  constructor(
    readonly code: Code,
    message: string,
    readonly outcome: CertificateOutcome,
    readonly problem: string,
  ) {
    super(message);
  }
}

export function certificateService(options: CertificateServiceOptions) {
  const CreateCertificate = (call: Call, respond: sendUnaryData<Buffer>) => {
    create(call, options).then(
      (response) => {
        options.onOutcome?.('issued');
        respond(null, response);
      },
      (error: Refusal) => {
        options.onOutcome?.(error.outcome, error.problem);
        respond({ code: error.code, details: error.message });
      },
    );
  };
  return { definition: certificateServiceDefinition as ServiceDefinition, implementation: { CreateCertificate } };
}

/** @throws Refusal, after it has been logged with the identity that tried. */
async function create(call: Call, { registration, callerOf, log }: CertificateServiceOptions): Promise<Buffer> {
  const peer = call.getPeer();
  let identity: Identity | undefined;
  try {
    identity = (await callerOf(call)).identity;
    const { csr, seconds } = requestOf(call.request);
    const { chain } = await registration.certify(identity, csr, { seconds });
    const response = { cert_chain: [...chain, ...registration.trustBundle()] };
    return Buffer.from(encode('istio.v1.auth.IstioCertificateResponse', response));
  } catch (error) {
    const refusal = refusalOf(error as Error);
    const fields = { identity: identity && formatIdentity(identity), peer, problem: refusal.problem };
    log.warn({ ...fields, error: (error as Error).message }, 'no certificate given');
    throw refusal;
  }
}

function requestOf(message: Buffer): { csr: string; seconds: number } {
  let request: ReturnType<typeof decode<'istio.v1.auth.IstioCertificateRequest'>>;
  try {
    request = decode('istio.v1.auth.IstioCertificateRequest', message);
  } catch {
    throw new CsrError('syntax', 'the message is no IstioCertificateRequest');
  }
  if (request.metadata && 'ImpersonatedIdentity' in request.metadata) {
    throw new Refusal(Code.PERMISSION_DENIED, 'nobody gets a certificate for somebody else', 'refused', 'identity');
  }
  return { csr: request.csr ?? '', seconds: Number(request.validity_duration ?? 0) };
}

/** Callers are told what they can put right, and nothing about us. */
function refusalOf(error: Error): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof CredentialError) {
    return error.isTemporary
      ? new Refusal(Code.UNAVAILABLE, 'credentials cannot be checked now: try again', 'unavailable', 'review')
      : new Refusal(Code.UNAUTHENTICATED, 'no valid credential', 'unauthenticated', 'credential');
  }
  if (error instanceof CsrError) {
    const code =
      error.problem === 'identity' || error.problem === 'reused-key' ? Code.PERMISSION_DENIED : Code.INVALID_ARGUMENT;
    return new Refusal(code, error.message, 'refused', error.problem);
  }
  if (error instanceof LifetimeError) return new Refusal(Code.INVALID_ARGUMENT, error.message, 'refused', 'lifetime');
  return new Refusal(Code.UNAVAILABLE, 'the authority cannot sign now: try again', 'unavailable', 'signer');
}
