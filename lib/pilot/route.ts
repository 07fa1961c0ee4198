/** The routes that a VirtualService makes of itself for one kind of client, at one port. */
import type { HTTPMatchRequest, HTTPRoute, VirtualService } from '../api';
import { objectName } from '../api/object';
import type { envoy, google } from '../envoy/generated/envoy';
import { TypeUrl } from '../envoy/type-url';
import {
  type ConvertedHttpRoute,
  keyOf,
  type Labels,
  MESH_GATEWAY,
  namespaceOf,
  resolveGateway,
  selects,
  sourceOf,
  type Viewer,
  type WorldView,
} from '../world';
import { CORS_FILTER, corsOf } from './cors';
import { FAULT_FILTER, faultOf } from './fault';
import { headerEdits } from './header-edits';
import type { Evaluation, Query } from './memo';
import { configPath } from './metadata';
import { type RoutePlace, routeAction, weightedDestinations } from './route-action';
import { matchesEverything, routeMatch } from './route-match';

type Route = envoy.config.route.v3.Route;

/** The client, and the place, for which routes are made. */
export interface RouteContext {
  /** Stands for `viewer` and `labels`. */
  readonly client: string;
  readonly viewer: Viewer;
  /** Of a sidecar's workload. */
  readonly labels: Labels;
  /** `mesh`, or the `namespace/name` of the Gateway. */
  readonly gateway: string;
  /** The port that requests came to, which `match.port` is compared with. */
  readonly port: number;
  readonly isTls: boolean;
  /** The client has a certificate of the mesh to show. */
  readonly identified: boolean;
}

/**
 * In order; what comes after a route that matches everything is left out, since it can never be reached. When the object
 * cannot be translated, its last good routes stay; without any, requests are refused rather than let past its rules.
 */
export function routesOf(evaluation: Evaluation, object: VirtualService, context: RouteContext): readonly Route[] {
  const { namespace = 'default', name } = object.metadata;
  const key = keyOf(namespace, name, context.gateway, context.port, String(context.isTls), context.client);
  return evaluation.derive(routesQuery, key, { namespace, name, context });
}

const routesQuery: Query<{ namespace: string; name: string; context: RouteContext }, readonly Route[]> = {
  name: 'routes',
  compute: (evaluation, { namespace, name, context }) => {
    const object = evaluation.virtualService(namespace, name);
    if (!object) return [];
    try {
      return translateRoutes(evaluation, object, context);
    } catch (error) {
      evaluation.fail({ typeUrl: TypeUrl.route, name: objectName(object), error: error as Error });
      return (evaluation.previous as readonly Route[] | undefined) ?? [REFUSE];
    }
  },
};

const REFUSE: Route = { name: 'untranslatable', match: { prefix: '/' }, direct_response: { status: 500 } };

function translateRoutes(world: WorldView, object: VirtualService, context: RouteContext): Route[] {
  const routes: Route[] = [];
  const owner = object.metadata.namespace ?? 'default';
  const { viewer, port: listenerPort, isTls, identified } = context;
  const place: RoutePlace = { viewer, owner, listenerPort, isTls, identified };
  for (const http of object.spec.http ?? []) {
    const matches: (HTTPMatchRequest | undefined)[] = http.match?.length ? http.match : [undefined];
    for (const match of matches) {
      if (!appliesTo(match, context, owner)) continue;
      const route = translate(world, object, http, match, place);
      routes.push(route);
      // Routes of the Gateway API are put into an order later, with those of others.
      if (!sourceOf(object) && matchesEverything(route.match!)) return routes;
    }
  }
  return routes;
}

/** The conditions that are about the client and not about the request are decided here, once and for all. */
export function appliesTo(
  match: Pick<HTTPMatchRequest, 'gateways' | 'port' | 'sourceLabels' | 'sourceNamespace'> | undefined,
  { viewer, labels, gateway, port }: Pick<RouteContext, 'viewer' | 'labels' | 'gateway' | 'port'>,
  owner: string,
): boolean {
  if (!match) return true;
  if (match.gateways?.length && !match.gateways.some((name) => resolveGateway(name, owner) === gateway)) return false;
  if (match.port && match.port !== port) return false;
  // Gateways have no source within the mesh; the API ignores these conditions there.
  if (gateway !== MESH_GATEWAY) return true;
  if (match.sourceNamespace && match.sourceNamespace !== namespaceOf(viewer)) return false;
  return selects(match.sourceLabels, labels);
}

function translate(
  world: WorldView,
  object: VirtualService,
  http: HTTPRoute,
  match: HTTPMatchRequest | undefined,
  place: RoutePlace,
): Route {
  const name = [http.name, match?.name].filter(Boolean).join('.');
  const envoyMatch = { ...routeMatch(match, sourceOf(object) !== undefined), ...drawn(http) };
  const action = routeAction(world, http, place);
  const perFilter: Record<string, google.protobuf.Any> = { ...action.typed_per_filter_config };
  const fault = faultOf(http.fault);
  const cors = corsOf(http.corsPolicy);
  if (cors) perFilter[CORS_FILTER] = cors;
  if (fault) perFilter[FAULT_FILTER] = fault;
  return {
    ...(name && { name }),
    ...(match?.statPrefix && { stat_prefix: match.statPrefix }),
    match: envoyMatch,
    ...action,
    metadata: { filter_metadata: { istio: { config: configPath(sourceOf(object) ?? object) } } },
    ...(action.route && { decorator: { operation: operationOf(object, action.route, envoyMatch, place) } }),
    ...(Object.keys(perFilter).length > 0 && { typed_per_filter_config: perFilter }),
    ...mergeEdits(http),
  };
}

/** Of all routes of a rule, Envoy compares the same number with their shares, so these are told cumulatively. */
function drawn({ share }: ConvertedHttpRoute): envoy.config.route.v3.RouteMatch {
  if (!share) return {};
  const numerator = Math.round((1e6 * share.upTo) / share.of);
  return { runtime_fraction: { default_value: { numerator, denominator: 'MILLION' } } };
}

/** With one destination, its header edits and those of the route are one list. */
function mergeEdits(http: HTTPRoute) {
  const ofRoute = headerEdits(http.headers);
  const [only, ...more] = weightedDestinations(http);
  const ofOnly = only && more.length === 0 ? headerEdits(only.headers) : {};
  const merged: Record<string, unknown[]> = {};
  for (const edits of [ofRoute, ofOnly]) {
    for (const [field, values] of Object.entries(edits)) {
      const both = [...(merged[field] ?? []), ...(values as unknown[])];
      merged[field] = both.every((value) => typeof value === 'string') ? [...new Set(both)] : both;
    }
  }
  return merged as ReturnType<typeof headerEdits>;
}

/** The name of spans: what is called, and by which path as far as it is fixed. */
function operationOf(
  object: VirtualService,
  { cluster }: envoy.config.route.v3.RouteAction,
  match: envoy.config.route.v3.RouteMatch,
  place: RoutePlace,
): string {
  const path = match.path ?? (match.prefix && match.prefix !== '/' ? `${match.prefix}*` : '/*');
  if (cluster) {
    const [, port, , hostname] = cluster.split('|');
    return `${hostname}:${port}${path}`;
  }
  return `${object.metadata.name}.${place.owner}:${place.listenerPort}${path}`;
}
