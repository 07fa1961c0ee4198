/** A machine that asks Istio's certificate service for a certificate, over gRPC and TLS. */
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { certificateServiceDefinition } from '../../lib/citadel/certificate-service';
import type { KeyPair } from '../../lib/citadel/key-pair';
import { decode, encode } from '../../lib/envoy/message';

export interface CertificateServer {
  /** `HOST:PORT` */
  readonly address: string;
  /** The name in its certificate. */
  readonly host: string;
  /** PEM */
  readonly roots: Buffer;
}

export interface Asked {
  readonly csr?: string;
  readonly seconds?: number;
  readonly token?: string;
  readonly certificate?: { keys: KeyPair; chain: readonly string[] };
  readonly metadata?: object;
}

/** Resolves to the chain, or to the gRPC status by which it was refused. */
export async function certify(
  { address, host, roots }: CertificateServer,
  { csr = '', seconds, token: bearer, certificate, metadata }: Asked,
): Promise<string[] | number> {
  const channel = certificate
    ? credentials.createSsl(roots, Buffer.from(certificate.keys.keyPem), Buffer.from(certificate.chain.join('')))
    : credentials.createSsl(roots);
  const client = new Client(address, channel, { 'grpc.ssl_target_name_override': host });
  const headers = new Metadata();
  if (bearer) headers.set('authorization', `Bearer ${bearer}`);
  const message = { csr, validity_duration: seconds, metadata };
  const { path, requestSerialize, responseDeserialize } = certificateServiceDefinition.CreateCertificate;
  try {
    return await new Promise((resolve) => {
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        Buffer.from(encode('istio.v1.auth.IstioCertificateRequest', message as never)),
        headers,
        (error: ServiceError | null, bytes?: Buffer) =>
          resolve(error ? error.code : decode('istio.v1.auth.IstioCertificateResponse', bytes!).cert_chain!),
      );
    });
  } finally {
    client.close();
  }
}
