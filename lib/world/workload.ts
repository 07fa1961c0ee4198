/** What a Pod is an instance of, by the names that dashboards group by. */
import type { Pod } from '../api/kubernetes';
import type { Labels } from './labels';

export interface WorkloadName {
  readonly name: string;
  readonly namespace: string;
}

/** The controller that a Pod belongs to: its Deployment rather than the ReplicaSet between them; else the Pod itself. */
export function workloadOf(pod: Pod): WorkloadName {
  const { name, namespace = 'default', labels = {} } = pod.metadata;
  const owners = (pod.metadata as { ownerReferences?: { kind?: string; name?: string; controller?: boolean }[] })
    .ownerReferences;
  const owner = owners?.find(({ controller }) => controller) ?? owners?.[0];
  if (!owner?.name) return { name, namespace };
  const hash = labels['pod-template-hash'];
  const isBetween = owner.kind === 'ReplicaSet' && hash && owner.name.endsWith(`-${hash}`);
  return { name: isBetween ? owner.name.slice(0, -hash.length - 1) : owner.name, namespace };
}

/** The name of the service that a workload is one version of (https://istio.io/latest/docs/ops/best-practices/observability/). */
export function canonicalService(labels: Labels, workload: string): string {
  return labels['service.istio.io/canonical-name'] ?? labels['app.kubernetes.io/name'] ?? labels['app'] ?? workload;
}

/** The version of it. */
export function canonicalRevision(labels: Labels): string {
  return (
    labels['service.istio.io/canonical-revision'] ??
    labels['app.kubernetes.io/version'] ??
    labels['version'] ??
    'latest'
  );
}
