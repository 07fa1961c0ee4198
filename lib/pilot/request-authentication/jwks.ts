/**
 * Where the keys of an issuer come from: in the policy itself, or fetched by the proxy.
 *
 * The proxy fetches them, not the control plane: it asks from the workload's own place in the network, so that whoever
 * writes a policy cannot have a stronger machine ask on their behalf; issuers inside the mesh can be asked over mutual
 * TLS; and keys go on being renewed while the control plane is away. Envoy follows no redirect. As long as the keys are not
 * there, every token of the issuer is refused.
 */
import { isIP } from 'node:net';
import type { JWTRule } from '../../api';
import type { envoy } from '../../envoy/generated/envoy';
import { any } from '../../envoy/message';
import { isForbiddenHost, resolveHost, usableKeys, type Viewer, type WorldView } from '../../world';
import { connectionBounds } from '../connection-pool';
import { BLACK_HOLE_CLUSTER, outboundClusterName } from '../names';
import { duration, socketAddress } from '../shapes';
import { clientTlsParameters, type TlsParameters } from '../tls-parameters';

type Cluster = envoy.config.cluster.v3.Cluster;
type JwtProvider = envoy.extensions.filters.http.jwt_authn.v3.JwtProvider;

const DEFAULT_TIMEOUT = '5s';
/** How long fetched keys are good; a rotation of the issuer's keys has to overlap by that much. */
const CACHE_DURATION = '300s';
const RETRIES = { num_retries: 2, retry_back_off: { base_interval: '1s', max_interval: '10s' } };

/** Nobody answers there: without keys no token is good. Envoy takes no key set in which there is none. */
const NO_KEYS: JwtProvider = {
  remote_jwks: { http_uri: { uri: 'http://no-keys.invalid/', cluster: BLACK_HOLE_CLUSTER, timeout: '1s' } },
};

/** Where a provider has its keys from. */
export function keySource(
  world: WorldView,
  viewer: Viewer,
  rule: JWTRule,
): Pick<JwtProvider, 'local_jwks' | 'remote_jwks'> {
  const uri = rule.jwksUri ?? rule.jwks_uri;
  if (rule.jwks !== undefined) return inlineKeys(rule.jwks);
  const cluster = uri && jwksCluster(world, viewer, uri)?.name;
  if (!cluster) return NO_KEYS;
  return {
    remote_jwks: {
      http_uri: { uri, cluster, timeout: duration(rule.timeout ?? DEFAULT_TIMEOUT) },
      cache_duration: CACHE_DURATION,
      // Fetched before the first request needs them; a listener does not wait for an issuer that is down.
      async_fetch: { fast_listener: true, failed_refetch_duration: '5s' },
      retry_policy: RETRIES,
    },
  };
}

/** Only what Envoy can read: one bad key set would cost the workload its listener. */
function inlineKeys(jwks: string): JwtProvider {
  const keys = usableKeys(jwks);
  return keys?.length ? { local_jwks: { inline_string: JSON.stringify({ keys }) } } : NO_KEYS;
}

/** The cluster that leads to a key set, and, where no service has one already, how it is made. */
export function jwksCluster(
  world: WorldView,
  viewer: Viewer,
  uri: string,
): { name: string; own?: Cluster } | undefined {
  if (!URL.canParse(uri)) return undefined;
  const { protocol, hostname: host, port: given } = new URL(uri);
  const isTls = protocol === 'https:';
  if (!isTls && protocol !== 'http:') return undefined;
  const port = Number(given) || (isTls ? 443 : 80);
  const service = world.service(viewer, resolveHost(host, ''));
  if (!isTls && service?.ports.some(({ number, protocol: spoken }) => number === port && spoken !== 'UDP')) {
    return { name: outboundClusterName(service.hostname, port) };
  }
  if (isForbiddenHost(host)) return undefined;
  const name = `jwks|${port}|${isTls ? 'tls' : 'plain'}|${host}`;
  return { name, own: ownCluster(world, name, host.replace(/^\[|\]$/g, ''), port, isTls) };
}

function ownCluster(world: WorldView, name: string, host: string, port: number, isTls: boolean): Cluster {
  return {
    name,
    type: isIP(host) ? 'STATIC' : 'STRICT_DNS',
    ...(!isIP(host) && { dns_lookup_family: 'V4_PREFERRED' as const }),
    ...connectionBounds(undefined, world.meshConfig()),
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(host, port) } }] }],
    },
    ...(isTls && { transport_socket: publicTls(host, clientTlsParameters(world.meshConfig())) }),
  };
}

/** In the image of Envoy, as in Debian. Envoy has no word for `whatever the system trusts`: `system_root_certs` checks nothing. */
const SYSTEM_AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt';

/** As with any public server: its certificate has to be for its name, and of an authority that the proxy's system trusts. */
function publicTls(host: string, parameters: TlsParameters): envoy.config.core.v3.TransportSocket {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: any('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', {
      ...(!isIP(host) && { sni: host }),
      common_tls_context: {
        tls_params: parameters,
        validation_context: {
          trusted_ca: { filename: SYSTEM_AUTHORITIES },
          match_typed_subject_alt_names: [{ san_type: isIP(host) ? 'IP_ADDRESS' : 'DNS', matcher: { exact: host } }],
        },
      },
    }),
  };
}
