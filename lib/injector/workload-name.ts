/** Which workload a Pod belongs to, told from the Pod alone: at admission there is nothing else. */
import type { ObjectMeta } from '../api/object';

/**
 * The name of the Deployment, StatefulSet, DaemonSet or Job that makes a Pod; its own where nobody does. A ReplicaSet
 * of a Deployment has the Deployment's name and the hash of its template, which the Pod carries as a label.
 */
export function workloadNameOf(pod: Partial<ObjectMeta> & { generateName?: string }): string | undefined {
  const owner = pod.ownerReferences?.find(({ controller }) => controller) ?? pod.ownerReferences?.[0];
  if (owner) {
    const hash = pod.labels?.['pod-template-hash'];
    const ofDeployment = owner.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`);
    return ofDeployment ? owner.name.slice(0, -hash.length - 1) : owner.name;
  }
  return pod.name || pod.generateName?.replace(/-$/, '') || undefined;
}
