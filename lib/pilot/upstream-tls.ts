/** TLS towards a service, from `trafficPolicy.tls`. */
import type { ClientTLSSettings, ServiceEntry } from '../api';
import type { envoy } from '../envoy/generated/envoy';
import { any } from '../envoy/message';
import { isHttp, isWildcard, type Service } from '../world';
import { secretName, trustName } from './names';
import type { OutboundTarget } from './outbound-target';
import { secretOverAds } from './shapes';
import type { TlsParameters } from './tls-parameters';
import { isOfBackend } from './traffic-policy';

type CommonTlsContext = envoy.extensions.transport_sockets.tls.v3.CommonTlsContext;

/** The authorities of the proxy's image. Envoy has a field for the system's own, `system_root_certs`, and ignores it. */
export const SYSTEM_ROOTS = '/etc/ssl/certs/ca-certificates.crt';

/**
 * The transport socket of a cluster, or undefined for plain text. With MUTUAL the client shows a certificate of its own,
 * from files of the proxy or from a Secret.
 *
 * ISTIO_MUTUAL asks for the certificate of the workload: without one it is TLS all the same, so that a server that
 * insists refuses, and nothing that was to be encrypted ever leaves in the clear.
 */
export function upstreamTls(
  settings: ClientTLSSettings | undefined,
  { service, port, credentialed }: Pick<OutboundTarget, 'service' | 'port' | 'credentialed'>,
  { isHttp2, parameters }: { isHttp2: boolean; parameters: TlsParameters },
): envoy.config.core.v3.TransportSocket | undefined {
  if (!settings?.mode || settings.mode === 'DISABLE') return undefined;
  const sni = settings.sni ?? (isHttp(port.protocol) || isWildcard(service.hostname) ? undefined : service.hostname);
  // Of a Gateway, granted to it; of a DestinationRule, from the namespace of the client.
  const credential = credentialed || isOfBackend(settings) ? settings.credentialName : undefined;
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: any('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', {
      ...(sni && { sni }),
      common_tls_context: {
        ...(isHttp(port.protocol) && { alpn_protocols: isHttp2 ? ['h2'] : ['http/1.1'] }),
        tls_params: parameters,
        ...(settings.mode === 'MUTUAL' && ownCertificate(settings, credential)),
        ...(!settings.insecureSkipVerify && judgement(settings, service, credential)),
      },
    }),
  };
}

function ownCertificate(
  { clientCertificate, privateKey }: ClientTLSSettings,
  credential: string | undefined,
): CommonTlsContext {
  if (credential) return { tls_certificate_sds_secret_configs: [secretOverAds(secretName(credential))] };
  if (!clientCertificate || !privateKey) return {};
  return {
    tls_certificates: [{ certificate_chain: { filename: clientCertificate }, private_key: { filename: privateKey } }],
  };
}

/** How the server's certificate is judged. */
function judgement(settings: ClientTLSSettings, service: Service, credential: string | undefined): CommonTlsContext {
  const names = settings.subjectAltNames?.length ? settings.subjectAltNames : declaredNames(service);
  const isBackend = isOfBackend(settings);
  const wanted = {
    ...(names.length > 0 && {
      match_typed_subject_alt_names: names.flatMap((name) => [
        { san_type: 'DNS' as const, matcher: isBackend ? hostMatcher(name) : { exact: name } },
        { san_type: 'URI' as const, matcher: { exact: name } },
      ]),
    }),
  };
  const trust = isBackend ? settings.trust : credential;
  if (trust) {
    return {
      combined_validation_context: {
        default_validation_context: wanted,
        validation_context_sds_secret_config: secretOverAds(trustName(trust)),
      },
    };
  }
  const { caCertificates: file, caCrl } = settings;
  return {
    validation_context: {
      trusted_ca: { filename: file && file !== 'system' ? file : SYSTEM_ROOTS },
      ...(caCrl && { crl: { filename: caCrl } }),
      ...wanted,
    },
  };
}

/** `*.example.com` is any one label before the rest, as in certificates (RFC 6125, 6.4.3). */
function hostMatcher(name: string): envoy.type.matcher.v3.StringMatcher {
  if (!name.startsWith('*.')) return { exact: name };
  return { safe_regex: { regex: `[^.]+${name.slice(1).replaceAll('.', '\\.')}` } };
}

/** Whether Envoy should ask for, and check, the name in the request's authority. */
export function namesByAuthority(settings: ClientTLSSettings | undefined, service: Service) {
  if (!settings?.mode || settings.mode === 'DISABLE') return undefined;
  if (settings.insecureSkipVerify) return settings.sni ? undefined : { auto_sni: true };
  const checked = settings.subjectAltNames?.length || declaredNames(service).length > 0;
  if (settings.sni && checked) return undefined;
  return {
    ...(!settings.sni && { auto_sni: true }),
    ...(!checked && { auto_san_validation: true }),
  };
}

/** The names that the certificates of a service carry, as its ServiceEntry has them. */
export function declaredNames(service: Service): string[] {
  return service.registry === 'ServiceEntry' ? ((service.object as ServiceEntry).spec.subjectAltNames ?? []) : [];
}
