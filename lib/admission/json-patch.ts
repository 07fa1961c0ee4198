/** RFC 6902: what has to be done to one JSON value so that it becomes another. */
import { sameValue } from '../api/equality';

export interface PatchOperation {
  readonly op: 'add' | 'replace' | 'remove';
  /** RFC 6901. */
  readonly path: string;
  readonly value?: unknown;
}

/**
 * The operations from `before` to `after`. Objects are compared field by field; what was put in front of a list is added
 * to it, so that a change that somebody else makes behind it stays; any other list is replaced as a whole.
 */
export function jsonPatch(before: unknown, after: unknown, path = ''): PatchOperation[] {
  if (sameValue(before, after)) return [];
  if (Array.isArray(before) && Array.isArray(after)) return listPatch(before, after, path);
  if (!isRecord(before) || !isRecord(after)) return [{ op: 'replace', path, value: after }];
  const operations: PatchOperation[] = [];
  for (const [key, value] of Object.entries(after)) {
    const at = `${path}/${escaped(key)}`;
    if (value === undefined) continue;
    if (!Object.hasOwn(before, key)) operations.push({ op: 'add', path: at, value });
    else operations.push(...jsonPatch(before[key], value, at));
  }
  for (const key of Object.keys(before)) {
    if (!Object.hasOwn(after, key) || after[key] === undefined) {
      operations.push({ op: 'remove', path: `${path}/${escaped(key)}` });
    }
  }
  return operations;
}

function listPatch(before: readonly unknown[], after: readonly unknown[], path: string): PatchOperation[] {
  const added = after.length - before.length;
  const isPrefixed = added > 0 && sameValue(after.slice(added), before);
  if (!isPrefixed) return [{ op: 'replace', path, value: after }];
  return after.slice(0, added).map((value, index) => ({ op: 'add', path: `${path}/${index}`, value }));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function escaped(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
