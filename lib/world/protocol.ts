/** The protocol of a port, selected as the Istio API documents it ("Protocol Selection"): declared, or left to Envoy to find. */

export type Protocol =
  | 'HTTP'
  | 'HTTP2'
  | 'GRPC'
  | 'GRPC-Web'
  | 'HTTPS'
  | 'TLS'
  | 'TCP'
  | 'Mongo'
  | 'MySQL'
  | 'Redis'
  | 'UDP'
  /** Nothing was declared: Envoy looks at the first bytes of each connection. */
  | 'Unknown';

const byName: Record<string, Protocol> = {
  http: 'HTTP',
  http2: 'HTTP2',
  grpc: 'GRPC',
  'grpc-web': 'GRPC-Web',
  https: 'HTTPS',
  tls: 'TLS',
  tcp: 'TCP',
  mongo: 'Mongo',
  mysql: 'MySQL',
  redis: 'Redis',
  udp: 'UDP',
};

/** Kubernetes' own names (KEP-3726). */
const kubernetesNames: Record<string, Protocol> = {
  'kubernetes.io/h2c': 'HTTP2',
  'kubernetes.io/ws': 'HTTP',
  'kubernetes.io/wss': 'HTTPS',
};

/** The protocol by its name in an API field (`server.port.protocol`), case-insensitive. */
export function protocolNamed(name: string | undefined): Protocol {
  return byName[(name ?? '').toLowerCase()] ?? 'Unknown';
}

/**
 * The protocol of a Service's port: `appProtocol` if set, else the prefix of the port's name (`http-web`).
 * UDP stays UDP whatever the name says. What declares nothing is TCP on the ports of protocols where the server speaks
 * first, and unknown elsewhere.
 */
export function selectProtocol(port: {
  name?: string;
  protocol?: string;
  appProtocol?: string;
  number?: number;
}): Protocol {
  if (port.protocol === 'UDP') return 'UDP';
  const name = (port.appProtocol ?? port.name ?? '').toLowerCase();
  if (port.appProtocol && kubernetesNames[name]) return kubernetesNames[name];
  if (name === 'grpc-web' || name.startsWith('grpc-web-')) return 'GRPC-Web';
  const dash = name.indexOf('-');
  const protocol = protocolNamed(dash < 0 ? name : name.slice(0, dash));
  return protocol === 'Unknown' && SERVER_FIRST_PORTS.has(port.number ?? 0) ? 'TCP' : protocol;
}

/** SMTP, DNS, MySQL, MongoDB: here the server speaks first, or so early that nobody should wait for the client. */
const SERVER_FIRST_PORTS = new Set([25, 53, 3306, 27017]);

/** Whether the port carries HTTP is found out connection by connection. */
export function isSniffed(protocol: Protocol): boolean {
  return protocol === 'Unknown';
}

/** Requests are visible to Envoy: routes by path and header work. */
export function isHttp(protocol: Protocol): boolean {
  return protocol === 'HTTP' || protocol === 'HTTP2' || protocol === 'GRPC' || protocol === 'GRPC-Web';
}

/** The upstream is spoken to with HTTP/2. */
export function isHttp2(protocol: Protocol): boolean {
  return protocol === 'HTTP2' || protocol === 'GRPC' || protocol === 'GRPC-Web';
}

/** The client does TLS itself; Envoy sees the server name only. */
export function isTls(protocol: Protocol): boolean {
  return protocol === 'HTTPS' || protocol === 'TLS';
}
