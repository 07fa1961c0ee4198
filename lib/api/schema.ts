/**
 * The words in which the mesh API is written down: thin constructors over TypeBox, so that one schema is the TypeScript
 * type, the validator, the structural schema of the CRD and the reference page at once.
 *
 * As in protobuf, every field of a message may be left out unless it is listed as required, and a message refuses
 * fields that it does not know. What plain JSON Schema cannot say has five keywords of our own:
 * `exclusive` (groups of fields of which at most one may be set), `duration` (a Go duration, with its least value), `digits` (a number that may be a string),
 * `served: false` (accepted, but the control plane does nothing with it yet) and `unservedValues` (the same for values of a choice).
 */
import {
  type Static,
  type TArray,
  type TObject,
  type TOptional,
  type TRecord,
  type TSchema,
  type TString,
  type TUnsafe,
  Type,
} from '@sinclair/typebox';

export type { Static, TSchema };

/** The keywords that schemas of the mesh API carry beside JSON Schema's own. */
export interface Keywords {
  /** Groups of fields; at most one field of each group may be set. */
  exclusive?: readonly (readonly string[])[];
  /** The string is a duration; the least value in milliseconds. */
  duration?: number;
  /** A whole number that may also be written as a string of digits. */
  digits?: true;
  /** False: accepted and checked, but nothing is done with it yet. Holds for everything below. */
  served?: false;
  /** Values of a choice that are accepted, but that nothing is done with yet. */
  unservedValues?: readonly string[];
}

type Fields = Record<string, TSchema>;
type Message<F extends Fields, R extends keyof F> = TObject<{ [K in keyof F]: K extends R ? F[K] : TOptional<F[K]> }>;

interface MessageOptions<F extends Fields, R extends keyof F> {
  description?: string;
  required?: readonly R[];
  exclusive?: readonly (readonly (keyof F & string)[])[];
}

/** An object with these fields and no others. */
export function message<F extends Fields, R extends keyof F = never>(
  fields: F,
  options: MessageOptions<F, R> = {},
): Message<F, R> {
  const { required = [], ...rest } = options;
  const needed = new Set<keyof F>(required);
  const properties: Fields = {};
  for (const [name, schema] of Object.entries(fields)) {
    properties[name] = needed.has(name) ? schema : Type.Optional(schema);
  }
  return Type.Object(properties, { additionalProperties: false, ...rest }) as unknown as Message<F, R>;
}

/** The same schema, described for the place where it stands. */
export function described<T extends TSchema>(schema: T, description: string): T {
  return { ...schema, description };
}

/** The same schema, accepted but not served yet. */
export function unserved<T extends TSchema>(schema: T): T {
  return { ...schema, served: false };
}

export function text(
  description: string,
  options: { minLength?: number; maxLength?: number; pattern?: string } = {},
): TString {
  return Type.String({ description, ...options });
}

export function flag(description: string) {
  return Type.Boolean({ description });
}

/** A signed 32-bit number. */
export function int32(description: string, options: { minimum?: number; maximum?: number } = {}) {
  return Type.Integer({ description, minimum: -2147483648, maximum: 2147483647, format: 'int32', ...options });
}

/** An unsigned 32-bit number. */
export function uint32(description: string, options: { minimum?: number; maximum?: number } = {}) {
  return Type.Integer({ description, minimum: 0, maximum: 4294967295, ...options });
}

/** An unsigned 64-bit number. Protobuf's JSON writes these as strings, so digits in quotes are accepted too. */
export function uint64(description: string): TUnsafe<number | `${number}`> {
  return Type.Unsafe<number | `${number}`>({ type: 'integer', minimum: 0, description, digits: true });
}

export function double(description: string, options: { minimum?: number; maximum?: number } = {}) {
  return Type.Number({ description, format: 'double', ...options });
}

/** A duration as Go writes them, `1h`, `1m30s`, `250ms`; at least `least` milliseconds. */
export function duration(description: string, least = 1): TString {
  return Type.String({ description, duration: least });
}

/** One of these words. */
export function choice<const V extends string>(
  values: readonly V[],
  description: string,
  options: { unservedValues?: readonly NoInfer<V>[] } = {},
): TUnsafe<V> {
  return Type.Unsafe<V>({ type: 'string', enum: [...values], description, ...options });
}

export function list<T extends TSchema>(
  items: T,
  description: string,
  options: { minItems?: number; maxItems?: number } = {},
): TArray<T> {
  return Type.Array(items, { description, ...options });
}

/** A map from any string to this schema. */
export function map<T extends TSchema>(
  values: T,
  description: string,
  options: { minProperties?: number; maxProperties?: number } = {},
): TRecord<TString, T> {
  return Type.Unsafe<Record<string, Static<T>>>({
    type: 'object',
    additionalProperties: values,
    description,
    ...options,
  }) as unknown as TRecord<TString, T>;
}

/** Any JSON object; its fields are somebody else's. */
export function anyObject(description: string): TUnsafe<Record<string, unknown>> {
  return Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true, description });
}

/** A list of strings. */
export function texts(description: string, options: { minItems?: number; maxItems?: number } = {}) {
  return list(Type.String(), description, options);
}

/** A map from strings to strings. */
export function textMap(description: string, options: { maxProperties?: number } = {}) {
  return map(Type.String(), description, options);
}
