/** The conditions of a route that Envoy itself evaluates for each request. */
import type { HTTPMatchRequest, StringMatch } from '../api';
import type { envoy } from '../envoy/generated/envoy';
import { compareText } from '../world';
import { JWT_AUTHN_FILTER, JWT_PAYLOAD } from './names';
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
    ...plain(match.headers).map(([name, value]) => headerMatcher(name, value)),
    ...plain(match.withoutHeaders).map(([name, value]) => withoutHeader(name, value)),
  ];
  const claims = [...claimMatchers(match.headers, false), ...claimMatchers(match.withoutHeaders, true)];
  const parameters = sorted(match.queryParams).map(([name, value]) => parameterMatcher(name, value));
  return {
    ...(inParts ? inWholeParts(path(match)) : path(match)),
    ...(headers.length > 0 && { headers }),
    ...(claims.length > 0 && { dynamic_metadata: claims }),
    ...(parameters.length > 0 && { query_parameters: parameters }),
  };
}

/** Whether a match holds for every request that gets to it. */
export function matchesEverything(match: RouteMatch): boolean {
  return (
    match.prefix === '/' &&
    !match.headers &&
    !match.query_parameters &&
    !match.dynamic_metadata &&
    !match.runtime_fraction
  );
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

/** Names under which `headers` means claims of a good token, `@request.auth.claims.realm.role` or `…claims[realm][role]`. */
const CLAIM = /^@request\.auth\.claims([.[].+)$/;

function plain(map: HTTPMatchRequest['headers']): [string, StringMatch][] {
  return sorted(map).filter(([name]) => !CLAIM.test(name));
}

/** At gateways, where tokens are checked before routes are chosen; elsewhere no claim is known, and none matches. */
function claimMatchers(map: HTTPMatchRequest['headers'], invert: boolean): envoy.type.matcher.v3.MetadataMatcher[] {
  return sorted(map).flatMap(([name, value]) => {
    const path = CLAIM.exec(name)?.[1];
    if (path === undefined) return [];
    const keys = path.startsWith('[') ? path.slice(1, -1).split('][') : path.slice(1).split('.');
    const string_match = stringMatcher(value) ?? { safe_regex: { regex: '.+' } };
    return [
      {
        filter: JWT_AUTHN_FILTER,
        path: [JWT_PAYLOAD, ...keys].map((key) => ({ key })),
        value: { or_match: { value_matchers: [{ string_match }, { list_match: { one_of: { string_match } } }] } },
        ...(invert && { invert }),
      },
    ];
  });
}

function sorted<V>(map: Record<string, V> | undefined): [string, V][] {
  return Object.entries(map ?? {}).sort(([a], [b]) => compareText(a, b));
}
