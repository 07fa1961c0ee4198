/** Host names of the mesh: short names, wildcards, and which of several is the most specific. */

/** The cluster's DNS domain. Kubernetes lets one change it; nearly nobody does, and node ids carry it too. */
export const CLUSTER_DOMAIN = 'cluster.local';

/** `reviews`, `shop` → `reviews.shop.svc.cluster.local`. */
export function serviceHostname(name: string, namespace: string): string {
  return `${name}.${namespace}.svc.${CLUSTER_DOMAIN}`;
}

const ipv4 = /^\d{1,3}(\.\d{1,3}){3}$/;

/** Whether `text` is an IP address (a colon means IPv6: no host name has one). */
export function isIpAddress(text: string): boolean {
  return ipv4.test(text) || text.includes(':');
}

/** The address of a connection's other end: `10.0.0.1:123`, `[2001:db8::1]:123` and `::ffff:10.0.0.1:123` without the port. */
export function addressOfPeer(peer: string): string {
  const address = peer.slice(0, peer.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}

/** IPv4 only. */
export function isLoopback(address: string): boolean {
  return /^127(\.\d{1,3}){3}$/.test(address);
}

/**
 * Whether a connection from `address` may be that of a workload with these addresses. Loopback addresses are one machine: from
 * which of them a process calls is up to the process. In a cluster no Pod has such an address.
 */
export function isAddressOf(addresses: readonly (string | undefined)[], address: string): boolean {
  if (addresses.includes(address)) return true;
  return isLoopback(address) && addresses.some((each) => each !== undefined && isLoopback(each));
}

/**
 * A host as an object of `namespace` means it: a name without dots is a Service beside the object, everything else is
 * already complete. Host names are case-insensitive.
 */
export function resolveHost(host: string, namespace: string): string {
  const lower = host.toLowerCase();
  if (lower === '*' || lower.includes('.') || isIpAddress(lower)) return lower;
  return serviceHostname(lower, namespace);
}

/** `*`, `*.example.com`. */
export function isWildcard(host: string): boolean {
  return host.startsWith('*');
}

/** Every name that `narrow` stands for, `wide` stands for too. A wildcard matches one label or more. */
export function covers(wide: string, narrow: string): boolean {
  if (wide === narrow) return true;
  if (!isWildcard(wide)) return false;
  if (wide === '*') return true;
  const suffix = wide.slice(1);
  return isWildcard(narrow)
    ? narrow.slice(1).endsWith(suffix)
    : narrow.endsWith(suffix) && narrow.length > suffix.length;
}

/** The names that both stand for: the narrower of the two, or nothing. */
export function intersect(a: string, b: string): string | undefined {
  if (covers(a, b)) return b;
  return covers(b, a) ? a : undefined;
}

/** Most specific first: exact names before wildcards, longer before shorter, then by name. */
export function bySpecificity(a: string, b: string): number {
  const wild = Number(isWildcard(a)) - Number(isWildcard(b));
  return wild || b.length - a.length || (a < b ? -1 : a > b ? 1 : 0);
}
