/** What the filter chains of one listener are chosen by. Envoy refuses a listener in which two chains take the same. */
import { isIPv4 } from 'node:net';
import type { envoy } from '../envoy/generated/envoy';

type FilterChainMatch = envoy.config.listener.v3.FilterChainMatch;
type CidrRange = envoy.config.core.v3.CidrRange;

/** A server name, within a block of addresses, belongs to the first that claims it. */
export class ChainClaims {
  private readonly taken = new Set<string>();

  /**
   * What is still free of these names within these blocks, as one match per set of blocks that have the same names left.
   * @param names server names; none for all connections, with TLS or without.
   * @param blocks addresses or CIDR blocks of destinations; none for all.
   */
  claim(names: readonly string[], blocks: readonly string[]): FilterChainMatch[] {
    const matches = new Map<string, { names: string[]; ranges: CidrRange[] }>();
    const ranges = new Map(
      (blocks.length > 0 ? blocks.map(blockOf) : [undefined]).map((range) => [keyOf(range), range]),
    );
    for (const [block, range] of ranges) {
      const wanted = names.length > 0 ? [...new Set(names.map((name) => name.toLowerCase()))] : [''];
      const free = wanted.filter((name) => !this.taken.has(`${block} ${name}`));
      for (const name of free) this.taken.add(`${block} ${name}`);
      if (free.length === 0) continue;
      const key = free.join(' ');
      const match = matches.get(key) ?? { names: free.filter(Boolean), ranges: [] };
      if (range) match.ranges.push(range);
      matches.set(key, match);
    }
    return [...matches.values()].map((match) => ({
      ...(match.ranges.length > 0 && { prefix_ranges: match.ranges }),
      ...(match.names.length > 0 && { server_names: match.names }),
    }));
  }
}

function keyOf(range: CidrRange | undefined): string {
  return range ? `${range.address_prefix}/${range.prefix_len}` : '';
}

/** A block of addresses, or a single one; what stands behind the prefix is nothing, as for Envoy. */
function blockOf(cidr: string): CidrRange {
  const [address = '', length] = cidr.toLowerCase().split('/');
  const prefix_len = Number(length ?? (address.includes(':') ? 128 : 32));
  return { address_prefix: isIPv4(address) ? masked(address, prefix_len) : address, prefix_len };
}

function masked(address: string, bits: number): string {
  const number = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const size = 2 ** (32 - bits);
  const start = Math.floor(number / size) * size;
  return [24, 16, 8, 0].map((shift) => Math.floor(start / 2 ** shift) % 256).join('.');
}
