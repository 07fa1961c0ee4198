/** Labels and selectors. */

export type Labels = Readonly<Record<string, string>>;

/** Whether `labels` carry everything that `selector` asks for; an empty or absent selector asks for nothing. */
export function selects(selector: Labels | undefined, labels: Labels): boolean {
  for (const key in selector) if (labels[key] !== selector[key]) return false;
  return true;
}
