/** What distinguishes gateways: which Gateways select them, and where their ports are. */
import type { Labels, Proxy, WorldView } from '../world';
import { type AuthorizationView, authorizationViewOf } from './authorization';
import { type ClientView, clientViewOf } from './client-view';
import { type GatewayPort, type GatewayPortMap, gatewayPortMapOf, gatewayPorts } from './gateway-servers';
import { type GatewayTopology, gatewayTopologyOf, topologyKey } from './gateway-topology';
import type { Evaluation, Query } from './memo';
import { type RateLimitView, rateLimitViewOf } from './rate-limit';

export interface GatewayView {
  readonly client: ClientView;
  readonly namespace: string;
  readonly ports: readonly GatewayPort[];
  readonly authorization: AuthorizationView;
  readonly rateLimits: RateLimitView;
  readonly topology: GatewayTopology;
}

/** What is known of a gateway before any Gateway is looked at. */
export interface GatewayProxy {
  /** Two gateways with equal keys are interchangeable. */
  readonly key: string;
  readonly client: ClientView;
  readonly labels: Labels;
  readonly map: GatewayPortMap;
  readonly authorization: AuthorizationView;
  readonly rateLimits: RateLimitView;
  readonly topology: GatewayTopology;
}

export function gatewayProxyOf(world: WorldView, proxy: Proxy): GatewayProxy {
  const client = clientViewOf(world, proxy);
  const map = gatewayPortMapOf(world, proxy);
  const authorization = authorizationViewOf(world, proxy, client.viewer);
  const rateLimits = rateLimitViewOf(world, proxy, client.viewer);
  const topology = gatewayTopologyOf(world, proxy);
  const key = `${client.key}|${map.key}|${authorization.key}|${rateLimits.key}|${topologyKey(topology)}`;
  return { key, client, labels: proxy.labels, map, authorization, rateLimits, topology };
}

/** The merged servers; a new view only when a Gateway that selects the proxy has changed. */
export function gatewayViewOf(evaluation: Evaluation, proxy: GatewayProxy): GatewayView {
  return evaluation.derive(gatewayViewQuery, proxy.key, proxy);
}

const gatewayViewQuery: Query<GatewayProxy, GatewayView> = {
  name: 'gateway view',
  compute: (evaluation, { client, labels, map, authorization, rateLimits, topology }) => ({
    client,
    namespace: client.namespace,
    ports: gatewayPorts(evaluation.gateways(client.namespace, labels), map, client.identity !== undefined),
    authorization,
    rateLimits,
    topology,
  }),
};
