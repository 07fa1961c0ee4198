/**
 * What people write as Envoy's configuration, as canonical JSON with original field names: protobuf's JSON allows camel case
 * too, and a TypedStruct stands for the message that it names. Throws a MessageError with the path of what is no message.
 */
import { codecOf, fieldsOfMessage } from './codec';
import { MessageError } from './error';
import { decode, encode } from './message';

const TYPED_STRUCTS = new Set(['udpa.type.v1.TypedStruct', 'xds.type.v3.TypedStruct']);
const MAX_DEPTH = 100;

/** The message that `json` is, with nothing in it that Envoy's schema does not allow. */
export function canonical(name: string, json: unknown): Record<string, unknown> {
  const message = MessageError.within(name, () => messageOf(name, json, 0));
  return decode(name, encode(name, message as object)) as Record<string, unknown>;
}

function messageOf(name: string, json: unknown, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new MessageError(`is nested more than ${MAX_DEPTH} deep`);
  if (name === 'google.protobuf.Any') return anyOf(json, depth);
  const fields = fieldsOfMessage(name);
  // The encoder says what is wrong with everything else.
  if (!fields || !isObject(json)) return json;
  const message: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(json)) {
    const original = fields.has(key) ? key : snakeCase(key);
    const field = fields.get(original);
    if (original !== key && Object.hasOwn(json, original)) {
      throw new MessageError(`stands twice, as ${key} and as ${original}`).at(key);
    }
    if (value === null && field?.type !== 'google.protobuf.Value') continue;
    try {
      setOwn(message, field ? original : key, field ? valueOf(field, value, depth + 1) : value);
    } catch (error) {
      throw MessageError.of(error).at(key);
    }
  }
  return message;
}

function valueOf(
  { type, isRepeated, key, codec }: { type: string; isRepeated: boolean; key?: unknown; codec?: unknown },
  value: unknown,
  depth: number,
): unknown {
  if (!codec) return value;
  if (key && isObject(value)) {
    const map: Record<string, unknown> = {};
    for (const [name, entry] of Object.entries(value))
      setOwn(
        map,
        name,
        within(name, () => messageOf(type, entry, depth)),
      );
    return map;
  }
  if (isRepeated && Array.isArray(value)) {
    return value.map((entry, index) => within(index, () => messageOf(type, entry, depth)));
  }
  return messageOf(type, value, depth);
}

function anyOf(json: unknown, depth: number): unknown {
  if (!isObject(json)) return json;
  const url = json['@type'];
  if (typeof url !== 'string') return json;
  const name = url.slice(url.lastIndexOf('/') + 1);
  const { '@type': _, ...rest } = json;
  if (TYPED_STRUCTS.has(name)) {
    const named = rest['type_url'] ?? rest['typeUrl'];
    const value = rest['value'] ?? {};
    if (typeof named === 'string' && isObject(value) && isMessage(named)) {
      return within('value', () => anyOf({ ...value, '@type': named }, depth + 1));
    }
  }
  const codec = codecOf(name);
  if (!codec || codec.isSpecial) return json;
  return { ...(messageOf(name, rest, depth + 1) as object), '@type': url };
}

function isMessage(url: string): boolean {
  const codec = codecOf(url.slice(url.lastIndexOf('/') + 1));
  return codec !== undefined && !codec.isSpecial;
}

function within<T>(step: string | number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw MessageError.of(error).at(step);
  }
}

function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Assigning `__proto__` would change the object instead of adding a key. */
export function setOwn(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
}
