/**
 * Keyed reads. All that a computation learns about a World it learns by asking a table with a key, so its reads can be
 * written down and, later, asked again of a newer World: if every answer is the same, so is the result.
 */
import type { World } from './world';

/**
 * A question that a World can answer. The answer is a primitive, an object whose identity stands for its content
 * (an object of the mesh, or a conversion memoized by it), or an array of such.
 */
export interface Table<V> {
  readonly name: string;
  /** Answers for one World; the World keeps the answer, so each key is computed at most once. */
  readonly answer: (world: World, key: string) => V;
}

/** Declares a table. */
export function table<V>(name: string, answer: (world: World, key: string) => V): Table<V> {
  return { name, answer };
}

/** Whatever can be asked: a World, or a recorder in front of one. */
export interface Reader {
  read<V>(table: Table<V>, key: string): V;
}

/** Two answers are the same when they are identical, or arrays of identical elements. */
export function sameAnswer(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}

/** Composes the key of a table that takes several parts. No part of a Kubernetes name contains `|`. */
export function keyOf(...parts: (string | number)[]): string {
  return parts.join('|');
}

/** Takes a composed key apart again; the last part may hold anything. */
export function partsOf(key: string, count: 2): [string, string];
export function partsOf(key: string, count: 3): [string, string, string];
export function partsOf(key: string, count: number): string[] {
  const parts: string[] = [];
  let from = 0;
  for (let i = 1; i < count; i++) {
    const at = key.indexOf('|', from);
    parts.push(key.slice(from, at));
    from = at + 1;
  }
  parts.push(key.slice(from));
  return parts;
}
