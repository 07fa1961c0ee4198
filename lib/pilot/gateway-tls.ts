/** TLS that ends at a gateway. The certificate comes over SDS, under the name of the Secret. */
import type { Server } from '../api';
import type { envoy } from '../envoy/generated/envoy';
import { any } from '../envoy/message';
import { secretName, trustName } from './names';

type ServerTls = NonNullable<Server['tls']>;
type SdsSecretConfig = envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig;
type ValidationContext = envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext;
type Version = envoy.extensions.transport_sockets.tls.v3.TlsParameters.TlsProtocol;

const VERSIONS: Record<string, Version> = {
  TLSV1_0: 'TLSv1_0',
  TLSV1_1: 'TLSv1_1',
  TLSV1_2: 'TLSv1_2',
  TLSV1_3: 'TLSv1_3',
};

/** The modes in which TLS ends here, by whether clients have to show a certificate, may, or are not asked. */
const CLIENT_CERTIFICATE: Record<string, 'required' | 'optional' | 'none'> = {
  SIMPLE: 'none',
  MUTUAL: 'required',
  OPTIONAL_MUTUAL: 'optional',
};

/** Whether TLS in this mode ends at the gateway, with a certificate from a Secret. */
export function isTerminated({ mode = 'PASSTHROUGH', credentialName }: ServerTls): boolean {
  return CLIENT_CERTIFICATE[mode] !== undefined && !!credentialName;
}

/** Whether certificates of clients are looked at. */
export function asksClients({ mode }: ServerTls): boolean {
  return (CLIENT_CERTIFICATE[mode ?? ''] ?? 'none') !== 'none';
}

/** @param alpn what may be spoken inside, by preference; empty where Envoy does not care. */
export function downstreamTls(tls: ServerTls, alpn: readonly string[]): envoy.config.core.v3.TransportSocket {
  const newest = VERSIONS[tls.maxProtocolVersion ?? ''];
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: any('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext', {
      common_tls_context: {
        ...(alpn.length > 0 && { alpn_protocols: [...alpn] }),
        tls_params: {
          tls_minimum_protocol_version: VERSIONS[tls.minProtocolVersion ?? ''] ?? 'TLSv1_2',
          ...(newest && { tls_maximum_protocol_version: newest }),
          ...(tls.cipherSuites?.length && { cipher_suites: tls.cipherSuites }),
        },
        // The default fetch timeout: a missing Secret must not keep the other servers of the port from starting.
        tls_certificate_sds_secret_configs: [sds(secretName(tls.credentialName ?? ''))],
        ...(asksClients(tls) && {
          combined_validation_context: {
            default_validation_context: validationContext(tls),
            validation_context_sds_secret_config: sds(trustName(tls.credentialName ?? '')),
          },
        }),
      },
      require_client_certificate: CLIENT_CERTIFICATE[tls.mode ?? ''] === 'required',
    }),
  };
}

function sds(name: string): SdsSecretConfig {
  return { name, sds_config: { ads: {}, resource_api_version: 'V3' } };
}

/** What a client's certificate has to be, beside signed: one of the names, one of the keys or certificates. */
function validationContext(tls: ServerTls): ValidationContext {
  const { subjectAltNames: names, verifyCertificateSpki: keys, verifyCertificateHash: certificates } = tls;
  return {
    ...(names?.length && {
      match_typed_subject_alt_names: names.map((name) => ({
        san_type: name.includes('://') ? ('URI' as const) : ('DNS' as const),
        matcher: { exact: name },
      })),
    }),
    ...(keys?.length && { verify_certificate_spki: keys }),
    ...(certificates?.length && { verify_certificate_hash: certificates }),
  };
}
