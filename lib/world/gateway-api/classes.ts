/** Which Gateways are ours: those of a GatewayClass that names this controller. */
import type { Inventory } from '../inventory';

/** `spec.controllerName` of our GatewayClasses. */
export const GATEWAY_CONTROLLER = 'malha.dev/gateway-controller';

/** The GatewayClass that the control plane brings along; files need not say so. */
export const GATEWAY_CLASS = 'malha';

export function isOurs(inventory: Pick<Inventory, 'gatewayClasses'>, className: string): boolean {
  const object = inventory.gatewayClasses.get(className);
  return object ? object.spec.controllerName === GATEWAY_CONTROLLER : className === GATEWAY_CLASS;
}
