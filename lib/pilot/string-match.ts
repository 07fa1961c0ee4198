/** The three ways in which the API compares strings, in Envoy's words. */
import type { StringMatch } from '../api';
import type { envoy } from '../envoy/generated/envoy';

type Matcher = envoy.type.matcher.v3.StringMatcher;

/** Undefined for a match without a condition, which only asks that there is something. */
export function stringMatcher(match: StringMatch | null | undefined): Matcher | undefined {
  if (match?.exact !== undefined) return { exact: match.exact };
  // Envoy refuses an empty prefix; any string has it.
  if (match?.prefix !== undefined) return match.prefix === '' ? undefined : { prefix: match.prefix };
  if (match?.regex !== undefined) return match.regex === '*' ? undefined : { safe_regex: { regex: match.regex } };
  return undefined;
}
