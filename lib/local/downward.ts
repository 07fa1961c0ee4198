/** A container's environment, with what the downward API would have filled in. */
import type { Container, Pod } from '../api/kubernetes';
import { expand } from './command';

/**
 * The variables that a container's `env` declares. Values may refer to earlier ones by `$(VAR)`. A value from a source
 * that only a cluster has (a Secret, a ConfigMap, resource fields) is left out: on a laptop the developer's own
 * environment says such things.
 */
export function environmentOf(container: Container, pod: Pod): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const { name, value, valueFrom } of container.env ?? []) {
    const text = valueFrom?.fieldRef ? fieldOf(pod, valueFrom.fieldRef.fieldPath) : value;
    if (text !== undefined) variables[name] = expand(text, variables);
  }
  return variables;
}

/** https://kubernetes.io/docs/concepts/workloads/pods/downward-api/#available-fields */
function fieldOf(pod: Pod, path: string): string | undefined {
  const key = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path);
  if (key) return pod.metadata[key[1] as 'labels' | 'annotations']?.[key[2]!];
  switch (path) {
    case 'metadata.name':
      return pod.metadata.name;
    case 'metadata.namespace':
      return pod.metadata.namespace ?? 'default';
    case 'metadata.uid':
      return pod.metadata.uid;
    case 'spec.serviceAccountName':
      return pod.spec?.serviceAccountName ?? 'default';
    case 'spec.nodeName':
      return pod.spec?.nodeName ?? 'localhost';
    case 'status.hostIP':
      return '127.0.0.1';
    case 'status.podIP':
    case 'status.podIPs':
      return pod.status?.podIP;
    default:
      return undefined;
  }
}
