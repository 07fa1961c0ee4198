/**
 * How a proxy proves who it is, without an agent. Either by a podCertificate volume: the kubelet keeps a key and its certificate
 * fresh in files, which Envoy watches; or by a service-account token, for clusters without such volumes: the control plane then makes
 * the key (`Identity.sds()`). The volume has the same place in either way.
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

type GrpcService = envoy.config.core.v3.GrpcService;
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
} as const;

/** An annotation of the Pod is the only file that a manifest can bring along without a ConfigMap. */
const ANNOTATIONS = { [FILES.own]: 'malha.dev/sds-default', [FILES.trust]: 'malha.dev/sds-rootca' } as const;

/** What the Pod needs beside the proxy's container; undefined where it proves nothing. */
export function identityVolume(identity: ProxyIdentity, certificateSeconds?: number) {
  if (identity === 'none') return undefined;
  const sources =
    identity === 'podCertificate'
      ? [
          ...certificateSources(certificateSeconds),
          {
            downwardAPI: {
              items: Object.entries(ANNOTATIONS).map(([path, annotation]) => ({
                path,
                fieldRef: { fieldPath: `metadata.annotations['${annotation}']` },
              })),
            },
          },
        ]
      : [
          { serviceAccountToken: { audience: TOKEN_AUDIENCE, expirationSeconds: 3600, path: FILES.token } },
          { configMap: { name: ROOT_CONFIG_MAP, items: [{ key: 'root-cert.pem', path: FILES.roots }] } },
        ];
  return { name: IDENTITY_VOLUME, projected: { sources } };
}

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
  if (identity !== 'podCertificate') return {};
  const { own, trust } = secretFiles(IDENTITY_DIRECTORY);
  return { [ANNOTATIONS[FILES.own]]: JSON.stringify(own), [ANNOTATIONS[FILES.trust]]: JSON.stringify(trust) };
}

/** @param directory of the volume, whose symlink `..data` moves when its files change. */
export function secretFiles(directory: string): { own: object; trust: object } {
  const type = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';
  const watched_directory = { path: directory };
  const filename = `${directory}/${FILES.bundle}`;
  const tls_certificate = { certificate_chain: { filename }, private_key: { filename }, watched_directory };
  const validation_context = { trusted_ca: { filename: `${directory}/${FILES.roots}` }, watched_directory };
  return {
    own: { resources: [{ '@type': type, name: WORKLOAD_SECRET, tls_certificate }] },
    trust: { resources: [{ '@type': type, name: ROOT_SECRET, validation_context }] },
  };
}

/**
 * Envoy's own longest pause is 30 s, each shortened by chance: too long to be without a control plane that is back. It takes
 * another from its own client alone (`EnvoyGrpc.retry_policy`), not from gRPC's (`google_grpc`).
 */
const RETRIES = { retry_policy: { retry_back_off: { base_interval: '0.5s', max_interval: '5s' } } };

/** How the control plane is called: by the cluster `xds-grpc`, or with the token that is read for each call. */
export function controlPlaneService(
  identity: ProxyIdentity,
  address: string,
  directory = IDENTITY_DIRECTORY,
): GrpcService {
  if (identity !== 'sds') return { envoy_grpc: { cluster_name: 'xds-grpc', ...RETRIES } };
  return {
    google_grpc: {
      target_uri: `dns:///${address}`,
      stat_prefix: 'xds-grpc',
      channel_args: CHANNEL_ARGS,
      channel_credentials: { ssl_credentials: { root_certs: { filename: `${directory}/${FILES.roots}` } } },
      credentials_factory_name: 'envoy.grpc_credentials.file_based_metadata',
      call_credentials: [
        {
          from_plugin: {
            name: 'envoy.grpc_credentials.file_based_metadata',
            typed_config: {
              '@type': 'type.googleapis.com/envoy.config.grpc_credential.v3.FileBasedMetadataConfig',
              secret_data: { filename: `${directory}/${FILES.token}` },
              header_key: 'authorization',
              header_prefix: 'Bearer ',
            },
          },
        },
      ],
    },
  };
}

/** gRPC's own client waits up to two minutes before it tries again, and never asks whether the other end still lives. */
const CHANNEL_ARGS = {
  args: {
    'grpc.initial_reconnect_backoff_ms': { int_value: '500' },
    'grpc.max_reconnect_backoff_ms': { int_value: '2000' },
    'grpc.keepalive_time_ms': { int_value: '30000' },
    'grpc.keepalive_timeout_ms': { int_value: '10000' },
  },
};

/** By which name of its certificate somebody is known. */
export type Verified = envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher;

/**
 * TLS of the cluster `xds-grpc`, with the proxy's certificate where it has one.
 * @param host the control plane's name or address. @param verified how it is known. Default: by that.
 */
export function controlPlaneTls(
  identity: ProxyIdentity,
  host: string,
  directory = IDENTITY_DIRECTORY,
  verified: Verified = { san_type: isIpAddress(host) ? 'IP_ADDRESS' : 'DNS', matcher: { exact: host } },
): TransportSocket | undefined {
  if (identity === 'none') return undefined;
  const names = { match_typed_subject_alt_names: [verified] };
  // Access logs go by this cluster in any case; with a token alone there is no certificate to show there.
  if (identity === 'sds') {
    const validation_context = { ...names, trusted_ca: { filename: `${directory}/${FILES.roots}` } };
    return tlsSocket(host, { validation_context });
  }
  const file = (name: string): ConfigSource => ({
    path_config_source: { path: `${directory}/${name}`, watched_directory: { path: directory } },
    resource_api_version: 'V3',
  });
  return tlsSocket(host, {
    tls_certificate_sds_secret_configs: [{ name: WORKLOAD_SECRET, sds_config: file(FILES.own) }],
    combined_validation_context: {
      default_validation_context: names,
      validation_context_sds_secret_config: { name: ROOT_SECRET, sds_config: file(FILES.trust) },
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
