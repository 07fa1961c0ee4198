/** The conditions of a route that Envoy itself evaluates for each request. */
import type { HTTPMatchRequest, StringMatch } from '../api';
import type { envoy } from '../envoy/generated/envoy';
import { compareText } from '../world';
import { stringMatcher } from './string-match';

type RouteMatch = envoy.config.route.v3.RouteMatch;
type HeaderMatcher = envoy.config.route.v3.HeaderMatcher;

/**
 * `undefined` matches every request.
 * @param inParts a prefix ends where a part of the path does, as in the Gateway API: `/foo` is no prefix of `/foobar`.
 */
export function routeMatch(match: HTTPMatchRequest | undefined, inParts = false): RouteMatch {
  if (!match) return { prefix: '/' };
  const headers = [
    ...pseudoHeader(':method', match.method),
    ...pseudoHeader(':authority', match.authority),
    ...pseudoHeader(':scheme', match.scheme),
    ...sorted(match.headers).map(([name, value]) => headerMatcher(name, value)),
    ...sorted(match.withoutHeaders).map(([name, value]) => withoutHeader(name, value)),
  ];
  const parameters = sorted(match.queryParams).map(([name, value]) => parameterMatcher(name, value));
  return {
    ...(inParts ? inWholeParts(path(match)) : path(match)),
    ...(headers.length > 0 && { headers }),
    ...(parameters.length > 0 && { query_parameters: parameters }),
  };
}

/** Whether a match holds for every request that gets to it. */
export function matchesEverything(match: RouteMatch): boolean {
  return match.prefix === '/' && !match.headers && !match.query_parameters;
}

function path({ uri, ignoreUriCase }: HTTPMatchRequest): RouteMatch {
  const insensitive = ignoreUriCase ? { case_sensitive: false } : {};
  if (uri?.exact !== undefined) return { path: uri.exact, ...insensitive };
  if (uri?.prefix) return { prefix: uri.prefix, ...insensitive };
  if (uri?.regex !== undefined && uri.regex !== '*') return { safe_regex: { regex: uri.regex } };
  return { prefix: '/' };
}

function inWholeParts({ prefix, ...rest }: RouteMatch): RouteMatch {
  const parts = prefix?.replace(/\/+$/, '');
  return parts ? { ...rest, path_separated_prefix: parts } : { ...rest, ...(prefix !== undefined && { prefix: '/' }) };
}

/** Envoy keeps method, authority and scheme as headers; every request has them. */
function pseudoHeader(name: string, value: StringMatch | undefined): HeaderMatcher[] {
  const matcher = stringMatcher(value);
  return matcher ? [{ name, string_match: matcher }] : [];
}

function headerMatcher(name: string, value: StringMatch): HeaderMatcher {
  const matcher = stringMatcher(value);
  return matcher ? { name, string_match: matcher } : { name, present_match: true };
}

/**
 * None may match. Envoy takes a condition on an absent header as not met, even when it is inverted; read as empty
 * instead, an absent header passes. (A condition that an empty value meets, such as `exact: ''`, fails it: Envoy cannot
 * tell the two apart here.)
 */
function withoutHeader(name: string, value: StringMatch): HeaderMatcher {
  const matcher = headerMatcher(name, value);
  return { ...matcher, invert_match: true, ...(matcher.string_match && { treat_missing_header_as_empty: true }) };
}

function parameterMatcher(name: string, value: StringMatch): envoy.config.route.v3.QueryParameterMatcher {
  const matcher = stringMatcher(value);
  return matcher ? { name, string_match: matcher } : { name, present_match: true };
}

function sorted<V>(map: Record<string, V> | undefined): [string, V][] {
  return Object.entries(map ?? {}).sort(([a], [b]) => compareText(a, b));
}
