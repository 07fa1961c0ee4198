/** What names mean from where they stand. */
import type { KubeObject } from '../../api/object';

/** The namespace that an object has, or that kubectl would give it. */
export function namespaceOf(object: KubeObject): string {
  return object.metadata.namespace ?? 'default';
}

/** `namespace/name`. */
export function keyOf(object: KubeObject): string {
  return `${namespaceOf(object)}/${object.metadata.name}`;
}

/** A name without dots means a service of the namespace; every other host is complete. */
export function fullName(host: string, namespace: string): string {
  return host.startsWith('*') || host.includes('.') ? host : `${host}.${namespace}.svc.cluster.local`;
}

/** The namespaces that `exportTo` means, in an object of `namespace`. */
export function visibility(exportTo: readonly string[] | undefined, namespace: string): ReadonlySet<string> {
  if (!exportTo?.length || exportTo.includes('*')) {
    return EVERYWHERE;
  }
  return new Set(exportTo.filter((entry) => entry !== '~').map((entry) => (entry === '.' ? namespace : entry)));
}

const EVERYWHERE: ReadonlySet<string> = new Set(['*']);

export function isVisible(visibleIn: ReadonlySet<string>, namespace: string): boolean {
  return visibleIn.has('*') || visibleIn.has(namespace);
}

/** Namespaces of Kubernetes itself, which a mesh leaves alone. */
export const SYSTEM_NAMESPACES: ReadonlySet<string> = new Set([
  'kube-system',
  'kube-public',
  'kube-node-lease',
  'local-path-storage',
]);

/** Whether an object is part of a control plane, by its labels. */
export function isControlPlane(object: KubeObject): boolean {
  const labels = object.metadata.labels ?? {};
  return labels['istio'] !== undefined || labels['release'] === 'istio';
}
