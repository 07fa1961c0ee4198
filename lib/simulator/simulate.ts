/** One request through one proxy's resources. */
import type { envoy } from '../envoy/generated/envoy';
import type { EnvoyResource, Snapshot } from '../envoy/resource';
import type { Answer, Destination } from './answer';
import type { Call } from './authorization';
import { guarded } from './guards';
import { findFilterChain, findListener } from './listener';
import type { DynamicMetadata } from './rbac';
import { findRoute, type RoutedRequest, redirectOf, rewrittenPath, sharesOf } from './route';
import { filtered, toldByGrpc } from './route-filters';
import { scopedRouteName } from './scope';
import { SimulationError } from './simulation-error';
import { findVirtualHost } from './virtual-host';

type Listener = envoy.config.listener.v3.Listener;
type FilterChain = envoy.config.listener.v3.FilterChain;
type HttpConnectionManager = envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager;
type TcpProxy = envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy;
type RouteConfiguration = envoy.config.route.v3.RouteConfiguration;
type Cluster = envoy.config.cluster.v3.Cluster;
type ClusterLoadAssignment = envoy.config.endpoint.v3.ClusterLoadAssignment;

/** A request as it arrives at the proxy. */
export interface Request {
  /** The address that the client connected to, after its own DNS; undefined stands for one that the mesh does not know. */
  address?: string;
  port: number;
  /** The server name, for a connection with TLS. */
  sni?: string;
  /** `:authority`, with its port where the client sends one. */
  authority: string;
  /** Default GET. */
  method?: string;
  /** With the query. Default `/`. */
  path?: string;
  headers?: Readonly<Record<string, string | readonly string[]>>;
  /** What is known of who asks, where the proxy guards what is behind it. */
  caller?: Caller;
}

/** Who asks. */
export interface Caller {
  /** The URI in the caller's certificate, `spiffe://…`; absent without mutual TLS. */
  readonly peer?: string;
  /** Of the connection. Default: one that no policy names. */
  readonly address?: string;
  /** The payload of a token, whose signature is good. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

const HCM = 'HttpConnectionManager';
const TCP_PROXY = 'TcpProxy';

/**
 * What Envoy would do with `request`, having these resources.
 * @throws SimulationError when the resources hold something that cannot be simulated.
 */
export function simulate(snapshot: Snapshot, request: Request): Answer {
  const listeners = snapshot.listeners.map(({ message }) => message as Listener);
  const listener = findListener(listeners, request);
  if (!listener) return { kind: 'refusal', why: `no listener on port ${request.port}` };
  const chain = findFilterChain(listener, request);
  if (!chain) return { kind: 'refusal', why: `no filter chain of listener ${listener.name} takes the connection` };
  const by = { listener: listener.name ?? '' };
  const hcm = filterOf<HttpConnectionManager>(chain, HCM);
  const guards = (hcm ? (hcm.http_filters ?? []) : (chain.filters ?? [])).map(({ typed_config }) => typed_config);
  const passed = guarded(guards, callOf(request, hcm !== undefined));
  if (passed.kind === 'refusal') return passed;
  const answer = behindGuards(snapshot, chain, hcm, { ...request, metadata: passed.metadata }, by);
  if (answer.kind !== 'forward') return answer;
  const { asked, keepsToken } = passed;
  return { ...answer, ...(asked.length > 0 && { asked }), ...(keepsToken && { keepsToken }) };
}

/** A request that the guards have let through. */
type GuardedRequest = Request & { readonly metadata: DynamicMetadata };

function behindGuards(
  snapshot: Snapshot,
  chain: FilterChain,
  hcm: HttpConnectionManager | undefined,
  request: GuardedRequest,
  by: { listener: string },
): Answer {
  if (hcm) return toldByGrpc(simulateHttp(snapshot, hcm, request, by), routedRequest(request));
  const tcp = filterOf<TcpProxy>(chain, TCP_PROXY);
  if (!tcp) throw SimulationError.unknown('a filter chain without HTTP or TCP', `listener ${by.listener}`);
  return forward(snapshot, tcpShares(tcp, by.listener), { kind: 'forward', by, mirrors: [] });
}

function filterOf<T>(chain: FilterChain, type: string): T | undefined {
  const config = chain.filters?.find(({ typed_config: any }) => any?.['@type'].endsWith(`.${type}`))?.typed_config;
  return config as T | undefined;
}

function tcpShares(tcp: TcpProxy, where: string): { cluster: string; share: number }[] {
  const { cluster, weighted_clusters: weighted } = tcp;
  return sharesOf({ cluster, weighted_clusters: weighted as envoy.config.route.v3.WeightedCluster | undefined }, where);
}

function simulateHttp(
  snapshot: Snapshot,
  hcm: HttpConnectionManager,
  request: GuardedRequest,
  listened: { listener: string },
): Answer {
  const routesName = hcm.scoped_routes ? scopedRouteName(snapshot, hcm, request.authority) : hcm.rds?.route_config_name;
  const routes = hcm.route_config ?? named<RouteConfiguration>(snapshot.routes, routesName ?? '');
  if (!routes) return { kind: 'refusal', status: 404, why: `routes ${routesName} do not exist` };
  const routed = { ...routedRequest(request), metadata: request.metadata };
  const virtualHost = findVirtualHost(routes, routed.authority);
  if (!virtualHost)
    return { kind: 'refusal', status: 404, why: `no virtual host of ${routes.name} is for ${routed.authority}` };
  const by = { ...listened, routes: routes.name, virtualHost: virtualHost.name };
  if (virtualHost.require_tls === 'ALL' && routed.scheme === 'http') {
    // Unlike a route's redirect, this one keeps the port as it is.
    return { kind: 'redirect', by, status: 301, location: `https://${routed.authority}${routed.path}` };
  }
  const route = findRoute(virtualHost.routes ?? [], routed);
  if (!route) return { kind: 'refusal', status: 404, why: `no route of virtual host ${virtualHost.name} matches` };
  const decided = { ...by, route: route.name };
  const match = route.match ?? {};
  if (route.redirect) return { kind: 'redirect', by: decided, ...redirectOf(match, route.redirect, routed) };
  if (route.direct_response) {
    const { status = 200, body } = route.direct_response;
    const bytes = body?.inline_bytes && Buffer.from(body.inline_bytes, 'base64').toString('utf8');
    return { kind: 'response', by: decided, status, body: body?.inline_string ?? bytes ?? '' };
  }
  const { answer, faults } = filtered(route, routed);
  if (answer) return { ...answer, by: decided };
  if (!route.route) throw SimulationError.unknown('a route without an action', `virtual host ${virtualHost.name}`);
  const notFound = route.route.cluster_not_found_response_code === 'INTERNAL_SERVER_ERROR' ? 500 : undefined;
  const forwarded: Unresolved = {
    kind: 'forward',
    by: decided,
    path: rewrittenPath(match, route.route, routed.path),
    authority: route.route.host_rewrite_literal || routed.authority,
    timeout: route.route.timeout,
    mirrors: (route.route.request_mirror_policies ?? []).map(({ cluster = '' }) => cluster),
    ...(faults && { faults }),
  };
  return forward(snapshot, sharesOf(route.route, route.name ?? ''), forwarded, notFound);
}

function named<T>(resources: readonly EnvoyResource[], name: string): T | undefined {
  return resources.find((resource) => resource.name === name)?.message as T | undefined;
}

export function routedRequest({ method = 'GET', path = '/', authority, headers = {}, sni }: Request): RoutedRequest {
  const values = new Map<string, string[]>();
  for (const [name, value] of Object.entries(headers)) {
    const key = name.toLowerCase();
    values.set(key, [...(values.get(key) ?? []), ...(typeof value === 'string' ? [value] : value)]);
  }
  return { method, path, authority, headers: values, scheme: sni === undefined ? 'http' : 'https' };
}

/** An address of nobody (RFC 5737). */
const NOBODY = '192.0.2.0';

function callOf(request: Request, isHttp: boolean): Call {
  const { caller = {}, address = '0.0.0.0', port, sni } = request;
  const { method, path, authority, headers } = routedRequest(request);
  const sourceAddress = caller.address ?? NOBODY;
  return {
    peer: caller.peer,
    sourceAddress,
    destinationAddress: address,
    destinationPort: port,
    sni,
    ...(isHttp && { http: { method, path, authority, headers, claims: caller.claims } }),
  };
}

type Unresolved = Omit<Extract<Answer, { kind: 'forward' }>, 'destinations'>;

/** @param notFound the status for a share whose cluster does not exist, where the route says one. */
function forward(
  snapshot: Snapshot,
  shares: { cluster: string; share: number }[],
  rest: Unresolved,
  notFound?: number,
): Answer {
  const destinations: Destination[] = [];
  // A connection that is no HTTP is closed without a word.
  const status = rest.path === undefined ? {} : { status: 503 };
  for (const { cluster: name, share } of shares) {
    const cluster = named<Cluster>(snapshot.clusters, name);
    if (!cluster && (shares.length === 1 || notFound === undefined)) {
      return {
        kind: 'refusal',
        ...status,
        ...(notFound && { status: notFound }),
        why: `cluster ${name} does not exist`,
      };
    }
    if (!cluster) {
      destinations.push({ cluster: name, share, endpoints: [], status: notFound, ...serviceOf(name) });
      continue;
    }
    const endpoints = endpointsOf(snapshot, cluster);
    if (endpoints.length === 0 && findsNoEndpoints(cluster)) {
      if (shares.length === 1) return { kind: 'refusal', ...status, why: `cluster ${name} has no endpoints` };
    }
    destinations.push({ cluster: name, share, endpoints, ...serviceOf(name) });
  }
  return { ...rest, destinations };
}

/** Clusters of the other types find their endpoints by DNS or by the connection. */
function findsNoEndpoints(cluster: Cluster): boolean {
  return cluster.type === undefined || cluster.type === 'STATIC' || cluster.type === 'EDS';
}

function endpointsOf(snapshot: Snapshot, cluster: Cluster): string[] {
  const assignment =
    cluster.load_assignment ??
    named<ClusterLoadAssignment>(snapshot.endpoints, cluster.eds_cluster_config?.service_name || (cluster.name ?? ''));
  return [...(assignment?.endpoints ?? [])]
    .sort((a, b) => (a.priority ?? 0) - (b.priority ?? 0))
    .flatMap(({ lb_endpoints: endpoints }) => endpoints ?? [])
    .filter(({ health_status: health }) => health === undefined || health === 'UNKNOWN' || health === 'HEALTHY')
    .flatMap(({ endpoint }) => {
      const socket = endpoint?.address?.socket_address;
      return socket ? [`${socket.address}:${socket.port_value}`] : [];
    });
}

/** `outbound|9080|v1|reviews.shop.svc.cluster.local`. */
function serviceOf(cluster: string): Pick<Destination, 'service'> {
  const [direction, port, subset, host] = cluster.split('|');
  return direction === 'outbound' && host ? { service: { host, subset: subset ?? '', port: Number(port) } } : {};
}
