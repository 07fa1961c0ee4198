/** What is to be written on the objects of the Gateway API in one World. */
import type { KubeObject } from '../api/object';
import { type GatewayApiStatus, type StatusContext, statusesOf } from './gateway-api';
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
