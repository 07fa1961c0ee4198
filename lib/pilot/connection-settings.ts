/**
 * How a proxy takes connections and requests, as `connectionSettings` of its settings say; for gateways, with what Envoy
 * recommends where anybody may ask.
 * https://istio.io/latest/docs/ops/configuration/traffic-management/edge-proxy/
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge
 */
import { type ConnectionSettings, type MeshProxyConfig, parseDuration, protobufDuration } from '../api';
import type { envoy } from '../envoy/generated/envoy';

type Manager = envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager;
type CommonOptions = NonNullable<Manager['common_http_protocol_options']>;

export interface ConnectionsOfProxy {
  /** Of a listener, in bytes; undefined: Envoy's own. */
  readonly listenerBuffer?: number;
  /** Of a cluster. */
  readonly clusterBuffer?: number;
  readonly manager: Partial<Manager>;
}

export const USUAL_CONNECTIONS: ConnectionsOfProxy = { manager: {} };

/** What Envoy recommends at the edge. */
const EDGE: ConnectionSettings = {
  listenerPerConnectionBufferLimitBytes: 32_768,
  clusterPerConnectionBufferLimitBytes: 32_768,
  httpIdleTimeout: '3600s',
  httpRequestTimeout: '300s',
  httpStreamIdleTimeout: '300s',
  httpRequestHeadersTimeout: '60s',
  httpMaxConcurrentStreams: 100,
  http2InitialStreamWindowSize: 65_536,
  http2InitialConnectionWindowSize: 1_048_576,
  httpHeadersWithUnderscoresAction: 'REJECT_REQUEST',
  httpMergeSlashes: true,
  httpPathWithEscapedSlashesAction: 'UNESCAPE_AND_REDIRECT',
};

/** Values that are not what their field takes, which only an annotation can have, count as not there. */
export function connectionsOf(
  { connectionSettings: said }: MeshProxyConfig,
  type: 'sidecar' | 'router',
): ConnectionsOfProxy {
  if (typeof said !== 'object' || said === null) return USUAL_CONNECTIONS;
  const below = said.profile === 'EDGE' && type === 'router' ? EDGE : {};
  const valueOf = <T>(field: keyof ConnectionSettings, read: (value: unknown) => T | undefined): T | undefined =>
    read(said[field]) ?? read(below[field]);
  const common = given<CommonOptions>({
    idle_timeout: valueOf('httpIdleTimeout', time),
    headers_with_underscores_action: valueOf('httpHeadersWithUnderscoresAction', underscores),
  });
  const http2 = given({
    max_concurrent_streams: valueOf('httpMaxConcurrentStreams', wholeFrom(1)),
    initial_stream_window_size: valueOf('http2InitialStreamWindowSize', wholeFrom(LEAST_WINDOW)),
    initial_connection_window_size: valueOf('http2InitialConnectionWindowSize', wholeFrom(LEAST_WINDOW)),
  });
  return {
    listenerBuffer: valueOf('listenerPerConnectionBufferLimitBytes', wholeFrom(1)),
    clusterBuffer: valueOf('clusterPerConnectionBufferLimitBytes', wholeFrom(1)),
    manager: given<Partial<Manager>>({
      common_http_protocol_options: isEmpty(common) ? undefined : common,
      http2_protocol_options: isEmpty(http2) ? undefined : http2,
      stream_idle_timeout: valueOf('httpStreamIdleTimeout', time),
      request_timeout: valueOf('httpRequestTimeout', time),
      request_headers_timeout: valueOf('httpRequestHeadersTimeout', time),
      merge_slashes: valueOf('httpMergeSlashes', (value) => (typeof value === 'boolean' ? value : undefined)),
      path_with_escaped_slashes_action: valueOf('httpPathWithEscapedSlashesAction', slashes),
    }),
  };
}

/** What is not said, leaves what stands there. */
function given<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

const isEmpty = (fields: object) => Object.keys(fields).length === 0;

/** RFC 9113 has windows of at least this much. */
const LEAST_WINDOW = 65_535;
const LARGEST = 2_147_483_647;

const wholeFrom = (least: number) => (value: unknown) =>
  typeof value === 'number' && Number.isInteger(value) && value >= least && value <= LARGEST ? value : undefined;

function time(text: unknown): string | undefined {
  const milliseconds = typeof text === 'string' ? parseDuration(text) : undefined;
  return milliseconds === undefined || milliseconds < 0 ? undefined : protobufDuration(milliseconds);
}

function underscores(action: unknown): CommonOptions['headers_with_underscores_action'] {
  const name = String(action).replace(/^HEADERS_WITH_UNDERSCORES_/, '');
  return name === 'ALLOW' || name === 'REJECT_REQUEST' || name === 'DROP_HEADER' ? name : undefined;
}

function slashes(action: unknown): Manager['path_with_escaped_slashes_action'] {
  switch (action) {
    case 'KEEP_UNCHANGED':
    case 'REJECT_REQUEST':
    case 'UNESCAPE_AND_REDIRECT':
    case 'UNESCAPE_AND_FORWARD':
      return action;
    default:
      return undefined;
  }
}
