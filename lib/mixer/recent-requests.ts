/** The last requests, each by itself, for `malha tap`: a bounded ring that forgets, and says how much it has forgotten. */
import type { envoy } from '../envoy/generated/envoy';
import { proxyName, sidesOf } from './access-log-entry';

type Common = envoy.data.accesslog.v3.AccessLogCommon;
type HttpEntry = envoy.data.accesslog.v3.HTTPAccessLogEntry;
type TcpEntry = envoy.data.accesslog.v3.TCPAccessLogEntry;

export interface RecentRequest {
  /** Counts all that came in, from 1. */
  readonly sequence: number;
  /** When it began, as an ISO time. */
  readonly time: string;
  /** Whose proxy tells of it: the caller's (`source`) or the callee's (`destination`). */
  readonly reporter: 'source' | 'destination';
  /** `NAME.NAMESPACE` of the proxy that tells of it. */
  readonly proxy: string;
  /** The other side as the proxy knows it: the host that was chosen, or the caller's identity by its certificate. */
  readonly peer: string;
  readonly subset?: string;
  readonly port?: number;
  readonly route?: string;
  readonly protocol: 'http' | 'tcp';
  readonly method?: string;
  /** Without query and fragment, which may hold secrets. */
  readonly path?: string;
  /** The HTTP status; 0 where there was none. */
  readonly code: number;
  /** What the proxy had to do with it, as Envoy names it: `no_healthy_upstream`. */
  readonly flags: readonly string[];
  readonly milliseconds: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
}

const CAPACITY = 2_000;
const MAX_TEXT = 256;

export class RecentRequests {
  private readonly ring: RecentRequest[] = [];
  private next = 1;

  constructor(private readonly capacity = CAPACITY) {}

  addHttp(nodeId: string, entry: HttpEntry): void {
    const { request, response } = entry;
    this.add(nodeId, entry.common_properties ?? {}, {
      protocol: 'http',
      method: clean(request?.request_method ?? ''),
      path: pathOf(request?.path),
      code: Number(response?.response_code ?? 0),
      bytesReceived: Number(request?.request_body_bytes ?? 0),
      bytesSent: Number(response?.response_body_bytes ?? 0),
      asked: request?.authority,
    });
  }

  addTcp(nodeId: string, entry: TcpEntry): void {
    this.add(nodeId, entry.common_properties ?? {}, {
      protocol: 'tcp',
      code: 0,
      bytesReceived: Number(entry.connection_properties?.received_bytes ?? 0),
      bytesSent: Number(entry.connection_properties?.sent_bytes ?? 0),
    });
  }

  /** The sequence of the last one that came in; 0 before the first. */
  get last(): number {
    return this.next - 1;
  }

  /** Those after `sequence`, oldest first, and how many between were forgotten. */
  after(sequence: number): { requests: readonly RecentRequest[]; forgotten: number } {
    const oldest = this.next - this.ring.length;
    const from = Math.max(sequence + 1, oldest);
    const requests = [];
    for (let each = from; each < this.next; each++) requests.push(this.ring[(each - 1) % this.capacity]!);
    return { requests, forgotten: Math.max(0, from - sequence - 1) };
  }

  private add(
    nodeId: string,
    common: Common,
    {
      asked,
      ...own
    }: Pick<RecentRequest, 'protocol' | 'method' | 'path' | 'code' | 'bytesReceived' | 'bytesSent'> & {
      asked?: string;
    },
  ): void {
    const { isInbound, caller = '', port, subset, host } = sidesOf(nodeId, common);
    const peer = isInbound ? caller : host || (asked ?? '').split('?')[0] || (common.upstream_cluster ?? '');
    const flags = Object.entries(common.response_flags ?? {}).flatMap(([name, value]) => (value ? [name] : []));
    this.ring[(this.next - 1) % this.capacity] = {
      sequence: this.next++,
      time: timeOf(common.start_time),
      reporter: isInbound ? 'destination' : 'source',
      proxy: clean(proxyName(nodeId)),
      peer: clean(peer),
      ...(subset && { subset: clean(subset) }),
      ...(Number(port) > 0 && { port: Number(port) }),
      ...(common.route_name && { route: clean(common.route_name) }),
      ...own,
      flags,
      milliseconds:
        Math.round(Number.parseFloat(common.time_to_last_downstream_tx_byte ?? common.duration ?? '0') * 1e6) / 1000,
    };
  }
}

/** What comes before the query or fragment, without what a terminal would obey. */
function pathOf(path = ''): string {
  return clean(path.split(/[?#]/, 1)[0]!);
}

/** Control characters, line separators and invisible marks (such as those that turn the direction of text) become U+FFFD. */
function clean(text: string): string {
  return text.slice(0, MAX_TEXT).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd');
}

function timeOf(time: unknown): string {
  const text = typeof time === 'string' ? time : '';
  return Number.isNaN(Date.parse(text)) ? new Date(0).toISOString() : new Date(text).toISOString();
}
