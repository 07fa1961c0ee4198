/**
 * Which headers a proxy writes of its own accord, as `proxyHeaders` of its settings say. `metadataExchangeHeaders` is always IN_MESH:
 * nobody outside is told (`peer.ts`).
 * https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#ProxyConfig-ProxyHeaders
 */
import type { MeshProxyConfig } from '../api';
import type { envoy } from '../envoy/generated/envoy';

type Manager = envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager;
type CertificatePolicy = NonNullable<Manager['forward_client_cert_details']>;

export interface HeadersOfProxy {
  /** Of sidecars, for requests to their application. */
  readonly certificatePolicy: CertificatePolicy;
  /** What is told of a client's certificate. */
  readonly certificateDetails: NonNullable<Manager['set_current_client_cert_details']>;
  /** Of answers; undefined: as the application wrote it. */
  readonly server: string | undefined;
  readonly requestId: boolean;
  readonly attemptCount: boolean;
  /** X-Envoy-Overloaded, X-Envoy-Upstream-Service-Time and their like. */
  readonly debug: boolean;
  readonly forwardedPort: boolean;
}

/** Istio's name for itself, which clients and tests know. */
const SERVER_NAME = 'istio-envoy';

export const USUAL_HEADERS: HeadersOfProxy = {
  certificatePolicy: 'APPEND_FORWARD',
  certificateDetails: { subject: true, dns: true, uri: true },
  server: SERVER_NAME,
  requestId: true,
  attemptCount: true,
  debug: true,
  forwardedPort: false,
};

const POLICIES: readonly string[] = [
  'SANITIZE',
  'FORWARD_ONLY',
  'APPEND_FORWARD',
  'SANITIZE_SET',
  'ALWAYS_FORWARD_ONLY',
] satisfies CertificatePolicy[];

/** The policy that an annotation or a mesh configuration names; undefined where it names none. */
export function certificatePolicy(name: unknown): CertificatePolicy | undefined {
  return typeof name === 'string' && POLICIES.includes(name) ? (name as CertificatePolicy) : undefined;
}

/** Values of other types, which only an annotation can have, count as not there. */
export function headersOf({ proxyHeaders: said }: MeshProxyConfig): HeadersOfProxy {
  if (typeof said !== 'object' || said === null) return USUAL_HEADERS;
  const isOff = (field: 'requestId' | 'server' | 'attemptCount' | 'envoyDebugHeaders') =>
    said[field]?.disabled === true;
  const { setCurrentClientCertDetails: details } = said;
  const detail = (field: 'subject' | 'dns' | 'uri' | 'cert' | 'chain', usual: boolean) => {
    const value = details?.[field];
    return (typeof value === 'boolean' ? value : usual) ? { [field]: true } : {};
  };
  return {
    certificatePolicy: certificatePolicy(said.forwardedClientCert) ?? USUAL_HEADERS.certificatePolicy,
    certificateDetails: {
      ...detail('subject', true),
      ...detail('dns', true),
      ...detail('uri', true),
      ...detail('cert', false),
      ...detail('chain', false),
    },
    server: isOff('server') ? undefined : serverName(said.server?.value),
    requestId: !isOff('requestId'),
    attemptCount: !isOff('attemptCount'),
    debug: !isOff('envoyDebugHeaders'),
    forwardedPort: said.xForwardedPort?.enabled === true,
  };
}

/** A name that would be no value of a header, Envoy would refuse. */
function serverName(value: unknown): string {
  return typeof value === 'string' && /^[\x20-\x7e]{1,200}$/.test(value) ? value : SERVER_NAME;
}
