/** Bounds on connections and requests to a service. */
import { choice, duration, flag, int32, message, type Static, uint32 } from '../schema';

export const TcpKeepalive = message(
  {
    probes: uint32("Probes without answer after which a connection is dead. Default: the system's, 9 on Linux."),
    time: duration("How long a connection is idle before probes begin. Default: the system's, 2h on Linux."),
    interval: duration("The time between probes. Default: the system's, 75s on Linux."),
  },
  { description: 'Probes on idle connections, by the kernel.' },
);
export type TcpKeepalive = Static<typeof TcpKeepalive>;

export const TCPSettings = message(
  {
    maxConnections: int32('The most connections to the service. Default: 2^32-1.'),
    connectTimeout: duration('How long connecting may take. Default 10s.'),
    tcpKeepalive: TcpKeepalive,
    maxConnectionDuration: duration('How long a connection may live.'),
    idleTimeout: duration('After which idle time a TCP connection is closed. Default 1h; 0s means never.', 0),
  },
  { description: 'Bounds that hold for HTTP and TCP.' },
);
export type TCPSettings = Static<typeof TCPSettings>;

export const HTTPSettings = message(
  {
    http1MaxPendingRequests: int32('The most requests that wait for a connection. Default: 2^32-1.'),
    http2MaxRequests: int32('The most requests under way at once. Default: 2^32-1.'),
    maxRequestsPerConnection: int32(
      'How many requests one connection may carry; 1 switches keep-alive off. Default: no limit.',
    ),
    maxRetries: int32('The most retries under way at once. Default: 2^32-1.'),
    idleTimeout: duration('After which time without requests a connection is closed. Default 1h.'),
    h2UpgradePolicy: choice(
      ['DEFAULT', 'DO_NOT_UPGRADE', 'UPGRADE'],
      'Whether HTTP/1.1 is upgraded to HTTP/2 on the way to the service.',
    ),
    useClientProtocol: flag('Speak to the service what the client speaks. Not together with `h2UpgradePolicy`.'),
    maxConcurrentStreams: int32('The most streams of one HTTP/2 connection. Default: 2^31-1.'),
    http2KeepAlive: message(
      {
        interval: duration('The time between pings. Default: none.'),
        timeout: duration('How long an answer may take. Default 10s.'),
      },
      { description: 'Pings on HTTP/2 connections.' },
    ),
  },
  { description: 'Bounds that hold for HTTP only.' },
);
export type HTTPSettings = Static<typeof HTTPSettings>;

export const ConnectionPoolSettings = message(
  { tcp: TCPSettings, http: HTTPSettings },
  { description: 'Bounds on connections and requests.' },
);
export type ConnectionPoolSettings = Static<typeof ConnectionPoolSettings>;
