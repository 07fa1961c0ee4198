/** Changes to headers. */
import type { HeaderOperations, Headers } from '../../api/networking/header-operations';
import { shown } from '../schema-check';
import type { Check } from './check';

const TOKEN = /^[-!#$%&'*+.^_`|~0-9A-Za-z]+$/;

/** A header's name as HTTP defines it (RFC 9110). */
export function isHeaderName(name: string): boolean {
  return TOKEN.test(name);
}

export function checkHeaders(headers: Headers | undefined, check: Check): void {
  checkOperations(headers?.request, check.at('request'));
  checkOperations(headers?.response, check.at('response'));
}

function checkOperations(operations: HeaderOperations | undefined, check: Check): void {
  for (const [name, value] of Object.entries(operations?.set ?? {})) {
    checkName(name, check.at('set', name), true);
    checkFormat(value, check.at('set', name));
  }
  for (const [name, value] of Object.entries(operations?.add ?? {})) {
    checkName(name, check.at('add', name), false);
    checkFormat(value, check.at('add', name));
  }
  check.at('remove').each(operations?.remove, (name, at) => checkName(name, at, false));
}

/** The authority may be replaced, but neither added nor removed; no other pseudo-header may be touched. */
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
  if (/[\r\n\0]/.test(value)) {
    check.error('the value of a header has no line breaks');
  }
  const rest = value.replaceAll('%%', '').replace(/%[A-Z_0-9]+(\([^)]*\))?(:\d+)?%/g, '');
  if (rest.includes('%')) {
    check.error(`the value ${shown(value)} has a % that begins no command`, 'write %% to mean a percent sign');
  }
}
