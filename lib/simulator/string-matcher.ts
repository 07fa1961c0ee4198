/** Envoy's matchers for texts: strings, headers, query parameters. */
import { RE2JS } from 're2js';
import type { envoy } from '../envoy/generated/envoy';
import { SimulationError } from './simulation-error';

type StringMatcher = envoy.type.matcher.v3.StringMatcher;
type HeaderMatcher = envoy.config.route.v3.HeaderMatcher;
type QueryParameterMatcher = envoy.config.route.v3.QueryParameterMatcher;

const compiled = new Map<string, RE2JS>();
const KEPT = 1000;

/** Compiles as Envoy does, by RE2's rules; the last thousand expressions are kept. */
export function re2(regex: string): RE2JS {
  let pattern = compiled.get(regex);
  if (!pattern) {
    pattern = RE2JS.compile(regex);
    if (compiled.size >= KEPT) compiled.delete(compiled.keys().next().value!);
    compiled.set(regex, pattern);
  }
  return pattern;
}

/** Envoy's `safe_regex` has to match the whole text. */
export function matchesRegex(regex: string | undefined, text: string): boolean {
  return re2(regex ?? '').matches(text);
}

export function matchesString(matcher: StringMatcher, text: string): boolean {
  const fold = (value: string) => (matcher.ignore_case ? value.toLowerCase() : value);
  const value = fold(text);
  if (matcher.safe_regex) return matchesRegex(matcher.safe_regex.regex, text);
  if (matcher.prefix !== undefined) return value.startsWith(fold(matcher.prefix));
  if (matcher.suffix !== undefined) return value.endsWith(fold(matcher.suffix));
  if (matcher.contains !== undefined) return value.includes(fold(matcher.contains));
  if (matcher.custom) throw SimulationError.unknown('a custom string matcher', 'a route');
  return value === fold(matcher.exact ?? '');
}

/**
 * Each value of a repeated header is looked at by itself: the matcher fits when one value does, an inverted one when none
 * does (measured on Envoy 1.40; older ones joined the values by commas). A missing header fails every matcher but that
 * for its presence, inverted ones too (envoy.config.route.v3.HeaderMatcher, `treat_missing_header_as_empty`).
 * @param values of the header; empty when it is absent.
 */
export function matchesHeader(matcher: HeaderMatcher, values: readonly string[]): boolean {
  const inverted = matcher.invert_match ?? false;
  if (isPresenceMatcher(matcher)) return (values.length > 0 === (matcher.present_match ?? true)) !== inverted;
  const texts = values.length === 0 && matcher.treat_missing_header_as_empty ? [''] : values;
  return texts.length > 0 && texts.some((text) => matchesHeaderText(matcher, text)) !== inverted;
}

function isPresenceMatcher(matcher: HeaderMatcher): boolean {
  const { name: _, invert_match: __, treat_missing_header_as_empty: ___, ...specifier } = matcher;
  return matcher.present_match !== undefined || Object.keys(specifier).length === 0;
}

function matchesHeaderText(matcher: HeaderMatcher, text: string): boolean {
  if (matcher.string_match) return matchesString(matcher.string_match, text);
  if (matcher.safe_regex_match) return matchesRegex(matcher.safe_regex_match.regex, text);
  if (matcher.prefix_match !== undefined) return text.startsWith(matcher.prefix_match);
  if (matcher.suffix_match !== undefined) return text.endsWith(matcher.suffix_match);
  if (matcher.contains_match !== undefined) return text.includes(matcher.contains_match);
  if (matcher.range_match) {
    const { start = 0, end = 0 } = matcher.range_match;
    return /^-?\d+$/.test(text) && Number(text) >= Number(start) && Number(text) < Number(end);
  }
  return text === matcher.exact_match;
}

/** @param query the query string of the request, without `?`. Envoy compares the first value, as it is written. */
export function matchesQuery(matcher: QueryParameterMatcher, query: string): boolean {
  const value = firstParameter(query, matcher.name ?? '');
  if (matcher.string_match) return value !== undefined && matchesString(matcher.string_match, value);
  return (value !== undefined) === (matcher.present_match ?? true);
}

function firstParameter(query: string, name: string): string | undefined {
  for (const pair of query.split('&')) {
    const equals = pair.indexOf('=');
    if ((equals < 0 ? pair : pair.slice(0, equals)) === name && pair !== '')
      return equals < 0 ? '' : pair.slice(equals + 1);
  }
  return undefined;
}
