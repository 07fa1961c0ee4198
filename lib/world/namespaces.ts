/** Namespaces by their labels, and which of them the mesh looks at. */
import type { LabelSelector, MeshConfig } from '../api';
import type { KubeObject } from '../api/object';
import type { Inventory } from './inventory';
import type { Labels } from './labels';

/** Every namespace carries its name as a label, also where a file does not say so. */
export function labelsOfNamespace(object: KubeObject | undefined, name: string): Labels {
  return { 'kubernetes.io/metadata.name': name, ...object?.metadata.labels };
}

export function selectsNamespace({ matchLabels, matchExpressions }: LabelSelector, labels: Labels): boolean {
  const hasLabels = Object.entries(matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return (
    hasLabels &&
    (matchExpressions ?? []).every(({ key, operator, values = [] }) => {
      const value = labels[key];
      if (operator === 'Exists') return value !== undefined;
      if (operator === 'DoesNotExist') return value === undefined;
      const isListed = value !== undefined && values.includes(value);
      return operator === 'In' ? isListed : !isListed;
    })
  );
}

/**
 * The objects of the namespaces that `discoverySelectors` choose; those of the root namespace, and those of none, always
 * count.
 */
export function discovered(
  objects: readonly KubeObject[],
  { namespaces }: Inventory,
  config: MeshConfig,
  rootNamespace: string,
): readonly KubeObject[] {
  const { discoverySelectors: selectors = [] } = config;
  if (selectors.length === 0) return objects;
  const verdicts = new Map<string, boolean>([[rootNamespace, true]]);
  return objects.filter(({ metadata: { namespace } }) => {
    if (namespace === undefined) return true;
    let verdict = verdicts.get(namespace);
    if (verdict === undefined) {
      const labels = labelsOfNamespace(namespaces.get(namespace), namespace);
      verdict = selectors.some((selector) => selectsNamespace(selector, labels));
      verdicts.set(namespace, verdict);
    }
    return verdict;
  });
}
