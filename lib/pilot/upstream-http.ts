/** How a cluster speaks HTTP to its endpoints: `typed_extension_protocol_options`. */
import type { ConnectionPoolSettings, HTTPSettings, MeshConfig } from '../api';
import type { envoy } from '../envoy/generated/envoy';
import { any } from '../envoy/message';
import { isHttp, isHttp2, isSniffed, type Service, type ServicePort } from '../world';
import { httpBounds } from './connection-pool';
import { errorCodes } from './outlier-detection';
import { duration } from './shapes';
import { type EffectivePolicy, isOfBackend } from './traffic-policy';
import { namesByAuthority } from './upstream-tls';

const EXTENSION = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

type ProtocolOptions = Pick<envoy.config.cluster.v3.Cluster, 'typed_extension_protocol_options'>;
type Http = envoy.extensions.upstreams.http.v3.HttpProtocolOptions;

/** What the cluster of an HTTP port needs beyond Envoy's default, which is HTTP/1.1. */
export function upstreamHttp(
  policy: EffectivePolicy,
  service: Service,
  port: ServicePort,
  mesh: MeshConfig,
): ProtocolOptions {
  // Behind TLS the backend says in the handshake (ALPN) what it speaks, where its port does not.
  const isNegotiated = isOfBackend(policy.tls) && !isHttp(port.protocol);
  if (!isHttp(port.protocol) && !isSniffed(port.protocol) && !isNegotiated) return {};
  const pool = policy.connectionPool?.http;
  const bounds = httpBounds(policy.connectionPool);
  const names = namesByAuthority(policy.tls, service);
  const errors = errorCodes(policy.outlierDetection);
  const http2 = http2Options(pool);
  let version: Http | undefined;
  if (speaksHttp2(policy, service, port, mesh)) version = { explicit_http_config: { http2_protocol_options: http2 } };
  else if (isNegotiated) version = { auto_config: { http_protocol_options: {}, http2_protocol_options: http2 } };
  else if (pool?.useClientProtocol || isSniffed(port.protocol)) version = clientProtocol(http2);
  else if (bounds || names || errors) version = { explicit_http_config: { http_protocol_options: {} } };
  if (!version) return {};
  return protocolOptions({
    ...version,
    ...(bounds && { common_http_protocol_options: bounds }),
    ...(names && { upstream_http_protocol_options: names }),
    ...(errors && { outlier_detection: errors }),
  });
}

/** The endpoints are spoken to with HTTP/2, whatever the client speaks. */
export function speaksHttp2(policy: EffectivePolicy, service: Service, port: ServicePort, mesh: MeshConfig): boolean {
  if (isHttp2(port.protocol)) return true;
  const own = policy.connectionPool?.http?.h2UpgradePolicy ?? 'DEFAULT';
  // The mesh speaks for its proxies, not for services outside of it.
  if (own === 'DEFAULT') return isHttp(port.protocol) && !service.external && mesh.h2UpgradePolicy === 'UPGRADE';
  return own === 'UPGRADE';
}

function http2Options(pool: HTTPSettings | undefined): envoy.config.core.v3.Http2ProtocolOptions {
  const { interval, timeout } = pool?.http2KeepAlive ?? {};
  return {
    ...(pool?.maxConcurrentStreams && { max_concurrent_streams: pool.maxConcurrentStreams }),
    ...(pool?.http2KeepAlive && {
      connection_keepalive: {
        ...(interval !== undefined && { interval: duration(interval) }),
        timeout: duration(timeout ?? DEFAULT_PING_TIMEOUT),
      },
    }),
  };
}

/** Envoy has none of its own. */
const DEFAULT_PING_TIMEOUT = '10s';

/** For the sidecar's own application: what the client speaks, where the port does not say it is HTTP/2. */
export function inboundHttp(port: Pick<ServicePort, 'protocol'>, pool?: ConnectionPoolSettings): ProtocolOptions {
  if (!isHttp(port.protocol) && !isSniffed(port.protocol)) return {};
  const bounds = httpBounds(pool);
  const http2 = http2Options(pool?.http);
  return protocolOptions({
    ...(isHttp2(port.protocol) ? { explicit_http_config: { http2_protocol_options: http2 } } : clientProtocol(http2)),
    ...(bounds && { common_http_protocol_options: bounds }),
  });
}

/** For destinations of which nothing is known. */
export function clientProtocol(http2: envoy.config.core.v3.Http2ProtocolOptions): Http {
  return { use_downstream_protocol_config: { http_protocol_options: {}, http2_protocol_options: http2 } };
}

export function protocolOptions(options: Http): ProtocolOptions {
  return { typed_extension_protocol_options: { [EXTENSION]: any(EXTENSION, options) } };
}
