/** Finds the fields of an object that are accepted, but that nothing is done with yet, by the marks in the schema. */
import type { Keywords, TSchema } from '../api/schema';
import { join } from './path';

type Marked = TSchema &
  Keywords & { properties?: Record<string, Marked>; items?: Marked; additionalProperties?: Marked | boolean };

/** Whether anything at or below a schema is marked; most is not, and is then not walked. */
const marks = new WeakMap<object, boolean>();

function hasMarks(schema: Marked): boolean {
  const known = marks.get(schema);
  if (known !== undefined) {
    return known;
  }
  const found =
    schema.served === false || schema.unservedValues !== undefined || below(schema).some((child) => hasMarks(child));
  marks.set(schema, found);
  return found;
}

function below(schema: Marked): Marked[] {
  const map = typeof schema.additionalProperties === 'object' ? [schema.additionalProperties] : [];
  return [...Object.values(schema.properties ?? {}), ...(schema.items ? [schema.items] : []), ...map];
}

/** A field that is not served; with the value where the field is served, but not with this value. */
export interface Unserved {
  path: string;
  value?: string;
}

/** The topmost unserved fields of `value`, which matches `schema` and stands at `path`. */
export function unservedFields(schema: TSchema, value: unknown, path: string): Unserved[] {
  const found: Unserved[] = [];
  walk(schema as Marked, value, path, found);
  return found;
}

function walk(schema: Marked, value: unknown, path: string, found: Unserved[]): void {
  if (schema.served === false) {
    found.push({ path });
  } else if (typeof value === 'string') {
    if (schema.unservedValues?.includes(value)) {
      found.push({ path, value });
    }
  } else if (Array.isArray(value)) {
    if (schema.items && hasMarks(schema.items)) {
      for (const [index, item] of value.entries()) {
        walk(schema.items, item, join(path, index), found);
      }
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, field] of Object.entries(value)) {
      const child = schema.properties?.[key] ?? schema.additionalProperties;
      if (typeof child === 'object' && field !== undefined && hasMarks(child)) {
        walk(child, field, join(path, key), found);
      }
    }
  }
}
