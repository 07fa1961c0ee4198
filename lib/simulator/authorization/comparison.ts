/** How the API compares the values of a policy with those of a call. */
import { BlockList, isIP } from 'node:net';

/** Exactly, by prefix `x*`, by suffix `*x`, or by presence `*`. */
export function fits(pattern: string, text: string): boolean {
  if (pattern === '*') return text !== '';
  if (pattern.startsWith('*')) return text.endsWith(pattern.slice(1));
  if (pattern.endsWith('*')) return text.startsWith(pattern.slice(0, -1));
  return text === pattern;
}

/**
 * Hosts have no case. A `generous` comparison also overlooks the port and the final dot of the call, unless the pattern
 * names a port itself.
 */
export function fitsHost(pattern: string, authority: string, generous: boolean): boolean {
  const host = authority.toLowerCase();
  const wanted = pattern.toLowerCase();
  if (fits(wanted, host)) return true;
  if (!generous || /:\d+$/.test(pattern)) return false;
  const withoutPort = host.replace(/:\d*$/, '');
  return fits(wanted, withoutPort) || fits(wanted, withoutPort.replace(/\.$/, ''));
}

/**
 * The path without its query; `{*}` is one segment, `{**}` any text. A `generous` comparison also overlooks parameters of
 * segments, `/admin;x=1`.
 */
export function fitsPath(pattern: string, pathAndQuery: string, generous: boolean): boolean {
  const path = pathAndQuery.split('?', 1)[0]!;
  return fitsPlainPath(pattern, path) || (generous && fitsPlainPath(pattern, path.replace(/;[^/]*/g, '')));
}

function fitsPlainPath(pattern: string, path: string): boolean {
  if (!pattern.includes('{*}') && !pattern.includes('{**}')) return fits(pattern, path);
  return fitsParts(pattern.split(/(\{\*\*?\})/), path);
}

function fitsParts([part, ...rest]: readonly string[], text: string): boolean {
  if (part === undefined) return text === '';
  if (part !== '{*}' && part !== '{**}') return text.startsWith(part) && fitsParts(rest, text.slice(part.length));
  const end = text.indexOf('/');
  const longest = part === '{**}' || end < 0 ? text.length : end;
  for (let taken = part === '{*}' ? 1 : 0; taken <= longest; taken++) {
    if (fitsParts(rest, text.slice(taken))) return true;
  }
  return false;
}

/** One address, or a block in CIDR notation. */
export function inBlock(block: string, address: string): boolean {
  const [prefix, length] = block.split('/');
  const family = isIP(prefix!) === 6 ? 'ipv6' : 'ipv4';
  if ((isIP(address) === 6 ? 'ipv6' : 'ipv4') !== family) return false;
  const blocks = new BlockList();
  blocks.addSubnet(prefix!, length === undefined ? (family === 'ipv6' ? 128 : 32) : Number(length), family);
  return blocks.check(address, family);
}

/** `trust domain/ns/namespace/sa/account`, where all names of the mesh's trust domain are one. */
export function fitsPrincipal(pattern: string, principal: string, trustDomains: readonly string[]): boolean {
  const [domain, rest] = cut(pattern);
  const [actual, actualRest] = cut(principal);
  if (rest === undefined || domain === '*') return fits(pattern, principal);
  const isOurs = domain === 'cluster.local' || trustDomains.some((each) => fits(domain, each) && !domain.endsWith('*'));
  if (!isOurs) return fits(pattern, principal);
  if (domain.startsWith('*') && fits(pattern, principal)) return true;
  return trustDomains.includes(actual) && actualRest !== undefined && fits(rest, actualRest);
}

/** A trust domain, where all names of the mesh's are one. */
export function fitsTrustDomain(pattern: string, domain: string, trustDomains: readonly string[]): boolean {
  const isOurs = pattern !== '*' && trustDomains.some((each) => fits(pattern, each));
  if (pattern === 'cluster.local' || isOurs) {
    return trustDomains.includes(domain) || (pattern.includes('*') && fits(pattern, domain));
  }
  return fits(pattern, domain);
}

function cut(text: string): [string, string | undefined] {
  const slash = text.indexOf('/');
  return slash < 0 ? [text, undefined] : [text.slice(0, slash), text.slice(slash)];
}
