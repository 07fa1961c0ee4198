/**
 * The order of routes that come from the Gateway API: not the first that matches is taken, but the most specific
 * (https://gateway-api.sigs.k8s.io/reference/spec/, HTTPRouteRule.matches).
 */
import type { envoy } from '../envoy/generated/envoy';

type Route = envoy.config.route.v3.Route;
type RouteMatch = envoy.config.route.v3.RouteMatch;

/** Most specific first; routes that are alike keep their order, which is by age, name and rule. */
export function byPrecedence(routes: readonly Route[]): Route[] {
  const ranked = routes.map((route) => ({ route, rank: rankOf(route.match!) }));
  return ranked.sort((a, b) => compare(b.rank, a.rank)).map(({ route }) => route);
}

/** Exact paths before prefixes before expressions, longer before shorter, a method, then how many headers and parameters. */
function rankOf(match: RouteMatch): number[] {
  // The API has no conditions that something is not there; what has one of ours is no more specific for it.
  const headers = (match.headers ?? []).filter(({ invert_match }) => !invert_match);
  const methods = headers.filter(({ name }) => name === ':method').length;
  return [...rankOfPath(match), methods, headers.length - methods, match.query_parameters?.length ?? 0];
}

function rankOfPath({ path, path_separated_prefix: parts, prefix, safe_regex: regex }: RouteMatch): [number, number] {
  if (path !== undefined) return [3, path.length];
  if (parts !== undefined) return [2, parts.length];
  // A prefix is `/` alone here, which every path has.
  return regex ? [1, regex.regex?.length ?? 0] : [0, prefix?.length ?? 0];
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [i, value] of a.entries()) if (value !== b[i]) return value - b[i]!;
  return 0;
}
