/** TLS that ends at a gateway, or at the ingress listener of a Sidecar. The certificate comes over SDS, under the name of the Secret. */
import type { MeshConfig, Server } from '../api';
import type { envoy } from '../envoy/generated/envoy';
import { any } from '../envoy/message';
import type { IdentitySource } from '../world';
import { meshServerTls, NEVER_RESUMED } from './mesh-tls';
import { secretName, trustName } from './names';
import { secretOverAds } from './shapes';
import { meshTlsParameters, serverTlsParameters } from './tls-parameters';

export type ServerTls = NonNullable<Server['tls']>;
type CommonTlsContext = envoy.extensions.transport_sockets.tls.v3.CommonTlsContext;
type ValidationContext = envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext;

/** The modes in which TLS ends here, by whether clients have to show a certificate, may, or are not asked. */
const CLIENT_CERTIFICATE: Record<string, 'required' | 'optional' | 'none'> = {
  SIMPLE: 'none',
  MUTUAL: 'required',
  OPTIONAL_MUTUAL: 'optional',
  ISTIO_MUTUAL: 'required',
};

/** Whether TLS in this mode ends at the gateway. */
export function isTerminated({ mode = 'PASSTHROUGH' }: ServerTls): boolean {
  return CLIENT_CERTIFICATE[mode] !== undefined;
}

/** The gateway shows the certificate of its workload, and takes those of the mesh. */
export function isOfMesh({ mode }: ServerTls): boolean {
  return mode === 'ISTIO_MUTUAL';
}

/** The Secrets with the certificates of a server, of different kinds; empty where they are files. */
export function credentialsOf({ credentialName, credentialNames, mode }: ServerTls): readonly string[] {
  if (mode === 'ISTIO_MUTUAL') return [];
  if (credentialNames?.length) return credentialNames;
  return credentialName ? [credentialName] : [];
}

/** The credential by which clients are judged; undefined where that is a file, or nothing. */
export function trustOf(tls: ServerTls): string | undefined {
  if (!asksClients(tls) || isOfMesh(tls) || tls.insecureSkipVerify) return undefined;
  return tls.caCertCredentialName || credentialsOf(tls)[0];
}

/** Whether certificates of clients are looked at. */
export function asksClients({ mode }: ServerTls): boolean {
  return (CLIENT_CERTIFICATE[mode ?? ''] ?? 'none') !== 'none';
}

/** Where any certificate will do, Envoy lets in who shows none: MUTUAL still asks for one. */
export function certificateGuard(tls: ServerTls): envoy.config.listener.v3.Filter | undefined {
  if (CLIENT_CERTIFICATE[tls.mode ?? ''] !== 'required' || isOfMesh(tls) || !tls.insecureSkipVerify) return undefined;
  // Without a name to look for, Envoy would be content with TLS alone.
  const anybody = { authenticated: { principal_name: { safe_regex: { regex: '.+' } } } };
  const policies = { 'client-certificate': { permissions: [{ any: true }], principals: [anybody] } };
  return {
    name: 'envoy.filters.network.rbac',
    typed_config: any('envoy.extensions.filters.network.rbac.v3.RBAC', {
      stat_prefix: 'client_certificate',
      rules: { action: 'ALLOW', policies },
    }),
  };
}

/**
 * Of a Sidecar's ingress, whose clients an authority beyond the mesh vouches for: it does not vouch for identities of the mesh,
 * by which policies let workloads in.
 */
export function foreignGuard(
  tls: ServerTls,
  trustDomains: readonly string[],
): envoy.config.listener.v3.Filter | undefined {
  if (!asksClients(tls)) return undefined;
  const principals = trustDomains.map((domain) => ({
    authenticated: { principal_name: { prefix: `spiffe://${domain}/` } },
  }));
  return {
    name: 'envoy.filters.network.rbac',
    typed_config: any('envoy.extensions.filters.network.rbac.v3.RBAC', {
      stat_prefix: 'foreign_identity',
      rules: { action: 'DENY', policies: { 'mesh-identity': { permissions: [{ any: true }], principals } } },
    }),
  };
}

/** What a gateway has to know of itself to show the certificate of its workload. */
export interface MeshMember {
  readonly identity?: IdentitySource;
  readonly trustDomains: readonly string[];
  readonly mesh: MeshConfig;
}

/**
 * @param alpn what may be spoken inside, by preference; empty where Envoy does not care.
 * @param member a server for the mesh is not served without an identity.
 */
export function downstreamTls(
  tls: ServerTls,
  alpn: readonly string[],
  { identity, trustDomains, mesh }: MeshMember,
): envoy.config.core.v3.TransportSocket {
  if (isOfMesh(tls)) {
    const member = { identity: identity!, trustDomains, parameters: meshTlsParameters(mesh) };
    return meshServerTls(member, alpn, tls.subjectAltNames);
  }
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: any('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext', {
      common_tls_context: {
        ...(alpn.length > 0 && { alpn_protocols: [...alpn] }),
        tls_params: serverTlsParameters(mesh, tls),
        ...certificates(tls),
        ...(asksClients(tls) && judgement(tls)),
      },
      require_client_certificate: CLIENT_CERTIFICATE[tls.mode ?? ''] === 'required',
      ...(asksClients(tls) && NEVER_RESUMED),
    }),
  };
}

/** From Secrets, or from files that the proxy has. */
function certificates(tls: ServerTls): Partial<CommonTlsContext> {
  const credentials = credentialsOf(tls);
  if (credentials.length > 0) {
    return { tls_certificate_sds_secret_configs: credentials.map((name) => secretOverAds(secretName(name))) };
  }
  const pairs = tls.tlsCertificates?.length ? tls.tlsCertificates : [tls];
  return {
    tls_certificates: pairs.slice(0, 2).map(({ serverCertificate, privateKey }) => ({
      certificate_chain: { filename: serverCertificate },
      private_key: { filename: privateKey },
    })),
  };
}

/** How the certificates of clients are judged. */
function judgement(tls: ServerTls): Partial<CommonTlsContext> {
  const trust = trustOf(tls);
  if (trust) {
    return {
      combined_validation_context: {
        default_validation_context: validationContext(tls),
        validation_context_sds_secret_config: secretOverAds(trustName(trust)),
      },
    };
  }
  const filename = tls.caCertificates ?? tls.tlsCertificates?.find((pair) => pair.caCertificates)?.caCertificates;
  const files = {
    ...(filename && { trusted_ca: { filename } }),
    ...(tls.caCrl && { crl: { filename: tls.caCrl } }),
  };
  const skipped = { trust_chain_verification: 'ACCEPT_UNTRUSTED' as const };
  return { validation_context: { ...validationContext(tls), ...(tls.insecureSkipVerify ? skipped : files) } };
}

/** What a client's certificate has to be, beside signed: one of the names, one of the keys or certificates. */
function validationContext(tls: ServerTls): ValidationContext {
  const { subjectAltNames: names, verifyCertificateSpki: keys, verifyCertificateHash: hashes } = tls;
  return {
    // Names that nobody vouches for say nothing.
    ...(names?.length &&
      !tls.insecureSkipVerify && {
        match_typed_subject_alt_names: names.map((name) => ({
          san_type: name.includes('://') ? ('URI' as const) : ('DNS' as const),
          matcher: { exact: name },
        })),
      }),
    ...(keys?.length && { verify_certificate_spki: keys }),
    ...(hashes?.length && { verify_certificate_hash: hashes }),
  };
}
