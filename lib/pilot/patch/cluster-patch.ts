/** Patches of clusters. */
import type { ClusterMatch } from '../../api';
import type { envoy } from '../../envoy/generated/envoy';
import { merge } from '../../envoy/merge';
import { PATCHED_MESSAGES } from '../../world';
import { isMerge, mergeOptions } from './named-list';
import type { Patch } from './patch';

type Cluster = envoy.config.cluster.v3.Cluster;

/** The cluster after the patch; the same where it does nothing; undefined where it is removed. */
export function patchCluster(cluster: Cluster, patch: Patch): Cluster | undefined {
  if (!isCluster(cluster, patch.match.cluster ?? {})) return cluster;
  if (patch.operation === 'REMOVE') return undefined;
  if (!isMerge(patch)) return cluster;
  return merge(PATCHED_MESSAGES.CLUSTER, cluster, patch.value, mergeOptions(patch.operation));
}

/** `outbound|9080|v1|reviews.shop.svc.cluster.local`; of an inbound cluster the services are in its metadata. */
function isCluster({ name = '', metadata }: Cluster, match: ClusterMatch): boolean {
  if (match.name && match.name !== name) return false;
  const [direction, port, subset, hostname] = name.split('|');
  const { portNumber, service, subset: wanted } = match;
  if (portNumber && portNumber !== Number(port)) return false;
  if (wanted && wanted !== subset) return false;
  if (!service) return true;
  if (direction !== 'inbound') return service === hostname;
  const istio = metadata?.filter_metadata?.['istio'] as { services?: readonly { host?: string }[] } | undefined;
  return Boolean(istio?.services?.some(({ host }) => host === service));
}
