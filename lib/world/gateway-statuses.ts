/** What is to be written on the objects of the Gateway API in one World, and made for its Gateways. */

import type { Gateway, Listener } from '../api/gateway-api';
import type { KubeObject } from '../api/object';
import { type GatewayApiStatus, type InfrastructureOverlays, type StatusContext, statusesOf } from './gateway-api';
import { gatewayApiTable } from './tables';
import type { World } from './world';

/** @param now RFC 3339, in seconds. */
export function gatewayStatuses(
  world: World,
  now: string,
  context?: StatusContext,
): ReadonlyMap<KubeObject, GatewayApiStatus> {
  return statusesOf(world.inventory, world.read(gatewayApiTable, ''), now, context);
}

/** A Gateway of our classes, with what is served for it: also what ListenerSets add. */
export interface ServedGateway {
  readonly gateway: Gateway;
  readonly listeners: readonly Listener[];
  /** What is laid over the objects that run it; undefined while what it says of that is not valid. */
  readonly overlays?: InfrastructureOverlays;
}

export function servedListeners(world: World): ServedGateway[] {
  return world.read(gatewayApiTable, '').gateways.map(({ gateway, listeners, parameters = { overlays: {} } }) => ({
    gateway,
    listeners: listeners.filter((each) => !each.notAccepted && !each.conflict).map(({ listener }) => listener),
    ...('overlays' in parameters && { overlays: parameters.overlays }),
  }));
}
