/**
 * DER (X.690, section 10): certificates are put together from parts, and requests are taken apart. There is one encoding of a
 * value; the reader refuses every other, so that nothing has a second meaning for somebody else.
 */

/** Tags of the universal class that we meet. */
export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Tag, length and the parts one after another. */
export function tlv(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : length < 0x10000
          ? [tag, 0x82, length >> 8, length & 0xff]
          : [tag, 0x83, length >> 16, (length >> 8) & 0xff, length & 0xff];
  const bytes = Buffer.allocUnsafe(head.length + length);
  bytes.set(head);
  let at = head.length;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => tlv(0x30, ...parts);

/** With no unused bits. */
export const bitString = (bytes: Uint8Array): Buffer => tlv(0x03, Buffer.of(0), bytes);

/** UTCTime until 2049, GeneralizedTime from then on (RFC 5280, section 4.1.2.5); whole seconds, always UTC. */
export function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]|\..*$/g, '');
  const isShort = date.getUTCFullYear() >= 1950 && date.getUTCFullYear() < 2050;
  return isShort ? tlv(0x17, Buffer.from(`${digits.slice(2)}Z`)) : tlv(0x18, Buffer.from(`${digits}Z`));
}

/** One PEM block, with lines of 64 characters (RFC 7468). */
export function pem(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('base64');
  let lines = '';
  for (let at = 0; at < base64.length; at += 64) lines += `${base64.slice(at, at + 64)}\n`;
  return `-----BEGIN ${label}-----\n${lines}-----END ${label}-----\n`;
}

/** The DER of every block with this label, in order; whatever stands between them is passed over. */
export function blocks(label: 'CERTIFICATE', text: string): Buffer[] {
  const pattern = /-----BEGIN ([A-Z ]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----/g;
  return [...text.matchAll(pattern)]
    .filter((match) => match[1] === label)
    .map((match) => Buffer.from(match[2]!, 'base64'));
}

/** Bytes that are not the DER that was expected. */
export class DerError extends Error {
  override readonly name = 'DerError';
}

/** One value after another of a constructed one. */
export class DerReader {
  private at = 0;

  constructor(private readonly bytes: Buffer) {}

  get isAtEnd(): boolean {
    return this.at === this.bytes.length;
  }

  /** The tag of the next value. */
  get tag(): number | undefined {
    return this.bytes[this.at];
  }

  /** The content of the next value, which has this tag. @throws DerError */
  take(tag: number): Buffer {
    return this.value(tag).content;
  }

  /** The next value as it stands, with tag and length. @throws DerError */
  takeWhole(tag: number): Buffer {
    return this.value(tag).whole;
  }

  /** A reader of the next value's content. @throws DerError */
  enter(tag: number): DerReader {
    return new DerReader(this.take(tag));
  }

  /** @throws DerError when there is more. */
  end(): void {
    if (!this.isAtEnd) throw new DerError(`${this.bytes.length - this.at} bytes too many`);
  }

  private value(tag: number): { whole: Buffer; content: Buffer } {
    const start = this.at;
    if (this.bytes[start] !== tag) throw new DerError(`tag ${this.bytes[start]} in place of ${tag}`);
    const first = this.bytes[start + 1] ?? 0x80;
    let length = first;
    let from = start + 2;
    if (first >= 0x80) {
      // One or two bytes are as long as anything here may be, and none may be spared.
      const count = first & 0x7f;
      if (count < 1 || count > 2 || from + count > this.bytes.length)
        throw new DerError('a length that is not allowed');
      length = this.bytes.readUIntBE(from, count);
      if (length < (count === 1 ? 0x80 : 0x100)) throw new DerError('a length that is not in its shortest form');
      from += count;
    }
    if (from + length > this.bytes.length) throw new DerError('the value is cut off');
    this.at = from + length;
    return { whole: this.bytes.subarray(start, this.at), content: this.bytes.subarray(from, this.at) };
  }
}

/** The bytes of a BIT STRING that uses all of its bits. @throws DerError */
export function wholeBits(content: Buffer): Buffer {
  if (content[0] !== 0) throw new DerError('a bit string with unused bits');
  return content.subarray(1);
}

/** The content of an OBJECT IDENTIFIER as people write it: `2.5.29.17`. */
export function oidText(content: Buffer): string {
  const parts: number[] = [];
  let part = 0;
  for (const byte of content) {
    part = part * 128 + (byte & 0x7f);
    if (byte & 0x80) continue;
    if (parts.length === 0) {
      const first = Math.min(2, Math.floor(part / 40));
      parts.push(first, part - 40 * first);
    } else parts.push(part);
    part = 0;
  }
  return parts.join('.');
}
