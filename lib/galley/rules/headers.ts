/** Changes to headers. */
import type { HeaderOperations, Headers } from '../../api/networking/header-operations';
import { shown } from '../schema-check';
import type { Check } from './check';

/** What matches, CORS and claims may name: Istio allows less than HTTP does. */
const PLAIN = /^[-_A-Za-z0-9]+$/;

export function isPlainHeaderName(name: string): boolean {
  return PLAIN.test(name);
}

const TOKEN = /^[-!#$%&'*+.^_`|~0-9A-Za-z]+$/;

/** A header's name as HTTP defines it (RFC 9110). */
export function isHeaderName(name: string): boolean {
  return TOKEN.test(name);
}

export function checkHeaders(headers: Headers | undefined, check: Check): void {
  checkOperations(headers?.request, check.at('request'), true);
  checkOperations(headers?.response, check.at('response'), false);
}

function checkOperations(operations: HeaderOperations | undefined, check: Check, authorityAllowed: boolean): void {
  for (const operation of ['set', 'add'] as const) {
    for (const [name, value] of Object.entries(operations?.[operation] ?? {})) {
      checkName(name, check.at(operation, name), authorityAllowed);
      checkFormat(value, check.at(operation, name));
    }
  }
  check.at('remove').each(operations?.remove, (name, at) => checkName(name, at, false));
}

/** The authority of a request may be replaced, but not removed; no other pseudo-header may be touched. */
function checkName(name: string, check: Check, authorityAllowed: boolean): void {
  const authority = isAuthority(name);
  if (name === '') {
    check.error('the name of a header must not be empty');
  } else if (authority ? !authorityAllowed : name.startsWith(':')) {
    check.error(`the header ${shown(name)} cannot be changed here`, 'use rewrite to change the authority or the path');
  } else if (!authority && !isHeaderName(name)) {
    check.error(`${shown(name)} is not the name of a header`);
  }
}

/** HTTP/1.1 calls it Host, HTTP/2 `:authority`. */
export function isAuthority(name: string): boolean {
  return name.toLowerCase() === ':authority' || name.toLowerCase() === 'host';
}

/** Values are formats of Envoy: a `%` begins a command such as `%HOSTNAME%` and is written `%%` to mean itself. */
function checkFormat(value: string, check: Check): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about.
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)) {
    check.error('the value of a header has no line breaks and no other control characters');
  }
  const rest = value.replaceAll('%%', '').replace(/%[A-Z_0-9]+(\([^)]*\))?(:\d+)?%/g, '');
  if (rest.includes('%')) {
    check.error(`the value ${shown(value)} has a % that begins no command`, 'write %% to mean a percent sign');
  }
}
