/** protobuf's scalar types: how each is checked, written, read and shown in canonical JSON. */
import type { Reader } from 'protobufjs/minimal';
import { MessageError, shown } from './error';
import type { WireWriter } from './wire-writer';

export interface Scalar {
  readonly wire: 0 | 1 | 2 | 5;
  /** Throws a MessageError when the value is not of this type. */
  write(writer: WireWriter, value: unknown): void;
  read(reader: Reader): unknown;
  /** What canonical JSON shows for an absent value. */
  readonly zero: unknown;
  /** Whether the value is what a field without presence has when it is absent. */
  isDefault(value: unknown): boolean;
  /** The value that a map's key, always a string in JSON, stands for. */
  fromKey?(key: string): unknown;
}

function expected(what: string, value: unknown): MessageError {
  return new MessageError(`must be ${what}, got ${shown(value)}`);
}

const isZero = (value: unknown) => value === 0 || value === '0' || value === 0n;

/** A 32-bit integer. */
function small(
  wire: 0 | 5,
  min: number,
  max: number,
  write: (writer: WireWriter, value: number) => void,
  read: (reader: Reader) => number,
): Scalar {
  return {
    wire,
    read,
    write(writer, value) {
      if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
        throw expected(`an integer from ${min} to ${max}`, value);
      }
      write(writer, value);
    },
    zero: 0,
    isDefault: isZero,
    fromKey: (key) => (/^-?\d+$/.test(key) ? Number(key) : key),
  };
}

type Long = { low: number; high: number; unsigned: boolean };

/** A 64-bit integer: a number where it is exact, else a decimal string; canonical JSON prints strings. */
function large(
  wire: 0 | 1,
  min: bigint,
  max: bigint,
  write: (writer: WireWriter, value: Long) => void,
  read: (reader: Reader) => { toString(): string },
): Scalar {
  return {
    wire,
    read: (reader) => read(reader).toString(),
    write(writer, value) {
      const isExact = typeof value === 'number' ? Number.isSafeInteger(value) : /^-?\d{1,20}$/.test(String(value));
      const exact = isExact && typeof value !== 'object' ? BigInt(value as number | string) : undefined;
      if (exact === undefined || exact < min || exact > max) {
        throw expected(`an integer from ${min} to ${max} (a string beyond 2^53)`, value);
      }
      write(writer, {
        low: Number(exact & 0xffffffffn),
        high: Number((exact >> 32n) & 0xffffffffn),
        unsigned: min === 0n,
      });
    },
    zero: '0',
    isDefault: isZero,
    fromKey: (key) => key,
  };
}

/** The shortest decimal that is the same 32-bit float, so that 0.1 stays 0.1. */
function shortest(float: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(float.toPrecision(digits));
    if (Math.fround(short) === float) return short;
  }
  return float;
}

const notFinite: Record<string, number> = { NaN: Number.NaN, Infinity: Infinity, '-Infinity': -Infinity };

function floating(
  wire: 1 | 5,
  write: (writer: WireWriter, value: number) => void,
  read: (reader: Reader) => number,
): Scalar {
  return {
    wire,
    read(reader) {
      const value = read(reader);
      return Number.isFinite(value) ? value : String(value);
    },
    write(writer, value) {
      const number = typeof value === 'string' && Object.hasOwn(notFinite, value) ? notFinite[value] : value;
      if (typeof number !== 'number') throw expected('a number', value);
      if (wire === 5 && Number.isFinite(number) && !Number.isFinite(Math.fround(number))) {
        throw expected('a 32-bit float', value);
      }
      write(writer, number);
    },
    zero: 0,
    // Negative zero has other bits than zero and is kept.
    isDefault: (value) => Object.is(value, 0),
  };
}

const base64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

const M32 = 0xffffffff;
const I32 = 0x7fffffff;
const M64 = 2n ** 64n - 1n;
const I64 = 2n ** 63n - 1n;

/** By protobuf's name of the type. */
export const scalars: Record<string, Scalar> = {
  string: {
    wire: 2,
    write(writer, value) {
      if (typeof value !== 'string') throw expected('a string', value);
      writer.string(value);
    },
    read: (reader) => reader.string(),
    zero: '',
    isDefault: (value) => value === '',
    fromKey: (key) => key,
  },
  bool: {
    wire: 0,
    write(writer, value) {
      if (typeof value !== 'boolean') throw expected('true or false', value);
      writer.bool(value);
    },
    read: (reader) => reader.bool(),
    zero: false,
    isDefault: (value) => value === false,
    fromKey: (key) => (key === 'true' ? true : key === 'false' ? false : key),
  },
  bytes: {
    wire: 2,
    write(writer, value) {
      if (typeof value !== 'string' || !base64.test(value)) throw expected('a base64 string', value);
      writer.bytes(Buffer.from(value, 'base64'));
    },
    read(reader) {
      const bytes = reader.bytes();
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
    },
    zero: '',
    isDefault: (value) => value === '',
  },
  int32: small(
    0,
    -I32 - 1,
    I32,
    (w, v) => w.int32(v),
    (r) => r.int32(),
  ),
  sint32: small(
    0,
    -I32 - 1,
    I32,
    (w, v) => w.sint32(v),
    (r) => r.sint32(),
  ),
  sfixed32: small(
    5,
    -I32 - 1,
    I32,
    (w, v) => w.sfixed32(v),
    (r) => r.sfixed32(),
  ),
  uint32: small(
    0,
    0,
    M32,
    (w, v) => w.uint32(v),
    (r) => r.uint32(),
  ),
  fixed32: small(
    5,
    0,
    M32,
    (w, v) => w.fixed32(v),
    (r) => r.fixed32(),
  ),
  int64: large(
    0,
    -I64 - 1n,
    I64,
    (w, v) => w.int64(v),
    (r) => r.int64(),
  ),
  sint64: large(
    0,
    -I64 - 1n,
    I64,
    (w, v) => w.sint64(v),
    (r) => r.sint64(),
  ),
  sfixed64: large(
    1,
    -I64 - 1n,
    I64,
    (w, v) => w.sfixed64(v),
    (r) => r.sfixed64(),
  ),
  uint64: large(
    0,
    0n,
    M64,
    (w, v) => w.uint64(v),
    (r) => r.uint64(),
  ),
  fixed64: large(
    1,
    0n,
    M64,
    (w, v) => w.fixed64(v),
    (r) => r.fixed64(),
  ),
  double: floating(
    1,
    (w, v) => w.double(v),
    (r) => r.double(),
  ),
  float: floating(
    5,
    (w, v) => w.float(v),
    (r) => {
      const float = r.float();
      return Number.isFinite(float) ? shortest(float) : float;
    },
  ),
};

/** An enum as a scalar. Values that our protos do not know stay numbers, in both directions, as in canonical JSON. */
export function enumScalar(name: string, values: Record<string, number>): Scalar {
  const byId = new Map<number, string>();
  for (const [key, id] of Object.entries(values)) if (!byId.has(id)) byId.set(id, key);
  return {
    wire: 0,
    write(writer, value) {
      const id = typeof value === 'string' && Object.hasOwn(values, value) ? values[value] : value;
      if (typeof id !== 'number' || (id | 0) !== id) {
        throw expected(`one of ${Object.keys(values).join(', ')} (${name})`, value);
      }
      writer.int32(id);
    },
    read(reader) {
      const id = reader.int32();
      return byId.get(id) ?? id;
    },
    zero: byId.get(0) ?? 0,
    isDefault: (value) =>
      value === 0 || (typeof value === 'string' && Object.hasOwn(values, value) && values[value] === 0),
  };
}
