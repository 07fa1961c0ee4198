/**
 * The read-only second source of configuration (docs/kubernetes.md): where a proxy asks that starts while no control plane
 * answers. It signs nothing, so it helps only those who have their certificate as files.
 *
 * Envoy turns to it after two failed attempts at the first source, and only before it has ever had an answer from that; it
 * goes back when the standby ends its stream. https://github.com/envoyproxy/envoy/pull/34761
 */
import { ofRevision } from '../api/revisions';
import type { envoy } from '../envoy/generated/envoy';
import type { ProxyIdentity, Verified } from './identity';

type GrpcService = envoy.config.core.v3.GrpcService;

/** Its Service and its ServiceAccount, of the default revision. */
const STANDBY_NAME = 'malha-standby';
export const standbyName = (revision?: string): string => ofRevision(STANDBY_NAME, revision);
/** The cluster in a proxy. */
export const STANDBY_CLUSTER = 'xds-standby';

/** Where it is. */
export interface Standby {
  /** `malha-standby.malha-system.svc.cluster.local:15012` */
  readonly address: string;
  /** Its ServiceAccount, by which it is known. */
  readonly namespace: string;
  readonly account: string;
}

/** The runtime guards of Envoy: the failover itself, and the way back from it. */
export const STANDBY_RUNTIME = {
  'envoy.restart_features.xds_failover_support': true,
  'envoy.reloadable_features.xds_failover_to_primary_enabled': true,
} as const;

export const standbyService: GrpcService = { envoy_grpc: { cluster_name: STANDBY_CLUSTER } };

/** Only who proves itself by files can be served without anybody who signs. */
export function standbyOf(standby: Standby | undefined, identity: ProxyIdentity): Standby | undefined {
  return identity === 'podCertificate' ? standby : undefined;
}

/** Its certificate is a workload's: the SPIFFE id tells who it is, below the roots of this mesh's trust domain alone. */
export function verifiedStandby({ namespace, account }: Standby): Verified {
  return { san_type: 'URI', matcher: { suffix: `/ns/${namespace}/sa/${account}` } };
}

/** Where the standby of a control plane is, by that one's namespace and revision. */
export function standbyIn(namespace: string, revision?: string): Standby {
  const account = standbyName(revision);
  return { address: `${account}.${namespace}.svc.cluster.local:15012`, namespace, account };
}
