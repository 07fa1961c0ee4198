/** One plan per message type, made from the generated descriptor when the type is first used. */
import { Reader } from 'protobufjs/minimal';
import { MessageError, shown } from './error';
import { descriptor } from './generated/descriptor';
import { enumScalar, type Scalar, scalars } from './scalar';
import { anyCodec, wellKnown } from './well-known';
import type { WireWriter } from './wire-writer';

/** Turns the body of one message type, in the form that canonical JSON gives it, into bytes and back. */
export interface Codec {
  encode(message: unknown, writer: WireWriter, depth: number): void;
  /** Reads up to the position `end`. A field that occurs again in the same message is merged `into` the first. */
  decode(reader: Reader, end: number, depth: number, into?: unknown): unknown;
  /** True where canonical JSON writes the message as something else than an object with its fields. */
  readonly isSpecial?: boolean;
  /** True where frozen messages are encoded once, since they stand in thousands of others. */
  readonly keepsBytes?: boolean;
}

/** protobuf's own limit. */
const MAX_DEPTH = 100;

/** The form is told in scripts/generate-envoy.js. */
interface Descriptor {
  enums: Record<string, Record<string, number>>;
  messages: Record<string, [name: string, id: number, type: string, label?: string, oneof?: number][]>;
}

const codecs = new Map<string, Codec>();
const enums = new Map<string, Scalar>();
let parsed: Descriptor | undefined;

function bundle(): Descriptor {
  parsed ??= JSON.parse(descriptor) as Descriptor;
  return parsed;
}

/** The codec of a message by its full name; undefined when the bundle does not have the message. */
export function codecOf(name: string): Codec | undefined {
  const known = codecs.get(name);
  // A name that is not in the bundle is not remembered: names come from the network too, without end.
  if (known || !Object.hasOwn(bundle().messages, name)) return known;
  const codec = name === 'google.protobuf.Any' ? anyCodec(codecOf) : (wellKnown[name] ?? new MessageCodec(name));
  codecs.set(name, codec);
  return codec;
}

/** The fields of a message by their original names; undefined for unknown messages, and those with a form of their own. */
export function fieldsOfMessage(name: string): ReadonlyMap<string, Field> | undefined {
  const codec = codecOf(name);
  return codec instanceof MessageCodec ? codec.fields : undefined;
}

/** The names of all messages in the bundle. */
export function messageNames(): string[] {
  return Object.keys(bundle().messages);
}

/** A field of a message, as encoding and merging need to know it. */
export interface Field {
  readonly name: string;
  /** The full name of the message or enum, or the scalar's. */
  readonly type: string;
  readonly id: number;
  readonly isRepeated: boolean;
  readonly isPacked: boolean;
  /** Whether a default value on the wire means something. */
  readonly hasPresence: boolean;
  /** The other members of the field's oneof. */
  readonly rivals: readonly string[];
  readonly key?: Scalar;
  readonly scalar?: Scalar;
  readonly codec?: Codec;
}

/** In a field of this type null is a value, everywhere else it is nothing. */
const nullIsValue = wellKnown['google.protobuf.Value'];

/**
 * The fields that are still to be written, of the message at hand on top of those around it. One stack for all, since a
 * list for each of the many small messages is most of what encoding would cost.
 */
const pending = { fields: [] as Field[], values: [] as unknown[], height: 0 };

/** Thousands of these are sent, of which few change at a time, or few differ from each other. */
const KEPT = new Set([
  'envoy.config.route.v3.VirtualHost',
  'envoy.config.endpoint.v3.LbEndpoint',
  'envoy.config.route.v3.RetryPolicy',
  'envoy.config.core.v3.ConfigSource',
  'envoy.config.core.v3.HeaderValueOption',
  'envoy.config.cluster.v3.CircuitBreakers',
]);

class MessageCodec implements Codec {
  private planned?: { byName: Map<string, Field>; byId: Map<number, Field> };

  readonly keepsBytes: boolean;

  constructor(private readonly name: string) {
    this.keepsBytes = KEPT.has(name);
  }

  /** The fields by their original names. */
  get fields(): ReadonlyMap<string, Field> {
    return this.plan.byName;
  }

  /** Made late, since message types refer to each other in circles. */
  private get plan() {
    if (!this.planned) {
      const fields = fieldsOf(this.name);
      this.planned = {
        byName: new Map(fields.map((field) => [field.name, field])),
        byId: new Map(fields.map((field) => [field.id, field])),
      };
    }
    return this.planned;
  }

  encode(message: unknown, writer: WireWriter, depth: number): void {
    if (message === null || typeof message !== 'object' || Array.isArray(message)) {
      throw new MessageError(`must be an object (${this.name}), got ${shown(message)}`);
    }
    if (depth > MAX_DEPTH) throw new MessageError(`is nested more than ${MAX_DEPTH} deep`);
    const bottom = pending.height;
    try {
      this.push(message as Record<string, unknown>);
      const top = pending.height;
      for (let at = bottom; at < top; at++) {
        const field = pending.fields[at]!;
        if (field.rivals.length > 0) this.checkOneof(field, message as Record<string, unknown>);
        try {
          encodeField(field, pending.values[at], writer, depth + 1);
        } catch (error) {
          throw MessageError.of(error).at(field.name);
        }
      }
    } finally {
      pending.height = bottom;
    }
  }

  /** Puts the fields that are set on top of what is pending, by their ids: equal messages are equal bytes. */
  private push(message: Record<string, unknown>): void {
    const { byName } = this.plan;
    const { fields, values, height: bottom } = pending;
    for (const key in message) {
      const value = message[key];
      if (value === undefined || !Object.hasOwn(message, key)) continue;
      const field = byName.get(key);
      if (value === null && field?.codec !== nullIsValue) continue;
      if (!field) {
        if (key === '@type' && String(value).endsWith(`/${this.name}`)) continue;
        throw this.unknownField(key);
      }
      let at = pending.height++;
      for (; at > bottom && fields[at - 1]!.id > field.id; at--) {
        fields[at] = fields[at - 1]!;
        values[at] = values[at - 1];
      }
      fields[at] = field;
      values[at] = value;
    }
  }

  decode(reader: Reader, end: number, depth: number, into?: unknown): Record<string, unknown> {
    if (depth > MAX_DEPTH) throw new MessageError(`is nested more than ${MAX_DEPTH} deep`);
    const { byId } = this.plan;
    const message = (into as Record<string, unknown> | undefined) ?? {};
    while (reader.pos < end) {
      const tag = reader.uint32();
      const field = byId.get(tag >>> 3);
      try {
        if (!field || !decodeField(field, tag & 7, message, reader, depth + 1)) {
          reader.skipType(tag & 7);
          continue;
        }
      } catch (error) {
        throw field ? MessageError.of(error).at(field.name) : error;
      }
      for (const rival of field.rivals) delete message[rival];
    }
    if (reader.pos > end) throw new MessageError(`a field ends ${reader.pos - end} bytes after its message`);
    return message;
  }

  private unknownField(key: string): MessageError {
    const names = [...this.plan.byName.keys()];
    const snake = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const hint = snake !== key && names.includes(snake) ? `did you mean ${snake}?` : `its fields: ${names.join(', ')}`;
    return new MessageError(`is no field of ${this.name}; ${hint}`).at(key);
  }

  private checkOneof(field: Field, message: Record<string, unknown>): void {
    const other = field.rivals.find((rival) => message[rival] !== undefined && message[rival] !== null);
    if (other) throw new MessageError(`only one of ${field.name} and ${other} may be set`).at(field.name);
  }
}

function fieldsOf(message: string): Field[] {
  const described = bundle().messages[message]!;
  return described.map(([name, id, type, label = '', oneof]) => {
    const scalar = scalars[type] ?? enumOf(type);
    return {
      name,
      type,
      id,
      isRepeated: label === 'repeated' || label === 'packed',
      isPacked: label === 'packed',
      hasPresence: label === 'optional',
      rivals: described
        .filter((other) => oneof !== undefined && other[4] === oneof && other[0] !== name)
        .map(([rival]) => rival),
      key: scalars[label],
      scalar,
      codec: scalar ? undefined : codecOf(type),
    };
  });
}

function enumOf(name: string): Scalar | undefined {
  const known = enums.get(name);
  const values = bundle().enums[name];
  if (known || !values) return known;
  const scalar = enumScalar(name, values);
  enums.set(name, scalar);
  return scalar;
}

function encodeField(field: Field, value: unknown, writer: WireWriter, depth: number): void {
  if (field.key) encodeMap(field, value, writer, depth);
  else if (field.isRepeated) encodeList(field, value, writer, depth);
  else if (field.hasPresence || !field.scalar?.isDefault(value)) encodeOne(field.id, field, value, writer, depth);
}

function encodeList(field: Field, values: unknown, writer: WireWriter, depth: number): void {
  if (!Array.isArray(values)) throw new MessageError(`must be a list, got ${shown(values)}`);
  if (values.length === 0) return;
  if (field.isPacked) writer.uint32((field.id << 3) | 2).fork();
  for (let index = 0; index < values.length; index++) {
    try {
      if (field.isPacked) field.scalar!.write(writer, values[index]);
      else encodeOne(field.id, field, values[index], writer, depth);
    } catch (error) {
      throw MessageError.of(error).at(index);
    }
  }
  if (field.isPacked) writer.ldelim();
}

function encodeOne(id: number, { scalar, codec }: Field, value: unknown, writer: WireWriter, depth: number): void {
  if (scalar) {
    scalar.write(writer.uint32((id << 3) | scalar.wire), value);
    return;
  }
  writer.uint32((id << 3) | 2);
  // A frozen message does not change any more; one that was encoded before is not encoded again.
  const isKept = codec!.keepsBytes && Object.isFrozen(value);
  const known = isKept ? kept.get(value as object) : undefined;
  if (known) {
    writer.bytes(known);
    return;
  }
  const start = writer.fork().length;
  codec!.encode(value, writer, depth);
  if (isKept) kept.set(value as object, writer.since(start));
  writer.ldelim();
}

const kept = new WeakMap<object, Uint8Array>();

function encodeMap(field: Field, value: unknown, writer: WireWriter, depth: number): void {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new MessageError(`must be an object, got ${shown(value)}`);
  }
  for (const key of Object.keys(value).sort()) {
    const entry = (value as Record<string, unknown>)[key];
    if (entry === undefined) continue;
    try {
      writer.uint32((field.id << 3) | 2).fork();
      field.key!.write(writer.uint32((1 << 3) | field.key!.wire), field.key!.fromKey!(key));
      encodeOne(2, field, entry, writer, depth);
      writer.ldelim();
    } catch (error) {
      throw MessageError.of(error).at(key);
    }
  }
}

/** False when the wire type is another than the field's; the field is then skipped like an unknown one. */
function decodeField(
  field: Field,
  wire: number,
  message: Record<string, unknown>,
  reader: Reader,
  depth: number,
): boolean {
  const { name, scalar, codec } = field;
  if (field.key) {
    if (wire !== 2) return false;
    message[name] ??= {};
    decodeEntry(field, message[name] as Record<string, unknown>, reader, depth);
    return true;
  }
  if (field.isRepeated && scalar && wire === 2 && scalar.wire !== 2) {
    const end = reader.uint32() + reader.pos;
    message[name] ??= [];
    while (reader.pos < end) (message[name] as unknown[]).push(scalar.read(reader));
    return true;
  }
  if (wire !== (scalar ? scalar.wire : 2)) return false;
  if (field.isRepeated) {
    message[name] ??= [];
    const list = message[name] as unknown[];
    list.push(scalar ? scalar.read(reader) : decodeNested(codec!, reader, depth));
  } else if (scalar) {
    const value = scalar.read(reader);
    if (field.hasPresence || !scalar.isDefault(value)) message[name] = value;
    else delete message[name];
  } else {
    message[name] = decodeNested(codec!, reader, depth, message[name]);
  }
  return true;
}

function decodeNested(codec: Codec, reader: Reader, depth: number, into?: unknown): unknown {
  const length = reader.uint32();
  const end = reader.pos + length;
  if (end > reader.len) throw new MessageError(`announces ${length} bytes where ${reader.len - reader.pos} are left`);
  return codec.decode(reader, end, depth, into);
}

function decodeEntry(field: Field, map: Record<string, unknown>, reader: Reader, depth: number): void {
  const length = reader.uint32();
  const end = reader.pos + length;
  let key = String(field.key!.zero);
  let value: unknown;
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === ((1 << 3) | field.key!.wire)) key = String(field.key!.read(reader));
    else if (tag === ((2 << 3) | (field.scalar ? field.scalar.wire : 2))) {
      value = field.scalar ? field.scalar.read(reader) : decodeNested(field.codec!, reader, depth, value);
    } else reader.skipType(tag & 7);
  }
  value ??= field.scalar ? field.scalar.zero : field.codec!.decode(Reader.create(nothing), 0, depth);
  // Assigning `__proto__` would change the object instead of adding a key.
  Object.defineProperty(map, key, { value, enumerable: true, writable: true, configurable: true });
}

const nothing = new Uint8Array(0);
