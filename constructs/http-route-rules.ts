/**
 * Routes as an HTTPRoute of the Gateway API says them. They are tried by what is more specific there, and not in their
 * order, so an order that would become another one is a problem, as is everything that the API has no word for.
 */
import type { HTTPMatchRequest, HTTPRoute, HTTPRouteDestination, StringMatch } from '../lib/api';
import { parseDuration } from '../lib/api/duration';
import type { HttpBackendRef, HttpRouteFilter, HttpRouteMatch, HttpRouteRule } from '../lib/api/gateway-api';
import type { Problem } from './problem';

const RE2_SPECIAL = /[\\^$.|?*+()[\]{}]/g;

/** The Service that stands for one version of a service. */
export function versionService(name: string, version: string): string {
  return `${name}-${version}`;
}

/** @param namespace of the HTTPRoute. */
export function httpRouteRules(routes: readonly HTTPRoute[], namespace: string): HttpRouteRule[] {
  return routes.map((route) => {
    const filters = mirrorsOf(route, namespace);
    const matches = route.match?.map(matchOf) ?? [];
    return {
      ...(route.name && { name: route.name }),
      ...(matches.length > 0 && { matches }),
      ...(filters.length > 0 && { filters }),
      backendRefs: (route.route ?? []).map((destination) => ({
        ...backendOf(destination, namespace),
        ...(destination.weight !== undefined && { weight: destination.weight }),
      })),
      ...timesOf(route),
    };
  });
}

function matchOf({ uri, method, headers, queryParams }: HTTPMatchRequest): HttpRouteMatch {
  const path = pathOf(uri);
  return {
    ...(path && { path }),
    ...(method?.exact && { method: method.exact as NonNullable<HttpRouteMatch['method']> }),
    ...(headers && { headers: Object.entries(headers).map(([name, value]) => ({ name, ...textOf(value) })) }),
    ...(queryParams && {
      queryParams: Object.entries(queryParams).map(([name, value]) => ({ name, ...textOf(value) })),
    }),
  };
}

/** `PathPrefix` would take whole parts of a path only, where a prefix here takes all that starts with it. */
function pathOf(uri: StringMatch | undefined): HttpRouteMatch['path'] {
  if (uri?.exact !== undefined) return { type: 'Exact', value: uri.exact };
  if (uri?.regex !== undefined) return { type: 'RegularExpression', value: uri.regex };
  if (!uri?.prefix || uri.prefix === '/') return undefined;
  return { type: 'RegularExpression', value: `${escaped(uri.prefix)}.*` };
}

function textOf({ exact, prefix, regex }: StringMatch): { type: 'Exact' | 'RegularExpression'; value: string } {
  if (exact !== undefined) return { type: 'Exact', value: exact };
  return { type: 'RegularExpression', value: regex ?? `${escaped(prefix ?? '')}.*` };
}

function escaped(text: string): string {
  return text.replace(RE2_SPECIAL, '\\$&');
}

/** The Service behind a destination: `reviews.shop.svc.cluster.local` with subset v1 is `reviews-v1` in shop. */
function backendOf({ destination: { host, subset, port } }: Pick<HTTPRouteDestination, 'destination'>, own: string) {
  const [name = '', namespace] = host.split('.');
  return {
    name: subset === undefined ? name : versionService(name, subset),
    ...(namespace !== own && { namespace }),
    ...(port?.number !== undefined && { port: port.number }),
  } satisfies HttpBackendRef;
}

function mirrorsOf({ mirrors = [] }: HTTPRoute, own: string): HttpRouteFilter[] {
  return mirrors.map(({ destination, percentage }) => {
    const percent = percentage?.value ?? 100;
    const share = Number.isInteger(percent)
      ? percent < 100 && { percent }
      : { fraction: { numerator: Math.round(percent * 1_000), denominator: 100_000 } };
    return { type: 'RequestMirror', requestMirror: { backendRef: backendOf({ destination }, own), ...share } };
  });
}

function timesOf({ timeout, retries }: HTTPRoute): Pick<HttpRouteRule, 'timeouts' | 'retry'> {
  const codes = codesOf(retries?.retryOn).filter(isCode).map(Number);
  const timeouts = {
    ...(timeout && { request: inWholes(timeout) }),
    ...(retries?.perTryTimeout && { backendRequest: inWholes(retries.perTryTimeout) }),
  };
  return {
    ...(Object.keys(timeouts).length > 0 && { timeouts }),
    ...(retries && { retry: { attempts: retries.attempts ?? 2, ...(codes.length > 0 && { codes }) } }),
  };
}

/** Durations of the Gateway API have no fractions (GEP-2257). */
function inWholes(text: string): string {
  const milliseconds = parseDuration(text) ?? 0;
  return milliseconds % 1_000 === 0 ? `${milliseconds / 1_000}s` : `${Math.round(milliseconds)}ms`;
}

function codesOf(retryOn = ''): string[] {
  return retryOn.split(',').filter((part) => part !== '' && part !== 'retriable-status-codes');
}

function isCode(text: string): boolean {
  return /^\d{3}$/.test(text);
}

/** Why these routes would be other ones in the Gateway API. */
export function httpRouteProblems(routes: readonly HTTPRoute[]): Problem[] {
  const problems = routes.flatMap((route) => [
    ...(route.fault ? [unsaid(route, 'a fault')] : []),
    ...(route.match?.some(({ sourceLabels, sourceNamespace }) => sourceLabels || sourceNamespace)
      ? [unsaid(route, 'a match by caller')]
      : []),
    ...codesOf(route.retries?.retryOn)
      .filter((part) => !isCode(part))
      .map((condition) => unsaid(route, `retries on ${condition}`)),
  ]);
  for (const [i, later] of routes.entries()) {
    const earlier = routes.slice(0, i).find((route) => isOvertaken(route, later));
    if (!earlier) continue;
    problems.push({
      code: 'MAL0181',
      what: `in the Gateway API, route '${later.name}' goes before '${earlier.name}': it is more specific`,
      got: `'${earlier.name}' declared first`,
      allowed: 'routes from the most specific to the least, where a request can match both',
      fix: 'declare them in that order, or write them with api: RouteApi.istio()',
    });
  }
  return problems;
}

function unsaid({ name }: HTTPRoute, what: string): Problem {
  return {
    code: 'MAL0180',
    what: `the Gateway API has no word for what route '${name}' says`,
    got: what,
    allowed: 'paths, methods, headers, parameters, weights, timeouts, retries by status code, mirrors',
    fix: 'leave it out, or write the routes with api: RouteApi.istio()',
  };
}

function isOvertaken(earlier: HTTPRoute, later: HTTPRoute): boolean {
  const of = ({ match }: HTTPRoute): HTTPMatchRequest[] => (match?.length ? match : [{}]);
  return of(earlier).some((a) => of(later).some((b) => compare(rankOf(b), rankOf(a)) > 0 && !areApart(a, b)));
}

/** As HTTPRouteRule.matches says: exact paths, (what prefixes are here) expressions by length, method, headers, parameters. */
function rankOf(match: HTTPMatchRequest): number[] {
  const path = pathOf(match.uri);
  const ofPath = path?.type === 'Exact' ? [2, path.value!.length] : path ? [1, path.value!.length] : [0, 0];
  return [
    ...ofPath,
    match.method ? 1 : 0,
    ...[match.headers, match.queryParams].map((map) => Object.keys(map ?? {}).length),
  ];
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [i, value] of a.entries()) if (value !== b[i]) return value - b[i]!;
  return 0;
}

/** Whether no request matches both, as far as paths and methods tell. */
function areApart(a: HTTPMatchRequest, b: HTTPMatchRequest): boolean {
  if (a.method?.exact && b.method?.exact && a.method.exact !== b.method.exact) return true;
  const [x, y] = [a.uri ?? {}, b.uri ?? {}];
  if (x.regex !== undefined || y.regex !== undefined) return false;
  if (x.exact !== undefined) return y.exact !== undefined ? x.exact !== y.exact : !x.exact.startsWith(y.prefix ?? '/');
  if (y.exact !== undefined) return !y.exact.startsWith(x.prefix ?? '/');
  return !(x.prefix ?? '/').startsWith(y.prefix ?? '/') && !(y.prefix ?? '/').startsWith(x.prefix ?? '/');
}
