/** Which listener accepts a connection, and which of its filter chains takes it. */
import type { envoy } from '../envoy/generated/envoy';

type Listener = envoy.config.listener.v3.Listener;
type FilterChain = envoy.config.listener.v3.FilterChain;
type FilterChainMatch = envoy.config.listener.v3.FilterChainMatch;

/** A connection as it arrives at the proxy. */
export interface Connection {
  /** The address that the client connected to; undefined stands for one that no listener names. */
  readonly address?: string;
  readonly port: number;
  /** The server name of a TLS connection. */
  readonly sni?: string;
  /** What a TLS client offers to speak inside. Default: nothing. */
  readonly alpn?: readonly string[];
  /** Whether an inspector would find HTTP. Default true. */
  readonly isHttp?: boolean;
}

/** The port that captures what a workload sends; the connection is then handed to the listener of its destination. */
const OUTBOUND_CAPTURE = 'virtualOutbound';

/**
 * The listener of the connection's own address before that of all addresses. A captured connection that has neither stays
 * with the listener that captured it (`use_original_dst`).
 */
export function findListener(listeners: readonly Listener[], connection: Connection): Listener | undefined {
  const at = (address: string | undefined) =>
    listeners.find((listener) => {
      const socket = listener.address?.socket_address;
      return address !== undefined && socket?.address === address && socket.port_value === connection.port;
    });
  return at(connection.address) ?? at('0.0.0.0') ?? listeners.find(({ name }) => name === OUTBOUND_CAPTURE);
}

/**
 * Envoy narrows the chains criterion by criterion: destination port, destination address, server name, transport. At
 * each step the most specific that matches wins, and there is no way back (`FilterChainMatch`).
 */
export function findFilterChain(listener: Listener, connection: Connection): FilterChain | undefined {
  const transport = connection.sni === undefined ? 'raw_buffer' : 'tls';
  let chains = listener.filter_chains ?? [];
  const narrow = (rank: (match: FilterChainMatch) => number) => {
    const ranked = chains.map((chain) => ({ chain, rank: rank(chain.filter_chain_match ?? {}) }));
    const best = Math.max(0, ...ranked.map(({ rank: each }) => each));
    chains = ranked.filter(({ rank: each }) => each > 0 && each === best).map(({ chain }) => chain);
  };
  narrow(({ destination_port: port }) => (port === undefined ? 1 : port === connection.port ? 2 : 0));
  narrow(({ prefix_ranges: ranges }) => rankOfRanges(ranges, connection.address));
  narrow(({ server_names: names }) => rankOfNames(names, connection.sni));
  narrow(({ transport_protocol: protocol }) => (!protocol ? 1 : protocol === transport ? 2 : 0));
  const spoken = applicationProtocols(listener, connection);
  narrow(({ application_protocols: protocols }) =>
    !protocols?.length ? 1 : protocols.some((each) => spoken.includes(each)) ? 2 : 0,
  );
  return chains[0] ?? listener.default_filter_chain;
}

/** What inspectors find: requests come as HTTP/1.1; within TLS, what the client offers. */
function applicationProtocols({ listener_filters: filters }: Listener, connection: Connection): readonly string[] {
  const { sni, alpn = [], isHttp = true } = connection;
  if (sni !== undefined) return alpn;
  const inspects = filters?.some(({ name }) => name === 'envoy.filters.listener.http_inspector');
  return inspects && isHttp ? ['http/1.1'] : [];
}

function rankOfRanges(ranges: FilterChainMatch['prefix_ranges'], address: string | undefined): number {
  if (!ranges?.length) return 1;
  const matching = ranges
    .filter(
      (range) => address !== undefined && inRange(address, range.address_prefix ?? '', Number(range.prefix_len ?? 0)),
    )
    .map((range) => Number(range.prefix_len ?? 0));
  return matching.length > 0 ? 2 + Math.max(...matching) : 0;
}

function inRange(address: string, prefix: string, bits: number): boolean {
  const number = (text: string) => text.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const size = 2 ** (32 - bits);
  return Math.floor(number(address) / size) === Math.floor(number(prefix) / size);
}

function rankOfNames(names: readonly string[] | undefined, sni: string | undefined): number {
  if (!names?.length) return 1;
  const ranks = names.map((name) => {
    if (name === sni) return 1e6;
    return name.startsWith('*.') && sni?.endsWith(name.slice(1)) ? 1 + name.length : 0;
  });
  return Math.max(0, ...ranks);
}
