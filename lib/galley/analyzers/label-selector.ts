/** Who is selected by labels, as Kubernetes defines it. */

export type Labels = Readonly<Record<string, string>>;

/** A LabelSelector of the Kubernetes API. */
export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

/** Whether `labels` have all of `wanted`; no labels wanted are had by everyone. */
export function carries(labels: Labels, wanted: Labels | undefined): boolean {
  for (const key in wanted) {
    if (labels[key] !== wanted[key]) {
      return false;
    }
  }
  return true;
}

/** Whether `selector` takes in what has `labels`; none takes in everything, one with an unknown operator nothing. */
export function selects(selector: LabelSelector | undefined, labels: Labels): boolean {
  return (
    carries(labels, selector?.matchLabels) &&
    (selector?.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
      const value = labels[key];
      switch (operator) {
        case 'In':
          return value !== undefined && values.includes(value);
        case 'NotIn':
          return value === undefined || !values.includes(value);
        case 'Exists':
          return value !== undefined;
        case 'DoesNotExist':
          return value === undefined;
        default:
          return false;
      }
    })
  );
}

/** `app=a,version=v1`, sorted, as selectors are written. */
export function selectorText(labels: Labels | undefined): string {
  return Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(',');
}
