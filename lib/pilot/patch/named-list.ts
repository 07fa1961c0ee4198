/** The operations of patches on a list of named things: filters, virtual hosts, routes. */
import { type MergeOptions, merge } from '../../envoy/merge';
import type { Operation, Patch } from './patch';

interface Named {
  readonly name?: string;
}

export interface ListEdit<T> {
  /** The full name of the elements' message. */
  readonly message: string;
  /** Which elements are meant. */
  readonly isMeant: (element: T) => boolean;
  /** Whether the patch says which; one that does not is inserted at an end. */
  readonly isNarrowed: boolean;
  /** Where an element goes that is added. Default: the end. */
  readonly end?: number;
}

/** The list after the patch; the same list where it does nothing. */
export function editList<T extends Named>(
  list: readonly T[] | undefined,
  { operation, value }: Patch,
  { message, isMeant, isNarrowed, end }: ListEdit<T>,
): readonly T[] {
  const elements = list ?? [];
  const added = value as unknown as T;
  switch (operation) {
    case 'ADD':
      return inserted(elements, added, end ?? elements.length);
    case 'INSERT_FIRST':
      return inserted(elements, added, 0);
    case 'INSERT_BEFORE':
    case 'INSERT_AFTER': {
      const after = operation === 'INSERT_AFTER';
      if (!isNarrowed) return inserted(elements, added, after ? (end ?? elements.length) : 0);
      const at = elements.findIndex(isMeant);
      return at < 0 ? elements : inserted(elements, added, at + (after ? 1 : 0));
    }
    case 'REMOVE':
      return elements.some(isMeant) ? elements.filter((element) => !isMeant(element)) : elements;
    case 'REPLACE':
      return changed(elements, (element) => (isMeant(element) ? added : element));
    case 'MERGE':
    case 'MERGE_AND_REPLACE_LIST':
      return changed(elements, (element) =>
        isMeant(element) ? merge(message, element as T & object, value, mergeOptions(operation)) : element,
      );
  }
}

export function mergeOptions(operation: Operation): MergeOptions {
  return { lists: operation === 'MERGE_AND_REPLACE_LIST' ? 'replace' : 'append' };
}

export function isMerge({ operation }: Patch): boolean {
  return operation === 'MERGE' || operation === 'MERGE_AND_REPLACE_LIST';
}

/** The same list where no element has changed. */
export function changed<T>(list: readonly T[], change: (element: T) => T): readonly T[] {
  const result = list.map(change);
  return result.some((element, index) => element !== list[index]) ? result : list;
}

function inserted<T>(list: readonly T[], element: T, at: number): readonly T[] {
  return [...list.slice(0, at), element, ...list.slice(at)];
}
