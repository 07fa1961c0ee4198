/** Addresses to listen on, as options give them. */

/** `127.0.0.1:15010`, `[::1]:15010`, `0.0.0.0:0`. Throws on anything else. */
export function parseAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  const port = address.slice(colon + 1);
  if (colon <= 0 || host === '' || !/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new Error(`'${address}' is no address to listen on; write HOST:PORT, such as 127.0.0.1:15010`);
  }
  return { host, port: Number(port) };
}

/** Whether nobody but this machine reaches it. */
export function isLoopback(address: string): boolean {
  const { host } = parseAddress(address);
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}
