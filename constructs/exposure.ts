/**
 * The routes of a service as a gateway serves them: each of the service's own rules, narrowed to what the gateway
 * exposes. So a split or a header route holds for callers outside of the mesh as well as for those inside.
 */
import type { HTTPMatchRequest, HTTPRoute, StringMatch } from '../lib/api';
import type { Port } from './port';
import { destinationOf, type IMeshService } from './service-version';

/** A service of this program tells its rules; one of another program is taken as a whole. */
interface Routed {
  toHttpRoutes(port: Port): HTTPRoute[];
}

export function exposedRoutes(service: IMeshService, conditions: readonly HTTPMatchRequest[], port: Port): HTTPRoute[] {
  const routes =
    'toHttpRoutes' in service
      ? (service as unknown as Routed).toHttpRoutes(port)
      : [{ name: 'default', route: [destinationOf(service, port)] }];
  return routes.flatMap((route) => {
    const match = narrowed(route.match, conditions);
    if (match === 'never') return [];
    const { match: _, ...rest } = route;
    return [
      {
        ...rest,
        name: `${service.name}-${route.name}`,
        ...(match.length > 0 && { match }),
      },
    ];
  });
}

/** Both lists at once: every pair that can hold together. An empty list holds always. */
function narrowed(
  own: readonly HTTPMatchRequest[] | undefined,
  outer: readonly HTTPMatchRequest[],
): HTTPMatchRequest[] | 'never' {
  if (!own || own.length === 0) return [...outer];
  // A gateway is nobody's workload: what only some callers may use is not for callers outside.
  const reachable = own.filter((match) => !match.sourceLabels && !match.sourceNamespace);
  if (reachable.length === 0) return 'never';
  if (outer.length === 0) return reachable;
  const pairs = reachable.flatMap((left) => outer.flatMap((right) => intersection(left, right)));
  return pairs.length > 0 ? pairs : 'never';
}

function intersection(left: HTTPMatchRequest, right: HTTPMatchRequest): HTTPMatchRequest[] {
  const result: HTTPMatchRequest = { ...left, ...right };
  for (const part of ['uri', 'method'] as const) {
    if (!left[part] || !right[part]) continue;
    const both = stricter(left[part], right[part]);
    if (both === undefined) return [];
    result[part] = both;
  }
  for (const part of ['headers', 'queryParams'] as const) {
    const merged: Record<string, StringMatch> = { ...left[part] };
    for (const [name, value] of Object.entries(right[part] ?? {})) {
      const both = merged[name] ? stricter(merged[name], value) : value;
      if (both === undefined) return [];
      merged[name] = both;
    }
    if (Object.keys(merged).length > 0) result[part] = merged;
  }
  return [result];
}

/**
 * What both comparisons accept; undefined when nothing is.
 * @throws for two regular expressions, or a regular expression and a prefix: they have no common form.
 */
function stricter(left: StringMatch, right: StringMatch): StringMatch | undefined {
  if (Object.keys(left).length === 0) return right;
  if (Object.keys(right).length === 0) return left;
  if (left.regex !== undefined || right.regex !== undefined) {
    if (left.regex === right.regex) return left;
    if (right.prefix === '/') return left;
    if (left.prefix === '/') return right;
    throw new Error(
      `cannot expose a route by ${JSON.stringify(left)} and ${JSON.stringify(right)} at once: a regular expression ` +
        "has no common form with another comparison; expose the service under '/', or match by prefix",
    );
  }
  if (left.exact !== undefined) return accepts(right, left.exact) ? left : undefined;
  if (right.exact !== undefined) return accepts(left, right.exact) ? right : undefined;
  if (left.prefix!.startsWith(right.prefix!)) return left;
  return right.prefix!.startsWith(left.prefix!) ? right : undefined;
}

function accepts(match: StringMatch, text: string): boolean {
  return match.exact !== undefined ? match.exact === text : text.startsWith(match.prefix ?? '');
}
