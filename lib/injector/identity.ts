/**
 * How a proxy proves who it is, without an agent. Either by a podCertificate volume: the kubelet keeps a key and its certificate
 * fresh in files, which Envoy watches; or by a service-account token, for clusters without such volumes: the control plane then makes
 * the key (`Identity.sds()`). The volume has the same place in either way, and Envoy takes up what the kubelet puts there without a
 * restart: certificate, token and roots.
 */
import type { ObjectMeta } from '../api/object';
import type { envoy } from '../envoy/generated/envoy';
import {
  IDENTITY_DIRECTORY,
  IDENTITY_VOLUME,
  isIpAddress,
  ROOT_SECRET,
  SECRET_FILES,
  TLS_MODE_LABEL,
  WORKLOAD_SECRET,
} from '../world';

type Cluster = envoy.config.cluster.v3.Cluster;
type GrpcService = envoy.config.core.v3.GrpcService;
type HttpFilter = envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter;
type TransportSocket = envoy.config.core.v3.TransportSocket;
type ConfigSource = envoy.config.core.v3.ConfigSource;

/** `none`: it proves nothing, and connects in plaintext. */
export type ProxyIdentity = 'none' | 'podCertificate' | 'sds';

const SIGNER = 'malha.dev/workload';
/** For whom a token is made that is shown to the control plane. */
export const TOKEN_AUDIENCE = 'malha.dev';
/** The roots of the mesh, where no ClusterTrustBundle brings them: a ConfigMap in each namespace. */
export const ROOT_CONFIG_MAP = 'malha-ca-root-cert';

const FILES = {
  /** One PEM file: the private key, then the chain. */
  bundle: 'credential-bundle.pem',
  roots: 'trust-bundle.pem',
  token: 'token',
  /** Secrets as Envoy's file subscription reads them; one for each file. */
  own: SECRET_FILES[WORKLOAD_SECRET],
  trust: SECRET_FILES[ROOT_SECRET],
  credential: 'sds-token.json',
} as const;

/** The token as a secret in Envoy. */
const TOKEN_SECRET = 'token';

type SecretFile = 'own' | 'trust' | 'credential';

/** Which secrets are read from files. */
const SECRETS: Readonly<Record<ProxyIdentity, readonly SecretFile[]>> = {
  none: [],
  podCertificate: ['own', 'trust'],
  sds: ['credential', 'trust'],
};

/** An annotation of the Pod is the only file that a manifest can bring along without a ConfigMap. */
const ANNOTATIONS: Readonly<Record<SecretFile, string>> = {
  own: 'malha.dev/sds-default',
  trust: 'malha.dev/sds-rootca',
  credential: 'malha.dev/sds-token',
};

/** What the Pod needs beside the proxy's container; undefined where it proves nothing. */
export function identityVolume(identity: ProxyIdentity, certificateSeconds?: number) {
  if (identity === 'none') return undefined;
  const items = SECRETS[identity].map((secret) => ({
    path: FILES[secret],
    fieldRef: { fieldPath: `metadata.annotations['${ANNOTATIONS[secret]}']` },
  }));
  const proof = identity === 'podCertificate' ? certificateSources(certificateSeconds) : tokenSources;
  return { name: IDENTITY_VOLUME, projected: { sources: [...proof, { downwardAPI: { items } }] } };
}

const tokenSources = [
  { serviceAccountToken: { audience: TOKEN_AUDIENCE, expirationSeconds: 3600, path: FILES.token } },
  { configMap: { name: ROOT_CONFIG_MAP, items: [{ key: 'root-cert.pem', path: FILES.roots }] } },
];

function certificateSources(maxExpirationSeconds?: number) {
  return [
    {
      podCertificate: {
        signerName: SIGNER,
        keyType: 'ECDSAP256',
        credentialBundlePath: FILES.bundle,
        ...(maxExpirationSeconds !== undefined && { maxExpirationSeconds }),
      },
    },
    { clusterTrustBundle: { signerName: SIGNER, labelSelector: {}, path: FILES.roots } },
  ];
}

/** Of a program that is no Envoy: key, chain and roots, and nothing that tells an Envoy where they are. */
export function programVolume(certificateSeconds?: number) {
  return { name: IDENTITY_VOLUME, projected: { sources: certificateSources(certificateSeconds) } };
}

/** Of the proxy's container. */
export const identityMount = { name: IDENTITY_VOLUME, mountPath: IDENTITY_DIRECTORY, readOnly: true } as const;

/** By which clients know that the Pod's sidecar takes mutual TLS. */
export function identityLabels(identity: ProxyIdentity): Record<string, string> {
  return identity === 'none' ? {} : { [TLS_MODE_LABEL]: 'istio' };
}

/** The secrets that the volume's annotations become. */
export function identityAnnotations(identity: ProxyIdentity): NonNullable<ObjectMeta['annotations']> {
  const secrets = secretsIn(IDENTITY_DIRECTORY);
  return Object.fromEntries(SECRETS[identity].map((name) => [ANNOTATIONS[name], JSON.stringify(secrets[name])]));
}

/** What these are as files of the volume, by name, where somebody else than a kubelet fills it. */
export function secretFiles(identity: ProxyIdentity, directory: string): Readonly<Record<string, string>> {
  const secrets = secretsIn(directory);
  return Object.fromEntries(SECRETS[identity].map((name) => [FILES[name], JSON.stringify(secrets[name])]));
}

/** @param directory of the volume, whose symlink `..data` moves when its files change. */
function secretsIn(directory: string): Readonly<Record<SecretFile, object>> {
  const type = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';
  const watched_directory = { path: directory };
  const filename = `${directory}/${FILES.bundle}`;
  const tls_certificate = { certificate_chain: { filename }, private_key: { filename }, watched_directory };
  const validation_context = { trusted_ca: { filename: `${directory}/${FILES.roots}` }, watched_directory };
  const generic_secret = { secret: { filename: `${directory}/${FILES.token}`, watched_directory } };
  return {
    own: { resources: [{ '@type': type, name: WORKLOAD_SECRET, tls_certificate }] },
    trust: { resources: [{ '@type': type, name: ROOT_SECRET, validation_context }] },
    credential: { resources: [{ '@type': type, name: TOKEN_SECRET, generic_secret }] },
  };
}

/**
 * How the control plane is called: by Envoy's own gRPC client. Envoy's longest pause before it asks again is 30 s, each shortened
 * by chance: too long to be without a control plane that is back. It takes another from this client alone
 * (`EnvoyGrpc.retry_policy`), not from gRPC's (`google_grpc`).
 */
export const controlPlaneService: GrpcService = {
  envoy_grpc: {
    cluster_name: 'xds-grpc',
    retry_policy: { retry_back_off: { base_interval: '0.5s', max_interval: '5s' } },
  },
};

const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/**
 * The cluster of a control plane, called by TLS and with what the proxy has to show: its certificate, or its token with each request.
 * The token goes nowhere but over a connection whose server has shown a certificate of the mesh in that name.
 * @param host the control plane's name or address. @param verified how it is known. Default: by that.
 */
export function provenCluster(
  cluster: Cluster,
  identity: ProxyIdentity,
  host: string,
  directory = IDENTITY_DIRECTORY,
  verified?: Verified,
): Cluster {
  if (identity === 'none') return cluster;
  const transport_socket = controlPlaneTls(identity, host, directory, verified);
  if (identity !== 'sds') return { ...cluster, transport_socket };
  const options = cluster.typed_extension_protocol_options;
  const http = { ...options?.[HTTP_OPTIONS], '@type': `type.googleapis.com/${HTTP_OPTIONS}` as const };
  return {
    ...cluster,
    transport_socket,
    typed_extension_protocol_options: {
      ...options,
      [HTTP_OPTIONS]: { ...http, http_filters: tokenFilters(directory) },
    },
  };
}

/**
 * Without a token nothing is sent. Filters of a cluster end with the codec.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/credential_injector_filter
 */
function tokenFilters(directory: string): HttpFilter[] {
  return [
    {
      name: 'envoy.filters.http.credential_injector',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.filters.http.credential_injector.v3.CredentialInjector',
        overwrite: true,
        credential: {
          name: 'envoy.http.injected_credentials.generic',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.http.injected_credentials.generic.v3.Generic',
            header: 'authorization',
            header_value_prefix: 'Bearer ',
            credential: { name: TOKEN_SECRET, sds_config: watched(directory, FILES.credential) },
          },
        },
      },
    },
    {
      name: 'envoy.filters.http.upstream_codec',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec',
      },
    },
  ];
}

const watched = (directory: string, file: string): ConfigSource => ({
  path_config_source: { path: `${directory}/${file}`, watched_directory: { path: directory } },
  resource_api_version: 'V3',
});

/** By which name of its certificate somebody is known. */
export type Verified = envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher;

function controlPlaneTls(
  identity: Exclude<ProxyIdentity, 'none'>,
  host: string,
  directory: string,
  verified: Verified = { san_type: isIpAddress(host) ? 'IP_ADDRESS' : 'DNS', matcher: { exact: host } },
): TransportSocket {
  const own = { name: WORKLOAD_SECRET, sds_config: watched(directory, FILES.own) };
  return tlsSocket(host, {
    // With a token alone there is no certificate to show.
    ...(identity === 'podCertificate' && { tls_certificate_sds_secret_configs: [own] }),
    combined_validation_context: {
      default_validation_context: { match_typed_subject_alt_names: [verified] },
      validation_context_sds_secret_config: { name: ROOT_SECRET, sds_config: watched(directory, FILES.trust) },
    },
  });
}

function tlsSocket(
  host: string,
  common_tls_context: envoy.extensions.transport_sockets.tls.v3.CommonTlsContext,
): TransportSocket {
  const type = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';
  const alpn_protocols = ['h2'];
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': type,
      ...(!isIpAddress(host) && { sni: host }),
      common_tls_context: { ...common_tls_context, alpn_protocols },
    },
  };
}
