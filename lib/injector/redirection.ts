/**
 * Which packets of a pod go through its Envoy: the rules of transparent capture, as text for `iptables-restore`. The
 * scheme and the chain names are those of Istio, so that what one knows about debugging them holds here.
 *
 * The init container applies the rules in a cluster, `malha up` in a network namespace on a laptop.
 */
import { ProxyPort } from './proxy-port';

export interface RedirectionOptions {
  /** The user and group that Envoy runs as; its own packets are not captured again. Default 1337. */
  proxyId?: number;
  /** Default 4. The two families have separate tables. */
  family?: 4 | 6;
  /** Ports of the pod that are captured. Default: all. */
  includeInboundPorts?: readonly number[];
  /** Ports of the pod that peers reach directly, beside those of the proxy itself. */
  excludeInboundPorts?: readonly number[];
  /** Ports that the pod reaches directly. */
  excludeOutboundPorts?: readonly number[];
  /** DNS over UDP and IPv4 is captured too; the proxy has to answer it. Default: not. */
  captureDns?: boolean;
  /** The only destinations that are captured, as CIDR. Default: all. */
  includeOutboundRanges?: readonly string[];
  /** Destinations that the pod reaches directly, as CIDR. */
  excludeOutboundRanges?: readonly string[];
}

/** Envoy answers these itself, on the pod's address. */
const OWN_PORTS = [ProxyPort.metrics, ProxyPort.readiness, ProxyPort.mergedMetrics];

/**
 * The address that Envoy's inbound connections to the application come from. It tells them apart from the
 * application's own loopback traffic, and keeps them from being captured once more.
 */
export const inboundSource = { 4: '127.0.0.6', 6: '::6' } as const;

/** The nat table of a captured pod: input for `iptables-restore --noflush` (`ip6tables-restore` for family 6). */
export function redirectionRules(options: RedirectionOptions = {}): string {
  const id = options.proxyId ?? 1337;
  const family = options.family ?? 4;
  const loopback = family === 4 ? '127.0.0.1/32' : '::1/128';
  const source = family === 4 ? `${inboundSource[4]}/32` : `${inboundSource[6]}/128`;
  const ofFamily = (ranges: readonly string[] = []) => ranges.filter((range) => range.includes(':') === (family === 6));

  const inbound = [...OWN_PORTS, ...(options.excludeInboundPorts ?? [])].map(
    (port) => `-A ISTIO_INBOUND -p tcp --dport ${port} -j RETURN`,
  );
  if (options.includeInboundPorts) {
    inbound.push(
      ...options.includeInboundPorts.map((port) => `-A ISTIO_INBOUND -p tcp --dport ${port} -j ISTIO_IN_REDIRECT`),
    );
  } else {
    inbound.push('-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT');
  }

  const owners = ['uid', 'gid'].flatMap((kind) => [
    // The proxy calls its own pod by a Service: the call comes in as from any other peer.
    `-A ISTIO_OUTPUT -o lo ! -d ${loopback} -p tcp -m owner --${kind}-owner ${id} -j ISTIO_IN_REDIRECT`,
    // The application calls itself by the pod's address: nobody else is concerned.
    `-A ISTIO_OUTPUT -o lo -m owner ! --${kind}-owner ${id} -j RETURN`,
    `-A ISTIO_OUTPUT -m owner --${kind}-owner ${id} -j RETURN`,
  ]);
  const redirected = options.includeOutboundRanges
    ? ofFamily(options.includeOutboundRanges).map((range) => `-A ISTIO_OUTPUT -d ${range} -j ISTIO_REDIRECT`)
    : ['-A ISTIO_OUTPUT -j ISTIO_REDIRECT'];

  return [
    '*nat',
    ':ISTIO_INBOUND - [0:0]',
    ':ISTIO_IN_REDIRECT - [0:0]',
    ':ISTIO_OUTPUT - [0:0]',
    ':ISTIO_REDIRECT - [0:0]',
    `-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports ${ProxyPort.outbound}`,
    `-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports ${ProxyPort.inbound}`,
    ...inbound,
    // What Envoy passes on to the application stays as it is.
    `-A ISTIO_OUTPUT -o lo -s ${source} -j RETURN`,
    ...(options.excludeOutboundPorts ?? []).map((port) => `-A ISTIO_OUTPUT -p tcp --dport ${port} -j RETURN`),
    ...owners,
    `-A ISTIO_OUTPUT -d ${loopback} -j RETURN`,
    ...ofFamily(options.excludeOutboundRanges).map((range) => `-A ISTIO_OUTPUT -d ${range} -j RETURN`),
    ...redirected,
    '-A PREROUTING -p tcp -j ISTIO_INBOUND',
    '-A OUTPUT -p tcp -j ISTIO_OUTPUT',
    ...dnsRules(options, id),
    'COMMIT',
    '',
  ].join('\n');
}

/** What the proxy itself asks goes to the name servers, everything else to the proxy. */
function dnsRules({ captureDns, family = 4 }: RedirectionOptions, id: number): string[] {
  if (!captureDns || family !== 4) return [];
  return [
    ...['uid', 'gid'].map((kind) => `-A OUTPUT -p udp --dport 53 -m owner --${kind}-owner ${id} -j RETURN`),
    `-A OUTPUT -p udp --dport 53 -j REDIRECT --to-ports ${ProxyPort.dns}`,
  ];
}

/** The arguments of `malha init` that stand for `options`; {@link parsePorts} and {@link parseRanges} read them back. */
export function redirectionArgs(options: RedirectionOptions): string[] {
  const list = (flag: string, values?: readonly (string | number)[]) => (values ? [flag, values.join(',')] : []);
  return [
    '--proxy-id',
    String(options.proxyId ?? 1337),
    ...list('--include-inbound-ports', options.includeInboundPorts),
    ...list('--exclude-inbound-ports', options.excludeInboundPorts),
    ...list('--exclude-outbound-ports', options.excludeOutboundPorts),
    ...list('--include-outbound-ranges', options.includeOutboundRanges),
    ...list('--exclude-outbound-ranges', options.excludeOutboundRanges),
    ...(options.captureDns ? ['--capture-dns'] : []),
  ];
}

/** `15090,8080` as ports. @throws naming what is not a port. */
export function parsePorts(text: string, what: string): number[] {
  return parseList(text).map((part) => {
    const port = /^\d{1,5}$/.test(part) ? Number(part) : 0;
    if (port < 1 || port > 65535)
      throw new Error(`${what}: '${part}' is not a port, allowed are 1 to 65535, separated by commas`);
    return port;
  });
}

/** `10.0.0.0/8,fd00::/8` as ranges. @throws naming what is not a range. */
export function parseRanges(text: string, what: string): string[] {
  return parseList(text).map((part) => {
    if (!/^(\d{1,3}(\.\d{1,3}){3}\/\d{1,2}|[0-9a-fA-F:]*:[0-9a-fA-F:]*\/\d{1,3})$/.test(part)) {
      throw new Error(`${what}: '${part}' is not a CIDR range, as in 10.0.0.0/8`);
    }
    return part;
  });
}

function parseList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);
}
