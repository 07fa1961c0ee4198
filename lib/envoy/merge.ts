/**
 * Merges messages in canonical JSON as protobuf merges them (https://protobuf.dev/programming-guides/encoding/#last-one-wins):
 * scalars are replaced, messages merged, lists joined, the entries of maps replaced one by one, and of a oneof the last
 * member stays. Beyond that, an Any is merged with an Any of its type; durations and wrappers are values, and replaced.
 */
import { type Field, fieldsOfMessage } from './codec';
import { MessageError, shown } from './error';

export interface MergeOptions {
  /** What becomes of a list that both sides have. Default `append`. */
  readonly lists?: 'append' | 'replace';
}

type Json = Record<string, unknown>;

/** `base` with `patch` on top. Neither is changed; what is not touched is shared. Throws where two Anys differ in type. */
export function merge<T extends object>(name: string, base: T, patch: object, options: MergeOptions = {}): T {
  const fields = fieldsOfMessage(name);
  if (!fields) return patch as T;
  const merged: Json = { ...(base as Json) };
  for (const [key, value] of Object.entries(patch)) {
    const field = fields.get(key);
    if (!field || value === undefined || value === null) continue;
    for (const rival of field.rivals) delete merged[rival];
    try {
      merged[key] = merged[key] === undefined ? value : mergeField(field, merged[key], value, options);
    } catch (error) {
      throw MessageError.of(error).at(key);
    }
  }
  return merged as T;
}

function mergeField({ type, key, isRepeated, codec }: Field, base: unknown, patch: unknown, options: MergeOptions) {
  if (key) return { ...(base as object), ...(patch as object) };
  if (isRepeated) return options.lists === 'replace' ? patch : [...(base as unknown[]), ...(patch as unknown[])];
  if (!codec) return patch;
  if (type === 'google.protobuf.Any') return mergeAny(base as Json, patch as Json, options);
  if (type === 'google.protobuf.Struct') return { ...(base as object), ...(patch as object) };
  return codec.isSpecial ? patch : merge(type, base as Json, patch as Json, options);
}

function mergeAny(base: Json, patch: Json, options: MergeOptions): Json {
  const url = String(patch['@type'] ?? '');
  if (nameOf(url) !== nameOf(String(base['@type'] ?? ''))) {
    throw new MessageError(`a message of type ${shown(url)} cannot be merged into one of type ${shown(base['@type'])}`);
  }
  const name = nameOf(url);
  if (!fieldsOfMessage(name)) return patch;
  const { '@type': _, ...value } = patch;
  return merge(name, base, value, options);
}

function nameOf(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1);
}
