/** Durations in the mesh API are written as Go writes them (https://pkg.go.dev/time#ParseDuration): `1h`, `1m30s`, `0.5s`. */

const MILLISECONDS: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1e3,
  m: 6e4,
  h: 3.6e6,
};

/** No duration that anyone writes is longer; bounds the work done for a hostile one. */
const LONGEST_TEXT = 128;

/** The duration in milliseconds (possibly a fraction, possibly negative), or undefined when the text is not a duration. */
export function parseDuration(text: string): number | undefined {
  if (text.length > LONGEST_TEXT) {
    return undefined;
  }
  const sign = text.startsWith('-') ? -1 : 1;
  const rest = /^[-+]/.test(text) ? text.slice(1) : text;
  if (rest === '0') {
    return 0;
  }
  const part = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;
  let total = 0;
  let end = 0;
  while (end < rest.length) {
    part.lastIndex = end;
    const match = part.exec(rest);
    if (!match) {
      return undefined;
    }
    total += Number(match[1]) * MILLISECONDS[match[2]!]!;
    end = part.lastIndex;
  }
  return end > 0 ? sign * total : undefined;
}

/** The duration as protobuf's JSON writes it, in seconds with at least three decimals: 250 → `0.250s`, 2000 → `2s`. */
export function protobufDuration(milliseconds: number): string {
  const nanoseconds = BigInt(Math.round(milliseconds * 1e6));
  const sign = nanoseconds < 0n ? '-' : '';
  const magnitude = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  const seconds = magnitude / 1_000_000_000n;
  const fraction = (magnitude % 1_000_000_000n).toString().padStart(9, '0');
  const shown = fraction.endsWith('000000')
    ? fraction.slice(0, 3)
    : fraction.endsWith('000')
      ? fraction.slice(0, 6)
      : fraction;
  return Number(fraction) === 0 ? `${sign}${seconds}s` : `${sign}${seconds}.${shown}s`;
}
