/**
 * Changes to what a construct renders. The typed objects of cdk8s-plus-27 drop every field that is newer than
 * Kubernetes 1.27, so whatever we add to them (a native sidecar, an appProtocol, a seccomp profile) is added to the
 * rendered object, the last step before it becomes YAML.
 */
import type { ApiObject } from 'cdk8s';
import type { KubeObject } from '../lib/api/object';

/** Has `change` rewrite what `object` renders; changes run in the order in which they were added. */
export function onRendered<T extends KubeObject = KubeObject>(object: ApiObject, change: (rendered: T) => T): void {
  const render = object.toJson.bind(object);
  object.toJson = () => withoutUndefined(change(render()));
}

/** YAML writes an undefined field as null, which an API server takes for a value. */
function withoutUndefined<T>(value: T): T {
  if (Array.isArray(value)) return value.map(withoutUndefined) as T;
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(kept.map(([key, field]) => [key, withoutUndefined(field)])) as T;
}
