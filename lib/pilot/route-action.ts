/** What a route does with a request: forward it, redirect it, or answer it. */
import type { HTTPRedirect, HTTPRewrite, HTTPRoute, HTTPRouteDestination } from '../api';
import type { envoy } from '../envoy/generated/envoy';
import { type ConvertedRedirect, UNRESOLVED_HOST, type Viewer, type WorldView } from '../world';
import { balancingOf, type ResolvedDestination, resolveDestination } from './destinations';
import { dynamicHostRules } from './dynamic-hosts';
import { hashPolicy } from './hash-policy';
import { authorityOf, headerEdits } from './header-edits';
import { mirrorsOf } from './mirrors';
import { offeredProtocols } from './offered-protocols';
import { retryPolicy } from './retry-policy';
import { duration } from './shapes';

type Route = envoy.config.route.v3.Route;
type RouteAction = envoy.config.route.v3.RouteAction;
type Action = Pick<Route, 'route' | 'redirect' | 'direct_response' | 'typed_per_filter_config'>;

/** Where a route stands: what its destinations and ports are relative to. */
export interface RoutePlace {
  readonly viewer: Viewer;
  /** The namespace of the object. */
  readonly owner: string;
  /** The port that requests came to; 0 where the listener serves all ports. */
  readonly listenerPort: number;
  /** The client speaks TLS to this proxy. */
  readonly isTls: boolean;
  /** This proxy has a certificate of the mesh to show. */
  readonly identified: boolean;
}

/** No limit: the API has none by default, where Envoy would take 15 s. */
const NO_TIMEOUT = '0s';

/** Those that get a share of the requests. */
export function weightedDestinations({ route = [] }: HTTPRoute): readonly HTTPRouteDestination[] {
  return route.filter(({ weight }) => route.length === 1 || (weight ?? 0) > 0);
}

/** The action of a route that names one. */
export function routeAction(world: WorldView, route: HTTPRoute, place: RoutePlace): Action {
  if (route.redirect) return { redirect: redirectOf(route.redirect, place) };
  if (route.directResponse) return { direct_response: directResponseOf(route.directResponse) };
  const weighted = weightedDestinations(route);
  // Galley refuses a route without a destination that has weight; Envoy would refuse everything beside it.
  if (weighted.length === 0) return { direct_response: { status: 500 } };
  const resolved = weighted.map(({ destination }) => resolveDestination(world, destination, place));
  const hashes = weighted.flatMap(({ destination }, i) =>
    hashPolicy(balancingOf(world, place.viewer, resolved[i]!, destination.subset)),
  );
  const literal = authorityOfRoute(route, weighted);
  const perFilter = weighted.map(({ destination: { subset }, headers }, i) =>
    perFilterConfigs(
      place.identified ? offeredProtocols(world, place.viewer, resolved[i]!, subset) : undefined,
      dynamicHostRules(world, place.viewer, resolved[i]!, { subset, literal: literal || authorityOf(headers) }),
    ),
  );
  const mirrors = mirrorsOf(route, (destination) => resolveDestination(world, destination, place).cluster);
  return {
    route: {
      ...(weighted.length === 1 ? { cluster: resolved[0]!.cluster } : split(weighted, resolved, perFilter)),
      // The share of a backend that is not there fails, as the Gateway API has it; elsewhere such a host is no error yet.
      ...(resolved.some(({ hostname }) => hostname === UNRESOLVED_HOST) && {
        cluster_not_found_response_code: 'INTERNAL_SERVER_ERROR' as const,
      }),
      ...rewriteOf(route.rewrite),
      ...(literal && { host_rewrite_literal: literal }),
      ...timeouts(route.timeout),
      ...retries(retryPolicy(route.retries ?? world.meshConfig().defaultHttpRetryPolicy)),
      ...(mirrors.length > 0 && { request_mirror_policies: mirrors }),
      ...(hashes.length > 0 && { hash_policy: hashes }),
    },
    ...(weighted.length === 1 && perFilter[0] && { typed_per_filter_config: perFilter[0] }),
  };
}

/** The action of a host without a VirtualService. */
export function forwardTo(world: WorldView, viewer: Viewer, destination: ResolvedDestination): RouteAction {
  const hashes = hashPolicy(balancingOf(world, viewer, destination, undefined));
  return {
    cluster: destination.cluster,
    ...timeouts(undefined),
    ...retries(retryPolicy(world.meshConfig().defaultHttpRetryPolicy)),
    ...(hashes.length > 0 && { hash_policy: hashes }),
  };
}

/**
 * How long a request may take. Envoy reads `timeout` only where there is no `max_stream_duration`, so there is either the
 * one or the other: a limit, or none but the deadline that a gRPC client itself sends along (grpc-timeout).
 */
export function timeouts(timeout: string | undefined): RouteAction {
  const limit = duration(timeout);
  if (limit !== undefined && limit !== NO_TIMEOUT) return { timeout: limit };
  return { timeout: NO_TIMEOUT, max_stream_duration: { grpc_timeout_header_max: NO_TIMEOUT } };
}

function retries(retry_policy: envoy.config.route.v3.RetryPolicy | undefined): RouteAction {
  return retry_policy ? { retry_policy } : {};
}

function split(
  weighted: readonly HTTPRouteDestination[],
  resolved: readonly ResolvedDestination[],
  perFilter: readonly Route['typed_per_filter_config'][],
): RouteAction {
  return {
    weighted_clusters: {
      clusters: weighted.map(({ weight, headers }, i) => {
        const authority = authorityOf(headers);
        return {
          name: resolved[i]!.cluster,
          weight,
          ...headerEdits(headers),
          ...(authority && { host_rewrite_literal: authority }),
          ...(perFilter[i] && { typed_per_filter_config: perFilter[i] }),
        };
      }),
    },
  };
}

/** What filters are told of a request by its destination; undefined for nothing. */
export function perFilterConfigs(
  ...configs: readonly Route['typed_per_filter_config'][]
): Route['typed_per_filter_config'] {
  const all = Object.assign({}, ...configs);
  return Object.keys(all).length > 0 ? all : undefined;
}

/** `rewrite.authority` first, then `Host` among the headers to set. */
function authorityOfRoute(route: HTTPRoute, weighted: readonly HTTPRouteDestination[]): string | undefined {
  const ofOnly = weighted.length === 1 ? authorityOf(weighted[0]!.headers) : undefined;
  return route.rewrite?.authority || authorityOf(route.headers) || ofOnly;
}

function rewriteOf(rewrite: HTTPRewrite | undefined): RouteAction {
  const regex_rewrite = regexRewriteOf(rewrite?.uriRegexRewrite);
  if (regex_rewrite) return { regex_rewrite };
  // Replaces what the match took: the prefix, or the whole path of an exact match or regular expression.
  return rewrite?.uri ? { prefix_rewrite: rewrite.uri } : {};
}

function regexRewriteOf(rewrite: HTTPRewrite['uriRegexRewrite']) {
  if (!rewrite?.match) return undefined;
  return { pattern: { regex: rewrite.match }, substitution: rewrite.rewrite ?? '' };
}

const REDIRECT_CODES: Record<number, envoy.config.route.v3.RedirectAction.RedirectResponseCode> = {
  301: 'MOVED_PERMANENTLY',
  302: 'FOUND',
  303: 'SEE_OTHER',
  307: 'TEMPORARY_REDIRECT',
  308: 'PERMANENT_REDIRECT',
};

const DEFAULT_PORTS: Record<string, number> = { http: 80, https: 443 };

function redirectOf(redirect: ConvertedRedirect, place: RoutePlace): envoy.config.route.v3.RedirectAction {
  const port = redirectPort(redirect, place);
  const regex_rewrite = regexRewriteOf(redirect.uriRegexRewrite);
  return {
    ...(regex_rewrite && { regex_rewrite }),
    ...(redirect.scheme && { scheme_redirect: redirect.scheme }),
    ...(redirect.authority && { host_redirect: redirect.authority }),
    ...(port && { port_redirect: port }),
    ...(redirect.prefixRewrite
      ? { prefix_rewrite: redirect.prefixRewrite }
      : redirect.uri && { path_redirect: redirect.uri }),
    response_code: REDIRECT_CODES[redirect.redirectCode ?? 301] ?? 'MOVED_PERMANENTLY',
  };
}

function redirectPort(redirect: ConvertedRedirect, { listenerPort, isTls }: RoutePlace): number | undefined {
  const own = isTls ? 'https' : 'http';
  const scheme = redirect.scheme || own;
  // Envoy keeps the port in the request's host where it is given none, so that is only left out where there is none.
  const hasPort = !redirect.authority && listenerPort !== DEFAULT_PORTS[own];
  const port = wantedPort(redirect, scheme, listenerPort);
  return redirect.leavesOutDefaultPort && port === DEFAULT_PORTS[scheme] && !hasPort ? undefined : port;
}

function wantedPort(redirect: HTTPRedirect, scheme: string, listenerPort: number): number | undefined {
  if (redirect.port) return redirect.port;
  if (redirect.derivePort === 'FROM_PROTOCOL_DEFAULT') return DEFAULT_PORTS[scheme];
  if (redirect.derivePort !== 'FROM_REQUEST_PORT') return undefined;
  return listenerPort === DEFAULT_PORTS[scheme] ? undefined : listenerPort || undefined;
}

function directResponseOf({
  status,
  body,
}: NonNullable<HTTPRoute['directResponse']>): envoy.config.route.v3.DirectResponseAction {
  if (body?.bytes !== undefined) return { status, body: { inline_bytes: body.bytes } };
  return { status, ...(body?.string !== undefined && { body: { inline_string: body.string } }) };
}
