/** Which route takes a request, and what the route makes of it. */
import type { envoy } from '../envoy/generated/envoy';
import { type DynamicMetadata, matchesMetadata } from './rbac';
import { SimulationError } from './simulation-error';
import { matchesHeader, matchesQuery, matchesRegex, re2 } from './string-matcher';
import { withoutPort } from './virtual-host';

type Route = envoy.config.route.v3.Route;
type RouteMatch = envoy.config.route.v3.RouteMatch;
type RouteAction = envoy.config.route.v3.RouteAction;
type RedirectAction = envoy.config.route.v3.RedirectAction;

/** A request as the router sees it. */
export interface RoutedRequest {
  readonly method: string;
  readonly scheme: 'http' | 'https';
  readonly authority: string;
  /** With the query. */
  readonly path: string;
  /** By lower-case names. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  /** What filters before the router have written down. */
  readonly metadata?: DynamicMetadata;
}

/** The first route that matches. */
export function findRoute(routes: readonly Route[], request: RoutedRequest): Route | undefined {
  return routes.find(({ match, name }) => matchesRoute(match ?? {}, request, name ?? 'a route'));
}

function matchesRoute(match: RouteMatch, request: RoutedRequest, where: string): boolean {
  for (const unknown of ['runtime_fraction', 'tls_context', 'path_match_policy'] as const) {
    if (match[unknown]) throw SimulationError.unknown(unknown, where);
  }
  if (match.connect_matcher) return request.method === 'CONNECT';
  if (!matchesPath(match, pathOf(request.path))) return false;
  if (match.grpc && !/^application\/grpc(\+|$)/.test(request.headers.get('content-type')?.[0] ?? '')) return false;
  return (
    (match.headers ?? []).every((header) => matchesHeader(header, headerValues(request, header.name ?? ''))) &&
    (match.dynamic_metadata ?? []).every((matcher) => matchesMetadata(matcher, request.metadata ?? {})) &&
    (match.query_parameters ?? []).every((parameter) => matchesQuery(parameter, queryOf(request.path)))
  );
}

function matchesPath(match: RouteMatch, path: string): boolean {
  const fold = (text: string) => (match.case_sensitive === false ? text.toLowerCase() : text);
  if (match.safe_regex) return matchesRegex(match.safe_regex.regex, path);
  if (match.path !== undefined) return fold(path) === fold(match.path);
  if (match.path_separated_prefix !== undefined) {
    const prefix = fold(match.path_separated_prefix);
    return fold(path) === prefix || fold(path).startsWith(`${prefix}/`);
  }
  return fold(path).startsWith(fold(match.prefix ?? ''));
}

function headerValues(request: RoutedRequest, name: string): readonly string[] {
  switch (name.toLowerCase()) {
    case ':method':
      return [request.method];
    case ':path':
      return [request.path];
    case ':scheme':
      return [request.scheme];
    case ':authority':
    case 'host':
      return [request.authority];
    default:
      return request.headers.get(name.toLowerCase()) ?? [];
  }
}

function pathOf(path: string): string {
  return path.split(/[?#]/, 1)[0]!;
}

function queryOf(path: string): string {
  return /\?([^#]*)/.exec(path)?.[1] ?? '';
}

/** The clusters of a route, each with its share. */
export function sharesOf(action: RouteAction, where: string): { cluster: string; share: number }[] {
  if (action.cluster !== undefined) return [{ cluster: action.cluster, share: 1 }];
  const weighted = action.weighted_clusters?.clusters;
  if (!weighted) throw SimulationError.unknown('a route without a cluster', where);
  const total = weighted.reduce((sum, { weight = 0 }) => sum + Number(weight), 0);
  return weighted
    .filter(({ weight = 0 }) => Number(weight) > 0)
    .map(({ name = '', weight = 0 }) => ({ cluster: name, share: Number(weight) / total }));
}

/** The path that the service gets. */
export function rewrittenPath(match: RouteMatch, action: RouteAction, path: string): string {
  const rest = path.slice(pathOf(path).length);
  if (action.regex_rewrite) return substitute(action.regex_rewrite, pathOf(path)) + rest;
  if (action.prefix_rewrite) return replacePrefix(match, action.prefix_rewrite, path);
  return path;
}

/** What matched is replaced: the prefix, or for an exact path or a regular expression the whole path. */
function replacePrefix(match: RouteMatch, rewrite: string, path: string): string {
  const matched = match.prefix ?? match.path_separated_prefix ?? pathOf(path);
  return rewrite + path.slice(matched.length);
}

function substitute(rewrite: envoy.type.matcher.v3.RegexMatchAndSubstitute, path: string): string {
  // RE2 writes the groups `\1`, re2js as Java does, `$1`.
  const replacement = (rewrite.substitution ?? '').replace(/\$/g, '\\$').replace(/\\(\d)/g, '$$$1');
  return re2(rewrite.pattern?.regex ?? '')
    .matcher(path)
    .replaceAll(replacement);
}

const REDIRECT_STATUS = {
  MOVED_PERMANENTLY: 301,
  FOUND: 302,
  SEE_OTHER: 303,
  TEMPORARY_REDIRECT: 307,
  PERMANENT_REDIRECT: 308,
} as const;

/** Status and `location` of a redirect. A port that is the scheme's own is dropped when the scheme changes. */
export function redirectOf(match: RouteMatch, action: RedirectAction, request: RoutedRequest) {
  const scheme = action.https_redirect ? 'https' : (action.scheme_redirect ?? request.scheme);
  const given = request.authority;
  let authority = action.host_redirect || given;
  if (action.port_redirect) authority = `${withoutPort(authority)}:${action.port_redirect}`;
  else if (
    scheme !== request.scheme &&
    authority === given &&
    authority.endsWith(request.scheme === 'http' ? ':80' : ':443')
  ) {
    authority = withoutPort(authority);
  }
  const status = REDIRECT_STATUS[(action.response_code ?? 'MOVED_PERMANENTLY') as keyof typeof REDIRECT_STATUS];
  return { status, location: `${scheme}://${authority}${redirectPath(match, action, request.path)}` };
}

function redirectPath(match: RouteMatch, action: RedirectAction, path: string): string {
  const query = action.strip_query ? '' : path.slice(pathOf(path).length);
  if (action.path_redirect)
    return action.path_redirect.includes('?') ? action.path_redirect : action.path_redirect + query;
  if (action.prefix_rewrite) return replacePrefix(match, action.prefix_rewrite, pathOf(path)) + query;
  if (action.regex_rewrite) return substitute(action.regex_rewrite, pathOf(path)) + query;
  return pathOf(path) + query;
}
