/**
 * Changes to what a construct renders. The typed objects of cdk8s-plus-27 drop every field that is newer than
 * Kubernetes 1.27, so whatever we add to them (a native sidecar, an appProtocol, a seccomp profile) is added to the
 * rendered object, the last step before it becomes YAML.
 */
import { ApiObject, Chart, DependencyGraph } from 'cdk8s';
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
  return replaceToJson(object, () => rendered);
}

/**
 * Has `chart` give its objects without asking, once more for each chart, whether the whole app is valid and what
 * depends on what; until the returned function is called. Only for a run that has just found out.
 */
export function keepOrder(chart: Chart): () => void {
  return replaceToJson(chart, () => objectsOf(chart).map((object) => object.toJson()));
}

/** The chart's own objects, in the order in which cdk8s writes them. */
export function objectsOf(chart: Chart): ApiObject[] {
  return new DependencyGraph(chart.node)
    .topology()
    .filter((construct): construct is ApiObject => ApiObject.isApiObject(construct))
    .filter((object) => Chart.of(object) === chart);
}

function replaceToJson<T extends { toJson(): unknown }>(construct: T, toJson: T['toJson']): () => void {
  const own = Object.getOwnPropertyDescriptor(construct, 'toJson');
  construct.toJson = toJson;
  return () => {
    if (own) Object.defineProperty(construct, 'toJson', own);
    else delete (construct as Partial<T>).toJson;
  };
}
