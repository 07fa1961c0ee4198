/**
 * How a proxy takes connections and requests.
 * https://istio.io/latest/docs/ops/configuration/traffic-management/edge-proxy/
 */
import { choice, duration, flag, int32, message, type Static, unserved } from '../schema';

const bytes = (description: string) => int32(description, { minimum: 1 });

export const ConnectionSettings = message(
  {
    profile: choice(
      ['SIDECAR', 'EDGE'],
      'EDGE: gateways have by themselves what Envoy recommends for proxies that anybody may ask. Fields that are set go before. Default SIDECAR, nothing.',
    ),
    listenerPerConnectionBufferLimitBytes: bytes('The buffer of a connection of clients, in bytes. With EDGE 32768.'),
    clusterPerConnectionBufferLimitBytes: bytes('The buffer of a connection to servers, in bytes. With EDGE 32768.'),
    httpIdleTimeout: duration('After which time without requests a connection is closed. Default and with EDGE 1h.', 0),
    httpRequestTimeout: duration('How long receiving a request may take. Default 0s, no limit; with EDGE 300s.', 0),
    httpStreamIdleTimeout: duration(
      'How long nothing may come or go on a request. Default 0s, no limit; with EDGE 300s.',
      0,
    ),
    httpRequestHeadersTimeout: duration(
      'How long receiving the headers of a request may take. Default 0s, no limit; with EDGE 60s.',
      0,
    ),
    httpMaxConcurrentStreams: int32('Requests at once on a connection of HTTP/2. With EDGE 100.', {
      minimum: 1,
      maximum: 2147483647,
    }),
    http2InitialStreamWindowSize: int32('The window of a request of HTTP/2, in bytes. With EDGE 65536.', {
      minimum: 65535,
      maximum: 2147483647,
    }),
    http2InitialConnectionWindowSize: int32('The window of a connection of HTTP/2, in bytes. With EDGE 1048576.', {
      minimum: 65535,
      maximum: 2147483647,
    }),
    httpHeadersWithUnderscoresAction: choice(
      [
        'HEADERS_WITH_UNDERSCORES_UNSPECIFIED',
        'HEADERS_WITH_UNDERSCORES_ALLOW',
        'HEADERS_WITH_UNDERSCORES_REJECT_REQUEST',
        'HEADERS_WITH_UNDERSCORES_DROP_HEADER',
        'ALLOW',
        'REJECT_REQUEST',
        'DROP_HEADER',
      ],
      'What comes of headers with underscores in their names, which some servers take for dashes. Default ALLOW; with EDGE REJECT_REQUEST.',
    ),
    httpMergeSlashes: flag(
      'Make one of several slashes in paths. Default: as `pathNormalization` says; with EDGE true.',
    ),
    httpPathWithEscapedSlashesAction: choice(
      [
        'PATH_WITH_ESCAPED_SLASHES_UNSPECIFIED',
        'KEEP_UNCHANGED',
        'REJECT_REQUEST',
        'UNESCAPE_AND_REDIRECT',
        'UNESCAPE_AND_FORWARD',
      ],
      'What comes of `%2F` and `%5C` in paths. Default: as `pathNormalization` says; with EDGE UNESCAPE_AND_REDIRECT.',
    ),
    listenerConnectionLimit: unserved(int32('Connections at once, for each listener.')),
    globalDownstreamConnectionLimit: unserved(int32('Connections of clients at once.')),
  },
  { description: 'How the proxy takes connections and requests.' },
);
export type ConnectionSettings = Static<typeof ConnectionSettings>;
