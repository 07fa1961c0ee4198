/** Of objects that select workloads, each workload is selected by one at most; what Sidecar and Telemetry have in common. */
import { type KubeObject, objectName } from '../../api/object';
import { type Code, findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';
import { type Labels, selectorText } from './label-selector';
import { namespaceOf } from './names';
import type { KnownWorkload } from './workloads';

export interface Selecting<T extends KubeObject> {
  analyzer: string;
  /** The labels by which an object selects; undefined or none where it holds for the whole namespace. */
  labelsOf(object: T): Labels | undefined;
  path: string;
}

/** The objects that select each workload; those with labels only. */
export function selections<T extends KubeObject>(
  analysis: Analysis,
  objects: readonly T[],
  { labelsOf }: Selecting<T>,
): { byWorkload: ReadonlyMap<KnownWorkload, readonly T[]>; without: readonly T[]; empty: readonly T[] } {
  const byWorkload = new Map<KnownWorkload, T[]>();
  const without: T[] = [];
  const empty: T[] = [];
  for (const object of objects) {
    const labels = labelsOf(object);
    if (!labels || Object.keys(labels).length === 0) {
      without.push(object);
      continue;
    }
    const workloads = analysis.workloads.matching(labels, namespaceOf(object));
    if (workloads.length === 0) {
      empty.push(object);
    }
    for (const workload of workloads) {
      const list = byWorkload.get(workload) ?? [];
      list.push(object);
      byWorkload.set(workload, list);
    }
  }
  return { byWorkload, without, empty };
}

/** The finding about an object that selects nothing. */
export function selectsNothing<T extends KubeObject>(object: T, { analyzer, labelsOf, path }: Selecting<T>): Finding {
  const message = `no Pod and no workload of namespace ${namespaceOf(object)} carries the labels ${selectorText(labelsOf(object))}`;
  const fix = 'correct the labels, or add the workload';
  return findingAbout(object, 'IST0101', analyzer, { path, message, fix });
}

/** One finding for each of the objects that select one workload. */
export function conflicts<T extends KubeObject>(
  workload: KnownWorkload,
  objects: readonly T[],
  code: Code,
  { analyzer, path }: Selecting<T>,
): Finding[] {
  return objects.map((object) => {
    const others = objects.filter((other) => other !== object).map(objectName);
    const message = `${others.slice(0, 8).join(', ')} selects ${objectName(workload.object)} too; only one of them holds`;
    return findingAbout(object, code, analyzer, { path, message });
  });
}

/** One finding for each of the objects of one namespace that hold for all of it. */
export function wholeNamespaceConflicts<T extends KubeObject>(
  objects: readonly T[],
  code: Code,
  analyzer: string,
): Finding[] {
  const byNamespace = new Map<string, T[]>();
  for (const object of objects) {
    const list = byNamespace.get(namespaceOf(object)) ?? [];
    list.push(object);
    byNamespace.set(namespaceOf(object), list);
  }
  return [...byNamespace.values()].flatMap((list) =>
    list.length < 2
      ? []
      : list.map((object) => {
          const others = list.filter((other) => other !== object).map(objectName);
          const message = `${others.slice(0, 8).join(', ')} holds for the whole namespace too; only one of them is used`;
          return findingAbout(object, code, analyzer, { path: 'metadata.namespace', message });
        }),
  );
}
