/**
 * Changes to what a construct renders. The typed objects of cdk8s-plus-27 drop every field that is newer than
 * Kubernetes 1.27, so whatever we add to them (a native sidecar, an appProtocol, a seccomp profile) is added to the
 * rendered object, the last step before it becomes YAML.
 */
import type { ApiObject } from 'cdk8s';
import type { KubeObject } from '../lib/api/object';

/** Has `change` rewrite what `object` renders; changes run in the order in which they were added, and leave no undefined. */
export function onRendered<T extends KubeObject = KubeObject>(object: ApiObject, change: (rendered: T) => T): void {
  const render = object.toJson.bind(object);
  object.toJson = () => change(render());
}

/** A copy in which nothing stands twice: YAML would write the second place as an alias of the first. */
export function unshared<T>(value: T): T {
  if (Array.isArray(value)) return value.map(unshared) as T;
  if (typeof value !== 'object' || value === null) return value;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) copy[key] = unshared((value as Record<string, unknown>)[key]);
  return copy as T;
}

/**
 * Keeps what `object` has rendered until the returned function is called. Within one synthesis every object is asked
 * at least twice, by the checks and by the writer, and rendering is most of the work of cdk8s.
 */
export function keepRendered(object: ApiObject, rendered: KubeObject): () => void {
  const own = Object.getOwnPropertyDescriptor(object, 'toJson');
  object.toJson = () => rendered;
  return () => {
    if (own) Object.defineProperty(object, 'toJson', own);
    else delete (object as Partial<ApiObject>).toJson;
  };
}
