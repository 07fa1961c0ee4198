/**
 * Objects with fields missing, as protobuf reads them: a field that is not there has its zero value. The analysis looks at
 * such objects too, as their other fields still say how they meant to work with the rest.
 */
import type { TSchema } from '../api/schema';

type Node = TSchema & {
  properties?: Record<string, Node>;
  items?: Node;
  additionalProperties?: Node | boolean;
  required?: string[];
};

/** `value` with the zero value of every required field of `schema` that it lacks; the same value where none is lacking. */
export function completed(schema: TSchema, value: unknown): unknown {
  const node = schema as Node;
  if (Array.isArray(value)) {
    return node.items ? value.map((item) => completed(node.items!, item)) : value;
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const result: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(value)) {
    const child = node.properties?.[key] ?? node.additionalProperties;
    result[key] = typeof child === 'object' && field !== undefined ? completed(child, field) : field;
  }
  for (const name of node.required ?? []) {
    result[name] ??= zero(node.properties![name]!);
  }
  return result;
}

function zero(schema: Node): unknown {
  switch (Array.isArray(schema['type']) ? schema['type'][0] : schema['type']) {
    case 'object':
      return completed(schema, {});
    case 'array':
      return [];
    case 'integer':
    case 'number':
      return 0;
    case 'boolean':
      return false;
    default:
      return '';
  }
}
