/**
 * Where an object comes from: a place in a file, or a construct in a program. Objects are plain values that pass
 * through many pure functions; their origin is remembered beside them, so that a finding can name the place.
 */

/** The place that a person would open to change an object. */
export interface Origin {
  /** The file that the object was read from, as the user named it. */
  file?: string;
  /** The line on which the object starts, from 1. */
  line?: number;
  /** The line of a field, for a path such as `spec.http[0].route[1].weight`; falls back to the nearest parent. */
  lineOf?(path: string): number | undefined;
  /** The path of the construct that wrote the object: `shop/reviews/VirtualService`. */
  construct?: string;
}

/** The annotation by which a manifest remembers the construct that wrote it. */
export const CONSTRUCT_ANNOTATION = 'malha.dev/construct';

const origins = new WeakMap<object, Origin>();

/** Remembers where `object` comes from; returns the object. */
export function withOrigin<T extends object>(object: T, origin: Origin): T {
  origins.set(object, origin);
  return object;
}

/** Where `object` comes from, if anyone said so. */
export function originOf(object: object): Origin | undefined {
  return origins.get(object);
}
