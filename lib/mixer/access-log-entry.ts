/** One entry of Envoy's access log to one call. */
import type { envoy } from '../envoy/generated/envoy';
import type { Call } from './observed-calls';

type Common = envoy.data.accesslog.v3.AccessLogCommon;
type HttpEntry = envoy.data.accesslog.v3.HTTPAccessLogEntry;
type TcpEntry = envoy.data.accesslog.v3.TCPAccessLogEntry;

export interface LoggedCall {
  readonly call: Call;
  readonly milliseconds: number;
}

/** The call that the proxy `nodeId` has logged; undefined when the other side is the one to count it. */
export function httpCall(nodeId: string, entry: HttpEntry): LoggedCall | undefined {
  const code = entry.response?.response_code ?? 0;
  return logged(nodeId, entry.common_properties ?? {}, 'http', code, entry.request?.authority);
}

/** As `httpCall`, of a connection. */
export function tcpCall(nodeId: string, entry: TcpEntry): LoggedCall | undefined {
  return logged(nodeId, entry.common_properties ?? {}, 'tcp', 0);
}

function logged(
  nodeId: string,
  common: Common,
  protocol: Call['protocol'],
  code: number,
  authority = '',
): LoggedCall | undefined {
  const ends = endsOf(nodeId, common, authority);
  return ends && { call: { ...ends, code, protocol }, milliseconds: durationOf(common) };
}

function endsOf(nodeId: string, common: Common, authority: string): Pick<Call, 'source' | 'destination'> | undefined {
  const proxy = nodeId.split('~')[2] ?? nodeId;
  const [direction, port, subset, host] = (common.upstream_cluster ?? '').split('|');
  if (direction === 'inbound') {
    const caller = common.tls_properties?.peer_certificate_properties?.subject_alt_name?.find(({ uri }) => uri)?.uri;
    return caller ? { source: caller, destination: `${proxy}:${port}` } : undefined;
  }
  if (direction === 'outbound' && host) {
    return { source: proxy, destination: `${host}:${port}${subset ? ` (${subset})` : ''}` };
  }
  // Passed through, refused or answered by the proxy itself: all that is known is what the caller asked for.
  const asked = authority || addressOf(common.upstream_remote_address) || common.upstream_cluster;
  return { source: proxy, destination: asked || 'unknown' };
}

/**
 * Under which identity the proxy says to have been called: of the certificate that it showed its caller. Undefined where it
 * called itself, or showed none of the mesh's.
 */
export function ownIdentity({ upstream_cluster = '', tls_properties }: Common): string | undefined {
  if (!upstream_cluster.startsWith('inbound|')) return undefined;
  const names = tls_properties?.local_certificate_properties?.subject_alt_name ?? [];
  return names.map(({ uri }) => uri).find((uri) => uri?.startsWith('spiffe://'));
}

function addressOf(address: envoy.config.core.v3.Address | undefined): string | undefined {
  const { address: ip, port_value: port } = address?.socket_address ?? {};
  return ip && `${ip}:${port ?? 0}`;
}

/** Until the last byte had been sent to the caller. */
function durationOf({ time_to_last_downstream_tx_byte: last, duration }: Common): number {
  return Number.parseFloat(last ?? duration ?? '0') * 1000;
}
