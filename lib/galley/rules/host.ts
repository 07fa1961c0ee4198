/** Names of hosts: DNS names, wildcards, addresses. */
import { isIP } from 'node:net';
import { shown } from '../schema-check';
import type { Check } from './check';

const LABEL = /^[a-zA-Z0-9](?:[-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$/;

/** A DNS label (RFC 1123): at most 63 letters, digits and dashes. */
export function isLabel(text: string): boolean {
  return text.length <= 63 && LABEL.test(text);
}

/** Why `host` is not a DNS name; undefined when it is one. */
export function problemOfName(host: string): string | undefined {
  if (host === '') {
    return 'a name must not be empty';
  }
  if (host.length > 255) {
    return `a name has at most 255 characters, got ${host.length}`;
  }
  const labels = (host.endsWith('.') ? host.slice(0, -1) : host).split('.');
  const wrong = labels.find((label) => !isLabel(label));
  if (wrong !== undefined) {
    return `${shown(host)} is not a DNS name: ${shown(wrong)} is not made of letters, digits and dashes`;
  }
  if (/^\d+$/.test(labels.at(-1)!)) {
    return `${shown(host)} is not a DNS name: its last part is a number`;
  }
  return undefined;
}

/** As a name, but it may begin with `*`; `*` alone is a name too. */
export function problemOfWildcard(host: string): string | undefined {
  if (host === '*') {
    return undefined;
  }
  const name = host.replace(/^\*[.-]?/, '');
  return name.includes('*') ? `${shown(host)} is not a DNS name: * stands only at the beginning` : problemOfName(name);
}

/** As before, but `*` stands for the whole first label only. */
export function problemOfFullWildcard(host: string): string | undefined {
  if (host.startsWith('*') && host !== '*' && !host.startsWith('*.')) {
    return `${shown(host)} is not a host here: * stands only for the whole first part, as in *.example.com`;
  }
  return problemOfWildcard(host);
}

/** A name or a wildcard; addresses are no hosts here. */
export function checkHost(host: string, check: Check): void {
  const problem = problemOfWildcard(host);
  if (problem) {
    check.error(problem);
  }
}

/** Whether `pattern`, possibly a wildcard, covers `host`, possibly a wildcard too. */
export function covers(pattern: string, host: string): boolean {
  if (pattern === '*' || pattern === host) {
    return true;
  }
  if (!pattern.startsWith('*')) {
    return false;
  }
  const suffix = pattern.slice(1).toLowerCase();
  const name = (host.startsWith('*') ? host.slice(1) : host).toLowerCase();
  return name.length >= suffix.length && name.endsWith(suffix);
}

/** Whether two hosts, possibly wildcards, have names in common. */
export function overlap(a: string, b: string): boolean {
  return covers(a, b) || covers(b, a);
}

/** A CIDR block or an address, of either family. */
export function isAddressBlock(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) {
    return false;
  }
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/** `unix:///path` or `unix://@abstract`. */
export function checkUnixSocket(address: string, check: Check): void {
  const path = address.slice('unix://'.length);
  if (path.startsWith('@')) {
    return;
  }
  if (!path.startsWith('/')) {
    check.error(
      `a socket has an absolute path or an abstract name, as in unix:///run/a.sock or unix://@a, got ${shown(address)}`,
    );
  } else if (path.endsWith('/')) {
    check.error(`a socket is a file, not a folder, got ${shown(address)}`);
  }
}
