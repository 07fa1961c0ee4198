/** TLS that ends at a gateway. The certificate comes over SDS, under the name of the Secret. */
import type { Server } from '../api';
import type { envoy } from '../envoy/generated/envoy';
import { any } from '../envoy/message';
import { secretName } from './names';

type Version = envoy.extensions.transport_sockets.tls.v3.TlsParameters.TlsProtocol;

const VERSIONS: Record<string, Version> = {
  TLSV1_0: 'TLSv1_0',
  TLSV1_1: 'TLSv1_1',
  TLSV1_2: 'TLSv1_2',
  TLSV1_3: 'TLSv1_3',
};

/** @param alpn what may be spoken inside, by preference; empty where Envoy does not care. */
export function downstreamTls(
  tls: NonNullable<Server['tls']>,
  alpn: readonly string[],
): envoy.config.core.v3.TransportSocket {
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
        tls_certificate_sds_secret_configs: [
          { name: secretName(tls.credentialName ?? ''), sds_config: { ads: {}, resource_api_version: 'V3' } },
        ],
      },
      require_client_certificate: false,
    }),
  };
}
