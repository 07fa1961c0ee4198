/** TLS towards a service, from `trafficPolicy.tls`. */
import type { ClientTLSSettings, ServiceEntry } from '../api';
import type { envoy } from '../envoy/generated/envoy';
import { any } from '../envoy/message';
import { isHttp, isWildcard, type Service, type ServicePort } from '../world';

/** The authorities of the proxy's image. Envoy has a field for the system's own, `system_root_certs`, and ignores it. */
const SYSTEM_ROOTS = '/etc/ssl/certs/ca-certificates.crt';

/**
 * The transport socket of a cluster, or undefined for plain text.
 *
 * MUTUAL and ISTIO_MUTUAL ask for a client certificate, which proxies do not have yet: they get TLS without one, so
 * that a server that insists refuses, and nothing that was to be encrypted ever leaves in the clear.
 */
export function upstreamTls(
  settings: ClientTLSSettings | undefined,
  service: Service,
  port: ServicePort,
  isHttp2: boolean,
): envoy.config.core.v3.TransportSocket | undefined {
  if (!settings?.mode || settings.mode === 'DISABLE') return undefined;
  const names = settings.subjectAltNames?.length ? settings.subjectAltNames : declaredNames(service);
  const sni = settings.sni ?? (isHttp(port.protocol) || isWildcard(service.hostname) ? undefined : service.hostname);
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: any('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', {
      ...(sni && { sni }),
      common_tls_context: {
        ...(isHttp(port.protocol) && { alpn_protocols: isHttp2 ? ['h2'] : ['http/1.1'] }),
        tls_params: { tls_minimum_protocol_version: 'TLSv1_2', tls_maximum_protocol_version: 'TLSv1_3' },
        validation_context: {
          trusted_ca: {
            filename:
              settings.caCertificates && settings.caCertificates !== 'system' ? settings.caCertificates : SYSTEM_ROOTS,
          },
          ...(names.length > 0 && {
            match_typed_subject_alt_names: names.flatMap((name) => [
              { san_type: 'DNS' as const, matcher: { exact: name } },
              { san_type: 'URI' as const, matcher: { exact: name } },
            ]),
          }),
        },
      },
    }),
  };
}

/** Whether Envoy should ask for, and check, the name in the request's authority. */
export function namesByAuthority(settings: ClientTLSSettings | undefined, service: Service) {
  if (!settings?.mode || settings.mode === 'DISABLE') return undefined;
  const checked = settings.subjectAltNames?.length || declaredNames(service).length > 0;
  if (settings.sni && checked) return undefined;
  return {
    ...(!settings.sni && { auto_sni: true }),
    ...(!checked && { auto_san_validation: true }),
  };
}

function declaredNames(service: Service): string[] {
  return service.registry === 'ServiceEntry' ? ((service.object as ServiceEntry).spec.subjectAltNames ?? []) : [];
}
