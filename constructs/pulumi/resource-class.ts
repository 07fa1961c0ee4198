/** The Pulumi resource for a kind of object: the typed one where Pulumi has it, because it knows when that kind is ready. */
import * as kubernetes from '@pulumi/kubernetes';
import type * as pulumi from '@pulumi/pulumi';

export type ResourceArgs = kubernetes.apiextensions.CustomResourceArgs;

export type ResourceClass = new (
  name: string,
  args: ResourceArgs,
  options?: pulumi.CustomResourceOptions,
) => pulumi.CustomResource;

/** `apps/v1` is `kubernetes.apps.v1`, `rbac.authorization.k8s.io/v1` is `kubernetes.rbac.v1`, `v1` is `kubernetes.core.v1`. */
export function resourceClass(apiVersion: string, kind: string): ResourceClass {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['core', apiVersion];
  const isKubernetes = !group!.includes('.') || group!.endsWith('.k8s.io');
  const typed = isKubernetes ? lookUp(kubernetes, group!.split('.')[0]!, version!, kind) : undefined;
  // Pulumi's names of custom resources are their apiVersion and kind, so that two groups never meet.
  return (typed as ResourceClass | undefined) ?? kubernetes.apiextensions.CustomResource;
}

function lookUp(root: object, ...path: string[]): unknown {
  let value: unknown = root;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return typeof value === 'function' ? value : undefined;
}
