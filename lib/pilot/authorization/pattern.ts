/** How the API compares texts: exactly, by prefix `x*`, by suffix `*x`, or for presence `*`. */
import { RE2JS } from 're2js';
import type { envoy } from '../../envoy/generated/envoy';

type StringMatcher = envoy.type.matcher.v3.StringMatcher;

export const ANYTHING = '*';

/** The matcher of a pattern. An empty text matches no `*`. */
export function stringPattern(pattern: string, ignoreCase = false): StringMatcher {
  const fold = ignoreCase ? { ignore_case: true } : {};
  if (pattern === ANYTHING) return { safe_regex: { regex: '.+' } };
  if (pattern.startsWith('*')) return { suffix: pattern.slice(1), ...fold };
  if (pattern.endsWith('*')) return { prefix: pattern.slice(0, -1), ...fold };
  return { exact: pattern, ...fold };
}

/** A text as a regular expression that matches just that text. Every name that enters an expression goes through here. */
export function literal(text: string): string {
  return RE2JS.quote(text);
}

/** As an expression, in which each `*` of the pattern is `wildcard`, and everything else is literal. */
export function expression(pattern: string, wildcard: string): string {
  return pattern.split('*').map(literal).join(wildcard);
}
