/**
 * Addresses for Pods and Services that have none. An address follows from the name alone (the hash picks a place in
 * the range, the next free one is taken on a collision), so that it is the same on every machine, and an object that
 * is added later does not move the others.
 */
import { compareText } from './age';

/** IPv4 ranges in CIDR notation. */
export interface AddressRanges {
  /** For Pods. */
  readonly pods: string;
  /** For Services: their cluster IPs. */
  readonly services: string;
}

/** Reserved for tests between networks (RFC 2544): never routed, and no cluster uses it. */
export const DEFAULT_RANGES: AddressRanges = { pods: '198.18.0.0/16', services: '198.19.0.0/16' };

interface Range {
  readonly base: number;
  readonly size: number;
}

/**
 * One address for each name.
 * @param names in any order; the result does not depend on it.
 * @param taken addresses that objects already have.
 * @throws when `cidr` is not an IPv4 range, or has no room left.
 */
export function assignAddresses(
  names: Iterable<string>,
  cidr: string,
  taken: Iterable<string> = [],
): Map<string, string> {
  const range = parseRange(cidr);
  const used = new Set(taken);
  const assigned = new Map<string, string>();
  for (const name of [...new Set(names)].sort(compareText)) {
    const address = firstFree(range, hash(name), used);
    if (!address) throw new Error(`address range ${cidr} has no room for ${name}: ${used.size} addresses are taken`);
    used.add(address);
    assigned.set(name, address);
  }
  return assigned;
}

/** Places .0.* and the first addresses of a range are left to bridges and gateways, the last one to broadcasts. */
const RESERVED = 16;

function firstFree({ base, size }: Range, start: number, used: ReadonlySet<string>): string | undefined {
  const room = size - RESERVED - 1;
  for (let step = 0; step < room; step++) {
    const address = formatAddress(base + RESERVED + ((start + step) % room));
    if (!used.has(address)) return address;
  }
  return undefined;
}

function parseRange(cidr: string): Range {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(cidr);
  const octets = match?.slice(1, 5).map(Number) ?? [];
  const bits = Number(match?.[5]);
  if (!match || octets.some((octet) => octet > 255) || bits < 8 || bits > 26) {
    throw new Error(`address range '${cidr}' is not an IPv4 range from /8 to /26, as in ${DEFAULT_RANGES.pods}`);
  }
  const size = 2 ** (32 - bits);
  const address = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  return { base: address - (address % size), size };
}

function formatAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/** FNV-1a, 32 bits: short, and spreads similar names. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text, 'utf8')) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  return value;
}
