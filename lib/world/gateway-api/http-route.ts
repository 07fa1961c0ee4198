/** The rules of an HTTPRoute, as HTTP routes of a VirtualService. */
import type { HTTPMatchRequest, HTTPRetry, HTTPRouteDestination, StringMatch } from '../../api';
import { parseDuration } from '../../api/duration';
import type { HTTPRoute, HttpBackendRef, HttpRouteMatch, HttpRouteRule } from '../../api/gateway-api';
import type { KubeObject } from '../../api/object';
import { resolveBackend } from './backends';
import type { Problem } from './conditions';
import type { ConvertedHttpRoute } from './converted';
import { type ConvertedFilters, convertFilters } from './filters';
import type { Lookup } from './lookup';

export interface ConvertedRules {
  /** How many rules there are; a rule can be several routes. */
  readonly rules: number;
  readonly http: readonly ConvertedHttpRoute[];
  /** Values that are not served; rules with them answer with 500. */
  readonly unsupported: readonly Problem[];
  /** Which rules have such values, from 0. */
  readonly unservedRules: readonly number[];
  /** References that lead nowhere. */
  readonly unresolved: readonly Problem[];
}

/** What is answered where a rule has nothing to send requests to. */
export interface Failure {
  readonly status: number;
  /** A host that no service has, which gets the share of a broken reference. */
  readonly host: string;
}

/** A host that no service has: requests for it are answered with 500, which is what a broken reference's share gets. */
export const UNRESOLVED_HOST = 'unresolved.malha.invalid';

/** HTTPRouteRule.backendRefs: 500. */
const FAILURE: Failure = { status: 500, host: UNRESOLVED_HOST };

export function convertHttpRules(lookup: Lookup, route: HTTPRoute): ConvertedRules {
  const rules = route.spec.rules ?? [{}];
  return gathered(rules.map((rule: HttpRouteRule) => convertRule(lookup, route, rule)));
}

export interface ConvertedRule {
  /** One route, or one for each backend. */
  readonly http: readonly ConvertedHttpRoute[];
  readonly unsupported: readonly Problem[];
  readonly unresolved: readonly Problem[];
}

export function gathered(rules: readonly ConvertedRule[]): ConvertedRules {
  return {
    rules: rules.length,
    http: rules.flatMap(({ http }) => http),
    unsupported: rules.flatMap(({ unsupported }) => unsupported),
    unservedRules: rules.flatMap(({ unsupported }, i) => (unsupported.length > 0 ? [i] : [])),
    unresolved: rules.flatMap(({ unresolved }) => unresolved),
  };
}

function convertRule(lookup: Lookup, route: HTTPRoute, rule: HttpRouteRule): ConvertedRule {
  const resolve = (reference: HttpBackendRef) => resolveBackend(lookup, route, reference);
  const filters = convertFilters(rule.filters, prefixOf(rule), resolve);
  const matches = rule.matches?.length ? rule.matches.map(matchOf) : [{ uri: { prefix: '/' } }];
  const base: ConvertedHttpRoute = { ...(rule.name && { name: rule.name }), match: matches, ...timesOf(rule) };
  return withAction(lookup, route, base, filters, rule.backendRefs, FAILURE);
}

/** Adds what is done with requests: redirect them, forward them, or tell that they cannot be. */
export function withAction(
  lookup: Lookup,
  route: KubeObject,
  base: ConvertedHttpRoute,
  filters: ConvertedFilters,
  backendRefs: readonly HttpBackendRef[] | undefined,
  failure: Failure,
): ConvertedRule {
  const failed = { directResponse: { status: failure.status } };
  if (filters.problem) {
    return { http: [{ ...base, ...failed }], unsupported: [filters.problem], unresolved: filters.unresolved };
  }
  const complete = { ...base, ...filters.route };
  if (filters.route.redirect) {
    return { http: answeringPreflights(complete), unsupported: [], unresolved: filters.unresolved };
  }
  const { backends, unsupported, unresolved } = backendsOf(lookup, route, backendRefs, base, failure);
  return {
    http: (backends.some(({ isGood }) => isGood) ? routesTo(complete, backends) : [{ ...complete, ...failed }]).flatMap(
      answeringPreflights,
    ),
    unsupported,
    unresolved: [...filters.unresolved, ...unresolved],
  };
}

const ASKED = 'access-control-request-headers';

/**
 * Who asks for no headers is not told which there may be (HTTPCORSFilter.allowHeaders), where Envoy tells everybody: so
 * requests without that header have a route of their own, which differs in nothing else.
 */
function answeringPreflights(route: ConvertedHttpRoute): ConvertedHttpRoute[] {
  if (!route.corsPolicy?.allowHeaders) return [route];
  const { allowHeaders: _, ...corsPolicy } = route.corsPolicy;
  const match = (route.match ?? [{}]).map((each) => ({ ...each, withoutHeaders: { [ASKED]: {} } }));
  return [{ ...route, match, corsPolicy }, route];
}

interface Backend {
  readonly destination: HTTPRouteDestination;
  readonly isGood: boolean;
  /** What is done with requests for this backend alone, beside the edits of headers. */
  readonly filters: ConvertedFilters['route'];
}

function backendsOf(
  lookup: Lookup,
  route: KubeObject,
  references: readonly HttpBackendRef[] | undefined,
  { match }: ConvertedHttpRoute,
  { host }: Failure,
) {
  const backends: Backend[] = [];
  const unresolved: Problem[] = [];
  const unsupported: Problem[] = [];
  const prefix = match?.length === 1 ? match[0]!.uri?.prefix : undefined;
  for (const reference of references ?? []) {
    const { destination, problem } = resolveBackend(lookup, route, reference);
    const filters = convertFilters(reference.filters, prefix, (mirror) => resolveBackend(lookup, route, mirror));
    if (problem) unresolved.push(problem);
    unresolved.push(...filters.unresolved);
    if (filters.problem) unsupported.push(filters.problem);
    const weight = reference.weight ?? 1;
    if (weight === 0) continue;
    const isGood = destination !== undefined && !filters.problem;
    const { headers, ...others } = filters.route;
    backends.push({
      isGood,
      filters: isGood ? others : {},
      destination: {
        destination: isGood ? destination : { host, port: { number: reference.port ?? 80 } },
        weight,
        ...(headers && { headers }),
      },
    });
  }
  return { backends, unresolved, unsupported };
}

/** Envoy splits the requests of one route among clusters; only a route of its own can do more for one of them. */
function routesTo(complete: ConvertedHttpRoute, backends: readonly Backend[]): ConvertedHttpRoute[] {
  if (backends.every(({ filters }) => Object.keys(filters).length === 0)) {
    return [{ ...complete, route: backends.map(({ destination }) => destination) }];
  }
  const total = backends.reduce((sum, { destination }) => sum + destination.weight!, 0);
  let upTo = 0;
  return backends.map(({ destination, filters: { redirect, mirrors = [], rewrite, ...others } }) => {
    upTo += destination.weight!;
    const copies = [...(complete.mirrors ?? []), ...mirrors];
    return {
      ...complete,
      ...others,
      ...(copies.length > 0 && { mirrors: copies }),
      ...((complete.rewrite || rewrite) && { rewrite: { ...complete.rewrite, ...rewrite } }),
      ...(redirect ? { redirect } : { route: [destination] }),
      ...(upTo < total && { share: { upTo, of: total } }),
    };
  });
}

/** The prefix that `ReplacePrefixMatch` replaces; the API allows it only where the rule has just one match, by prefix. */
function prefixOf({ matches }: HttpRouteRule): string | undefined {
  const path = matches?.[0]?.path;
  if (!path) return '/';
  return (path.type ?? 'PathPrefix') === 'PathPrefix' ? (path.value ?? '/') : undefined;
}

function matchOf({ path, method, headers, queryParams }: HttpRouteMatch): HTTPMatchRequest {
  return {
    uri: pathMatch(path),
    ...(method && { method: { exact: method } }),
    ...(headers?.length && { headers: conditionsOf(headers, (name) => name.toLowerCase()) }),
    ...(queryParams?.length && { queryParams: conditionsOf(queryParams, (name) => name) }),
  };
}

function pathMatch(path: HttpRouteMatch['path']): StringMatch {
  const { type = 'PathPrefix', value = '/' } = path ?? {};
  if (type === 'Exact') return { exact: value };
  if (type === 'RegularExpression') return { regex: value };
  return { prefix: value };
}

/** Of several conditions on one name, the first counts. */
export function conditionsOf(
  list: readonly { type?: 'Exact' | 'RegularExpression'; name: string; value: string }[],
  keyOf: (name: string) => string,
): Record<string, StringMatch> {
  const result: Record<string, StringMatch> = {};
  for (const { type, name, value } of list) {
    result[keyOf(name)] ??= type === 'RegularExpression' ? { regex: value } : { exact: value };
  }
  return result;
}

/** `0s` lifts a limit. Without retries, one attempt is the whole request. */
function timesOf({ timeouts, retry }: HttpRouteRule): Pick<ConvertedHttpRoute, 'timeout' | 'retries'> {
  const limit = limitOf(timeouts?.request);
  const perTry = limitOf(timeouts?.backendRequest);
  if (!retry && perTry === undefined) return limit === undefined ? {} : { timeout: limit };
  const retries: HTTPRetry = {
    ...(retry?.attempts !== undefined && { attempts: retry.attempts }),
    ...(perTry && { perTryTimeout: perTry }),
    ...(retry && { retryOn: [...SAFE_TO_RETRY, ...(perTry ? [TOO_SLOW] : []), ...(retry.codes ?? [])].join(',') }),
    ...(retry?.backoff && { backoff: retry.backoff }),
  };
  return { retries, ...(limit !== undefined && { timeout: limit }) };
}

/** Failures in which no request has reached an application, or one that it says it has not touched. */
const SAFE_TO_RETRY = [
  'connect-failure',
  'refused-stream',
  'reset-before-request',
  'unavailable',
  'retriable-status-codes',
];

/** An attempt that took longer than `backendRequest` (HTTPRouteRetry.backoff); Envoy takes connections that break for the same. */
const TOO_SLOW = 'reset';

function limitOf(duration: string | undefined): string | undefined {
  return duration !== undefined && parseDuration(duration) ? duration : undefined;
}
