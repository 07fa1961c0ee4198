/** What distinguishes gateways: which Gateways select them, and where their ports are. */
import type { Labels, Proxy, WorldView } from '../world';
import { type ClientView, clientViewOf } from './client-view';
import { type GatewayPort, type GatewayPortMap, gatewayPortMapOf, gatewayPorts } from './gateway-servers';
import type { Evaluation, Query } from './memo';

export interface GatewayView {
  readonly client: ClientView;
  readonly namespace: string;
  readonly ports: readonly GatewayPort[];
}

/** What is known of a gateway before any Gateway is looked at. */
export interface GatewayProxy {
  /** Two gateways with equal keys are interchangeable. */
  readonly key: string;
  readonly client: ClientView;
  readonly labels: Labels;
  readonly map: GatewayPortMap;
}

export function gatewayProxyOf(world: WorldView, proxy: Proxy): GatewayProxy {
  const client = clientViewOf(world, proxy);
  const map = gatewayPortMapOf(world, proxy);
  return { key: `${client.key}|${map.key}`, client, labels: proxy.labels, map };
}

/** The merged servers; a new view only when a Gateway that selects the proxy has changed. */
export function gatewayViewOf(evaluation: Evaluation, proxy: GatewayProxy): GatewayView {
  return evaluation.derive(gatewayViewQuery, proxy.key, proxy);
}

const gatewayViewQuery: Query<GatewayProxy, GatewayView> = {
  name: 'gateway view',
  compute: (evaluation, { client, labels, map }) => ({
    client,
    namespace: client.namespace,
    ports: gatewayPorts(evaluation.gateways(labels), map),
  }),
};
