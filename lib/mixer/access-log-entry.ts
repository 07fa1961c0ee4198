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
  const proxy = proxyName(nodeId);
  const { isInbound, caller, port, subset, host } = sidesOf(nodeId, common);
  if (isInbound) return caller ? { source: caller, destination: `${proxy}:${port}` } : undefined;
  if (host) return { source: proxy, destination: `${host}:${port}${subset ? ` (${subset})` : ''}` };
  // Passed through, refused or answered by the proxy itself: all that is known is what the caller asked for.
  const asked = authority || addressOf(common.upstream_remote_address) || common.upstream_cluster;
  return { source: proxy, destination: asked || 'unknown' };
}

export interface Sides {
  /** The proxy is the callee's. */
  readonly isInbound: boolean;
  /** The caller's identity by its certificate, where the proxy has seen one. */
  readonly caller?: string;
  readonly port: string;
  readonly subset: string;
  /** The host that was called; empty where no service was chosen. */
  readonly host: string;
}

/** `NAME.NAMESPACE` of a node id. */
export function proxyName(nodeId: string): string {
  return nodeId.split('~')[2] ?? nodeId;
}

/** Who is on either side of a logged call. */
export function sidesOf(nodeId: string, common: Common): Sides {
  const [direction = '', port = '', subset = '', host = ''] = (common.upstream_cluster ?? '').split('|');
  const caller = common.tls_properties?.peer_certificate_properties?.subject_alt_name?.find(({ uri }) => uri)?.uri;
  if (direction === 'inbound' || direction === 'outbound') {
    const isInbound = direction === 'inbound';
    return { isInbound, ...(isInbound && caller && { caller }), port, subset, host: isInbound ? '' : host };
  }
  // What the callee's sidecar refuses comes to no cluster. It came to the sidecar's own address, or over mutual TLS.
  const [type, ip] = nodeId.split('~');
  const local = common.downstream_local_address?.socket_address;
  const isInbound = type === 'sidecar' && (local?.address === ip || caller !== undefined);
  return {
    isInbound,
    ...(isInbound && caller && { caller }),
    port: String(local?.port_value ?? ''),
    subset: '',
    host: '',
  };
}

/**
 * Under which identity the proxy says to have been called: of the certificate that it showed its caller. Undefined where it
 * called itself, or showed none of the mesh's.
 */
export function ownIdentity(nodeId: string, common: Common): string | undefined {
  if (!sidesOf(nodeId, common).isInbound) return undefined;
  const names = common.tls_properties?.local_certificate_properties?.subject_alt_name ?? [];
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
