/** The value behind `/tap`, which `malha tap` reads again and again: the requests since the last time. */
import type { RecentRequest, RecentRequests } from '../../lib/mixer/recent-requests';
import type { WorldView } from '../../lib/world';
import { namespaceOf } from './status';

/** A request with who is on either side. */
export interface TappedRequest extends Omit<RecentRequest, 'proxy' | 'peer' | 'sequence'> {
  /** `NAME.NAMESPACE` of a Pod, or a SPIFFE identity; empty: unknown. */
  readonly from: string;
  readonly to: string;
  /** The caller's SPIFFE identity: by its certificate where the callee tells of it, else that of its Pod. */
  readonly identity?: string;
}

export interface Tap {
  /** To be asked for with `?after=`. */
  readonly cursor: number;
  /** How many came in since `after` and are forgotten. Of all namespaces. */
  readonly forgotten: number;
  /** How many were never taken in, because proxies sent too many: since the control plane has begun. */
  readonly lost: number;
  readonly requests: readonly TappedRequest[];
}

/**
 * @param after the cursor of the last answer; absent: begin now.
 * @param namespace one side has to be of it; undefined: all.
 */
export function tapOf(
  { recent, world, lost }: { recent: RecentRequests; world: WorldView | undefined; lost: number },
  after: string | null,
  namespace?: string,
): Tap {
  const cursor = recent.last;
  // Whoever counts on from another control plane's cursor, or from one before a restart, begins anew.
  const from = after !== null && /^\d{1,15}$/.test(after) && Number(after) <= cursor ? Number(after) : cursor;
  const { requests, forgotten } = recent.after(from);
  const tapped = requests.map((request) => tappedRequest(request, world));
  const isIn = (end: string) => namespaceOf(end) === namespace;
  return {
    cursor,
    forgotten,
    lost,
    requests: namespace === undefined ? tapped : tapped.filter((each) => isIn(each.from) || isIn(each.to)),
  };
}

function tappedRequest(
  { proxy, peer, sequence: _, ...request }: RecentRequest,
  world: WorldView | undefined,
): TappedRequest {
  if (request.reporter === 'destination') return { ...request, from: peer, to: proxy, ...(peer && { identity: peer }) };
  const dot = proxy.lastIndexOf('.');
  const namespace = proxy.slice(dot + 1);
  const pod = world?.pod(namespace, proxy.slice(0, dot));
  const domain = world?.meshConfig().trustDomain || 'cluster.local';
  const identity = pod && `spiffe://${domain}/ns/${namespace}/sa/${pod.spec?.serviceAccountName ?? 'default'}`;
  return { ...request, from: proxy, to: peer, ...(identity && { identity }) };
}
