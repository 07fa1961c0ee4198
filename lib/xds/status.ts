/** What is known about a connected proxy, as values. */
import type { EnvoyResource } from '../envoy/resource';
import type { Quarantined } from './quarantine';
import type { Variant } from './request';
import { type Node, TYPES, type Type } from './source';
import type { Rejection, Subscription } from './subscription';

/**
 * `synced`: the proxy has what it should have. `pending`: a response is on its way or about to be. `nacked`: it rejected
 * some of it and keeps what it had. `unsubscribed`: it has not asked. `unknown`: the World does not know the proxy.
 */
export type SyncState = 'synced' | 'pending' | 'nacked' | 'unsubscribed' | 'unknown';

export interface TypeStatus {
  readonly state: SyncState;
  /** How many resources the proxy was sent and still should have. */
  readonly resources: number;
  /** Of the last response that it took. */
  readonly version: string;
  /** What it rejected, with its own words. */
  readonly rejected: readonly Rejection[];
  /** The first of them. */
  readonly error?: string;
}

export interface ProxyStatus {
  readonly node: Node;
  readonly peer: string;
  readonly variant: Variant;
  /** By the server's clock. */
  readonly connectedAt: number;
  /** By what it has proven who it is; absent where it was not asked. */
  readonly credential?: ProxyCredential;
  readonly types: Readonly<Record<Type, TypeStatus>>;
}

export interface ProxyCredential {
  /** A SPIFFE id. */
  readonly identity: string;
  readonly kind: 'certificate' | 'token';
  /** ISO time: the stream ends with it, and the proxy comes again with the next one. */
  readonly expiresAt: string;
}

/** A connected proxy and what it has of each type. */
export interface ProxyWithConfiguration {
  readonly status: ProxyStatus;
  readonly configuration: Readonly<Record<Type, readonly EnvoyResource[]>>;
}

interface Observed {
  readonly type?: Type;
  readonly subscription: Subscription;
  readonly isSettled: boolean;
  readonly broken: ReadonlyMap<string, string>;
  readonly standIns: ReadonlyMap<string, Quarantined>;
}

type WantedByType = Readonly<Record<Type, ReadonlyMap<string, EnvoyResource>>>;

export function statusOf(
  stream: { node?: Node; peer: string; variant: Variant; connectedAt: number },
  channels: readonly Observed[],
  wanted: WantedByType | undefined,
): ProxyStatus {
  const byType = new Map(channels.map((channel) => [channel.type, channel]));
  const types = Object.fromEntries(TYPES.map((type) => [type, typeStatus(byType.get(type), wanted?.[type])]));
  return {
    node: stream.node ?? { id: '' },
    peer: stream.peer,
    variant: stream.variant,
    connectedAt: stream.connectedAt,
    types: types as Record<Type, TypeStatus>,
  };
}

function typeStatus(channel: Observed | undefined, wanted: ReadonlyMap<string, EnvoyResource> | undefined): TypeStatus {
  if (!channel) return { state: wanted ? 'unsubscribed' : 'unknown', resources: 0, version: '', rejected: [] };
  const { subscription, broken, standIns } = channel;
  // What is no longer wanted, or has been mended, is no trouble any more.
  const own = [...subscription.rejections.values()].filter(
    ({ name, resource }) => !resource || wanted?.get(name)?.version === resource.version,
  );
  const ofOthers = [...standIns.values()].map(({ resource: { name, version }, error }) => ({ name, version, error }));
  const rejected = [...own, ...ofOthers, ...[...broken].map(([name, error]) => ({ name, version: '', error }))].map(
    ({ name, version, error }) => ({ name, version, error }),
  );
  return {
    state: !wanted ? 'unknown' : rejected.length > 0 ? 'nacked' : isPending(channel) ? 'pending' : 'synced',
    resources: subscription.held.size,
    version: subscription.acknowledgedVersion,
    rejected,
    error: rejected[0]?.error,
  };
}

function isPending({ subscription, isSettled }: Observed): boolean {
  return subscription.isWaiting || !isSettled;
}
