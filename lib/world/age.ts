/** Order by age: the API resolves most conflicts for the older object. */
import type { KubeObject } from '../api/object';

/** Plain comparison by code units, the same on every machine and locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Oldest first; objects of one second, or from files without timestamps, by namespace and name. */
export function oldestFirst(a: KubeObject, b: KubeObject): number {
  return (
    compareText(timestampOf(a), timestampOf(b)) ||
    compareText(a.metadata.namespace ?? '', b.metadata.namespace ?? '') ||
    compareText(a.metadata.name, b.metadata.name)
  );
}

/** RFC 3339 in UTC sorts as text. YAML readers may have made it a Date. */
function timestampOf(object: KubeObject): string {
  const timestamp: unknown = object.metadata.creationTimestamp;
  if (timestamp instanceof Date) return timestamp.toISOString().replace('.000Z', 'Z');
  return typeof timestamp === 'string' ? timestamp : '';
}
