/**
 * Addresses for Pods and Services that have none. An address is a hash of the name into the range, so that it stays the
 * same when other objects come and go; only where two names fall on one address does the later name move on.
 */

/** An IPv4 range, of which the first sixteen addresses (for bridges and the like) and the last are not given out. */
export interface AddressRange {
  first: number;
  size: number;
}

/** Parses `198.18.0.0/16`. Throws when it is not an IPv4 block of at most /26. */
export function parseRange(text: string): AddressRange {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  const octets = match?.slice(1, 5).map(Number);
  const bits = Number(match?.[5]);
  if (!octets || octets.some((octet) => octet > 255) || bits > 26) {
    throw new Error(
      `"${text}" is not a range of addresses: expected an IPv4 block such as 198.18.0.0/16, with a prefix of at most 26 bits`,
    );
  }
  const size = 2 ** (32 - bits);
  const address = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  return { first: address - (address % size), size };
}

const RESERVED = 16;

function format(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

/** FNV-1a, 32 bits, with a final mix: names that differ in their last letter fall far apart. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  return (value ^ (value >>> 13)) >>> 0;
}

/**
 * An address for each name. Names are served in sorted order, so the order in which they come does not matter. `taken`
 * addresses are passed over. When the range is used up, the remaining names get none, as in a cluster.
 */
export function assignAddresses(
  names: Iterable<string>,
  range: AddressRange,
  taken: Iterable<string> = [],
): Map<string, string> {
  const used = new Set(taken);
  const usable = range.size - RESERVED - 1;
  const result = new Map<string, string>();
  let free = usable;
  for (const name of [...names].sort()) {
    let offset = hash(name) % usable;
    let address = format(range.first + RESERVED + offset);
    for (let tries = 0; used.has(address) && tries < usable && free > 0; tries++) {
      offset = (offset + 1) % usable;
      address = format(range.first + RESERVED + offset);
    }
    if (used.has(address)) {
      free = 0;
      continue;
    }
    used.add(address);
    result.set(name, address);
  }
  return result;
}
