/**
 * Mutual TLS between workloads of the mesh. Both sides show the certificate of their workload, and both look whether the
 * other's is of the mesh's root: a server for any identity of the mesh, a client for those that its servers run under.
 *
 * ALPN is how a server's listener tells the mesh's TLS from an application's own, and, where nothing is declared, HTTP
 * from other protocols. The names are Istio's. What a server picks of them is Envoy's choice of protocol, so it picks
 * only from `h2` and `http/1.1`; the mesh's own names are for the inspector that looks at what is offered.
 */
import type { envoy } from '../envoy/generated/envoy';
import { any } from '../envoy/message';
import { IDENTITY_DIRECTORY, type IdentitySource, ROOT_SECRET, SECRET_FILES, WORKLOAD_SECRET } from '../world';
import { secretOverAds } from './shapes';
import type { TlsParameters } from './tls-parameters';

type TransportSocket = envoy.config.core.v3.TransportSocket;
type CommonTlsContext = envoy.extensions.transport_sockets.tls.v3.CommonTlsContext;
type SdsSecretConfig = envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig;
type SanMatcher = envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher;

/** Offered for what is no HTTP, or not known to be. */
export const TCP_ALPN = ['istio-peer-exchange', 'istio'];
/** Offered for requests. */
export const HTTP_ALPN = ['istio-http/1.0', 'istio-http/1.1', 'istio-h2'];
/** By any of these a connection is known to be the mesh's. */
export const MESH_ALPN = [...TCP_ALPN, ...HTTP_ALPN];

/** What a client offers, by what it speaks: to be known for the mesh's first, then what the server may pick. */
export const OFFERED = {
  http1: ['istio-http/1.1', 'istio', 'http/1.1'],
  http2: ['istio-h2', 'istio', 'h2'],
  /** `istio-peer-exchange` would promise words that only Istio's own proxies exchange. */
  other: ['istio'],
} as const;

/**
 * For servers that look at certificates of clients: a session that is resumed is believed without another look, also when the
 * certificate behind it has ended since (CVE-2022-21654 is of this kind). Envoy goes on taking its own tickets for hours.
 */
export const NEVER_RESUMED = {
  disable_stateless_session_resumption: true,
  disable_stateful_session_resumption: true,
} as const;

export interface MeshServer {
  readonly identity: IdentitySource;
  readonly trustDomains: readonly string[];
  readonly parameters: TlsParameters;
}

/**
 * A server's: only who shows a certificate of these trust domains gets in.
 * @param names the only ones, where a Gateway has some.
 */
export function meshServerTls(
  { identity, trustDomains, parameters }: MeshServer,
  alpn: readonly string[],
  names: readonly string[] = [],
): TransportSocket {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: any('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext', {
      common_tls_context: {
        ...(alpn.length > 0 && { alpn_protocols: [...alpn] }),
        tls_params: parameters,
        ...credentials(identity, names.length > 0 ? names.flatMap(named) : trustDomains.map(ofTrustDomain)),
      },
      require_client_certificate: true,
      ...NEVER_RESUMED,
    }),
  };
}

export interface MeshClient {
  readonly identity: IdentitySource;
  readonly trustDomains: readonly string[];
  /** `namespace/account`; none where nobody knows, and then any identity of the mesh is believed. */
  readonly accounts: readonly string[];
  /** Further names that are believed, complete. */
  readonly names: readonly string[];
  readonly sni: string;
  readonly parameters: TlsParameters;
  readonly alpn: readonly string[];
}

/** A client's. */
export function meshClientTls(client: MeshClient): TransportSocket {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: any('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', {
      sni: client.sni,
      common_tls_context: {
        alpn_protocols: [...client.alpn],
        tls_params: client.parameters,
        ...credentials(client.identity, believed(client)),
      },
    }),
  };
}

/** Each account under each name of the mesh's trust domain. */
function believed({ names, accounts, trustDomains }: MeshClient): SanMatcher[] {
  if (names.length + accounts.length === 0) return trustDomains.map(ofTrustDomain);
  const identities = accounts.flatMap((account) => {
    const [namespace, name] = account.split('/');
    return trustDomains.map((domain) => uri({ exact: `spiffe://${domain}/ns/${namespace}/sa/${name}` }));
  });
  return [...identities, ...names.flatMap(named)];
}

const uri = (matcher: envoy.type.matcher.v3.StringMatcher): SanMatcher => ({ san_type: 'URI', matcher });

/** A name that somebody wrote may be of either kind. */
const named = (name: string): SanMatcher[] =>
  name.includes('://') ? [uri({ exact: name })] : [{ san_type: 'DNS', matcher: { exact: name } }];

const ofTrustDomain = (domain: string) => uri({ prefix: `spiffe://${domain}/` });

function credentials(identity: IdentitySource, names: SanMatcher[]): CommonTlsContext {
  return {
    tls_certificate_sds_secret_configs: [secretOf(identity, WORKLOAD_SECRET)],
    combined_validation_context: {
      default_validation_context: { match_typed_subject_alt_names: names },
      validation_context_sds_secret_config: secretOf(identity, ROOT_SECRET),
    },
  };
}

/** Files are watched by the directory that the kubelet changes: its symlink `..data` moves. */
function secretOf(identity: IdentitySource, name: keyof typeof SECRET_FILES): SdsSecretConfig {
  if (identity === 'ads') return secretOverAds(name);
  return {
    name,
    sds_config: {
      path_config_source: {
        path: `${IDENTITY_DIRECTORY}/${SECRET_FILES[name]}`,
        watched_directory: { path: IDENTITY_DIRECTORY },
      },
      resource_api_version: 'V3',
    },
  };
}
