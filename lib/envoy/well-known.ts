/** The messages that canonical JSON does not write as an object with their fields (https://protobuf.dev/programming-guides/json). */
import type { Reader } from 'protobufjs/minimal';
import type { Codec } from './codec';
import { MessageError, shown } from './error';
import { scalars } from './scalar';
import type { WireWriter } from './wire-writer';

const MAX_DEPTH = 100;

/** A wrapper is its bare value; wrapping makes the difference between absent and default. */
function wrapper(type: string): Codec {
  const scalar = scalars[type]!;
  return {
    isSpecial: true,
    encode(value, writer) {
      // The default is written as an empty message, as every other encoder does.
      if (!scalar.isDefault(value)) scalar.write(writer.uint32((1 << 3) | scalar.wire), value);
    },
    decode(reader, end, _depth, into) {
      let value = into ?? scalar.zero;
      eachField(reader, end, (tag) => {
        if (tag !== ((1 << 3) | scalar.wire)) return false;
        value = scalar.read(reader);
        return true;
      });
      return value;
    },
  };
}

/** Reads to `end`, skipping the fields for which `read` is false. */
function eachField(reader: Reader, end: number, read: (tag: number) => boolean): void {
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (!read(tag)) reader.skipType(tag & 7);
  }
}

/** Seconds and nanoseconds, as Duration and Timestamp carry them. */
function writeInstant(writer: WireWriter, seconds: number, nanos: number): void {
  if (seconds !== 0) writer.uint32(8).int64(seconds);
  if (nanos !== 0) writer.uint32(16).int32(nanos);
}

function readInstant(reader: Reader, end: number): { seconds: number; nanos: number } {
  let seconds = 0;
  let nanos = 0;
  eachField(reader, end, (tag) => {
    if (tag === 8) seconds = Number(reader.int64());
    else if (tag === 16) nanos = reader.int32();
    else return false;
    return true;
  });
  return { seconds, nanos };
}

/** Canonical JSON shows 0, 3, 6 or 9 decimals. */
function decimals(nanos: number): string {
  if (nanos === 0) return '';
  const nine = String(nanos).padStart(9, '0');
  return `.${nine.endsWith('000000') ? nine.slice(0, 3) : nine.endsWith('000') ? nine.slice(0, 6) : nine}`;
}

/** protobuf's limit: about ten thousand years. */
const MAX_DURATION = 315_576_000_000;

const duration: Codec = {
  isSpecial: true,
  encode(value, writer) {
    const match = typeof value === 'string' ? /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(value) : null;
    if (!match || Number(match[2]) > MAX_DURATION) {
      throw new MessageError(`must be a duration in seconds such as '0.250s', got ${shown(value)}`);
    }
    const sign = match[1] === '-' ? -1 : 1;
    const nanos = Number((match[3] ?? '').padEnd(9, '0'));
    // Adding zero makes -0 a 0.
    writeInstant(writer, sign * Number(match[2]) + 0, sign * nanos + 0);
  },
  decode(reader, end) {
    const { seconds, nanos } = readInstant(reader, end);
    const sign = seconds < 0 || nanos < 0 ? '-' : '';
    return `${sign}${Math.abs(seconds)}${decimals(Math.abs(nanos))}s`;
  },
};

const timestamp: Codec = {
  isSpecial: true,
  encode(value, writer) {
    const match =
      typeof value === 'string'
        ? /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(value)
        : null;
    const millis = match ? Date.parse(`${match[1]}${match[3]}`) : Number.NaN;
    if (!match || Number.isNaN(millis)) {
      throw new MessageError(`must be a time such as '2026-01-01T00:00:00Z', got ${shown(value)}`);
    }
    writeInstant(writer, millis / 1000, Number((match[2] ?? '').padEnd(9, '0')));
  },
  decode(reader, end) {
    const { seconds, nanos } = readInstant(reader, end);
    const date = new Date(seconds * 1000);
    if (Number.isNaN(date.getTime())) throw new MessageError(`${seconds} seconds are no time of the years 1 to 9999`);
    return `${date.toISOString().slice(0, 19)}${decimals(nanos)}Z`;
  },
};

const fieldMask: Codec = {
  isSpecial: true,
  encode(value, writer) {
    if (typeof value !== 'string') throw new MessageError(`must be field paths joined by commas, got ${shown(value)}`);
    for (const path of value.split(',').filter((path) => path !== '')) {
      writer.uint32(10).string(path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
    }
  },
  decode(reader, end) {
    const paths: string[] = [];
    eachField(reader, end, (tag) => {
      if (tag !== 10) return false;
      paths.push(reader.string().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()));
      return true;
    });
    return paths.join(',');
  },
};

function encodeNested(codec: Codec, id: number, value: unknown, writer: WireWriter, depth: number): void {
  if (depth > MAX_DEPTH) throw new MessageError(`is nested more than ${MAX_DEPTH} deep`);
  codec.encode(value, writer.uint32((id << 3) | 2).fork(), depth);
  writer.ldelim();
}

function decodeNested(codec: Codec, reader: Reader, depth: number, into?: unknown): unknown {
  if (depth > MAX_DEPTH) throw new MessageError(`is nested more than ${MAX_DEPTH} deep`);
  const end = reader.uint32() + reader.pos;
  return codec.decode(reader, end, depth, into);
}

/** Any JSON value. */
const value: Codec = {
  isSpecial: true,
  encode(json, writer, depth) {
    if (json === null) writer.uint32(8).int32(0);
    else if (typeof json === 'number' && Number.isFinite(json)) writer.uint32(17).double(json);
    else if (typeof json === 'string') writer.uint32(26).string(json);
    else if (typeof json === 'boolean') writer.uint32(32).bool(json);
    else if (Array.isArray(json)) encodeNested(listValue, 6, json, writer, depth + 1);
    else if (typeof json === 'object') encodeNested(struct, 5, json, writer, depth + 1);
    else throw new MessageError(`must be a JSON value, got ${shown(json)}`);
  },
  decode(reader, end, depth) {
    let json: unknown = null;
    eachField(reader, end, (tag) => {
      if (tag === 8) {
        reader.int32();
        json = null;
      } else if (tag === 17) json = reader.double();
      else if (tag === 26) json = reader.string();
      else if (tag === 32) json = reader.bool();
      else if (tag === 42) json = decodeNested(struct, reader, depth + 1);
      else if (tag === 50) json = decodeNested(listValue, reader, depth + 1);
      else return false;
      return true;
    });
    return json;
  },
};

const struct: Codec = {
  isSpecial: true,
  encode(json, writer, depth) {
    if (json === null || typeof json !== 'object' || Array.isArray(json)) {
      throw new MessageError(`must be an object, got ${shown(json)}`);
    }
    for (const key of Object.keys(json).sort()) {
      const entry = (json as Record<string, unknown>)[key];
      if (entry === undefined) continue;
      try {
        writer.uint32(10).fork().uint32(10).string(key);
        encodeNested(value, 2, entry, writer, depth + 1);
        writer.ldelim();
      } catch (error) {
        throw MessageError.of(error).at(key);
      }
    }
  },
  decode(reader, end, depth, into) {
    const json = into ?? {};
    eachField(reader, end, (tag) => {
      if (tag !== 10) return false;
      const entryEnd = reader.uint32() + reader.pos;
      let key = '';
      let entry: unknown = null;
      eachField(reader, entryEnd, (inner) => {
        if (inner === 10) key = reader.string();
        else if (inner === 18) entry = decodeNested(value, reader, depth + 1);
        else return false;
        return true;
      });
      Object.defineProperty(json, key, { value: entry, enumerable: true, writable: true, configurable: true });
      return true;
    });
    return json;
  },
};

const listValue: Codec = {
  isSpecial: true,
  encode(json, writer, depth) {
    if (!Array.isArray(json)) throw new MessageError(`must be a list, got ${shown(json)}`);
    for (let index = 0; index < json.length; index++) {
      try {
        encodeNested(value, 1, json[index], writer, depth + 1);
      } catch (error) {
        throw MessageError.of(error).at(index);
      }
    }
  },
  decode(reader, end, depth, into) {
    const json = (into as unknown[] | undefined) ?? [];
    eachField(reader, end, (tag) => {
      if (tag !== 10) return false;
      json.push(decodeNested(value, reader, depth + 1));
      return true;
    });
    return json;
  },
};

/**
 * `{ '@type': URL, … }` with the message's own fields, or with `value` where the message is one of this file.
 * A message of a type that the bundle does not have is carried as its bytes: `{ '@type': URL, value: BASE64 }`.
 */
export function anyCodec(codecOf: (name: string) => Codec | undefined): Codec {
  const find = (url: string) => codecOf(url.slice(url.lastIndexOf('/') + 1));
  return {
    isSpecial: true,
    encode(json, writer, depth) {
      if (depth > MAX_DEPTH) throw new MessageError(`is nested more than ${MAX_DEPTH} deep`);
      if (json === null || typeof json !== 'object' || Array.isArray(json)) {
        throw new MessageError(`must be an object with '@type', got ${shown(json)}`);
      }
      const fields = json as Record<string, unknown>;
      const url = fields['@type'];
      if (url === undefined && Object.keys(fields).every((key) => fields[key] === undefined)) return;
      if (typeof url !== 'string' || !url.includes('/')) {
        throw new MessageError(`must be a type URL such as type.googleapis.com/NAME, got ${shown(url)}`).at('@type');
      }
      const codec = find(url);
      writer.uint32(10).string(url);
      if (codec) {
        codec.encode(codec.isSpecial ? fields['value'] : fields, writer.uint32(18).fork(), depth + 1);
        writer.ldelim();
      } else if (Object.keys(fields).every((key) => key === 'value' || key === '@type')) {
        scalars['bytes']!.write(writer.uint32(18), fields['value'] ?? '');
      } else {
        throw new MessageError(`is no message that this build knows, got ${shown(url)}`).at('@type');
      }
    },
    decode(reader, end, depth) {
      if (depth > MAX_DEPTH) throw new MessageError(`is nested more than ${MAX_DEPTH} deep`);
      let url = '';
      let start = 0;
      let length = 0;
      eachField(reader, end, (tag) => {
        if (tag === 10) url = reader.string();
        else if (tag === 18) {
          length = reader.uint32();
          start = reader.pos;
          reader.skip(length);
        } else return false;
        return true;
      });
      if (url === '') return {};
      const codec = find(url);
      const after = reader.pos;
      reader.pos = start;
      try {
        if (!codec)
          return { '@type': url, value: Buffer.from(reader.buf.subarray(start, start + length)).toString('base64') };
        const message = codec.decode(reader, start + length, depth + 1);
        return codec.isSpecial ? { '@type': url, value: message } : { '@type': url, ...(message as object) };
      } finally {
        reader.pos = after;
      }
    },
  };
}

export const wellKnown: Record<string, Codec> = {
  'google.protobuf.Duration': duration,
  'google.protobuf.Timestamp': timestamp,
  'google.protobuf.FieldMask': fieldMask,
  'google.protobuf.Struct': struct,
  'google.protobuf.Value': value,
  'google.protobuf.ListValue': listValue,
  'google.protobuf.BoolValue': wrapper('bool'),
  'google.protobuf.StringValue': wrapper('string'),
  'google.protobuf.BytesValue': wrapper('bytes'),
  'google.protobuf.DoubleValue': wrapper('double'),
  'google.protobuf.FloatValue': wrapper('float'),
  'google.protobuf.Int32Value': wrapper('int32'),
  'google.protobuf.UInt32Value': wrapper('uint32'),
  'google.protobuf.Int64Value': wrapper('int64'),
  'google.protobuf.UInt64Value': wrapper('uint64'),
};
