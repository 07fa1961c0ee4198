/** What is to be written on the objects of the Gateway API, by the documents of its types. */
import type { Gateway, GatewayClass } from '../../api/gateway-api';
import type { Service } from '../../api/kubernetes';
import type { KubeObject } from '../../api/object';
import { type Inventory, nameKey } from '../inventory';
import { GATEWAY_CONTROLLER } from './classes';
import { holds, type Problem, unless } from './conditions';
import type { Conversion } from './convert';
import { SUPPORTED_FEATURES } from './features';
import { type GatewayStatus, gatewayStatus, type ListenerSetStatus, listenerSetStatus } from './gateway-status';
import { GATEWAY_NAME_LABEL } from './gateways';
import { gatewaysOfServices, type PolicyStatus, policyStatus } from './policy-status';
import { attachedRoutes, type RouteStatus, routeStatus } from './route-status';
import { type Stated, Transitions } from './transitions';

export interface GatewayClassStatus extends Stated {
  readonly supportedFeatures: readonly { readonly name: string }[];
}

export type GatewayApiStatus = GatewayClassStatus | GatewayStatus | ListenerSetStatus | RouteStatus | PolicyStatus;

/** What there is to know beside the objects. */
export interface StatusContext {
  /** The status that an object has now. Default: as it is written on it. */
  readonly standing?: (object: KubeObject) => unknown;
  /** Why the proxies of a Gateway do not serve what it says; undefined where they do. Default: they do. */
  readonly notLanded?: (gateway: Gateway) => Problem | undefined;
  /** What a proxy refuses of a route; undefined where none does. Default: none does. */
  readonly refused?: (route: KubeObject) => Problem | undefined;
}

/**
 * The whole status of every object that concerns this controller, with what other controllers have written on it. An
 * object that already has this status needs no write.
 * @param now RFC 3339, in seconds: when conditions that differ from what stands on the object have changed.
 */
export function statusesOf(
  inventory: Inventory,
  conversion: Conversion,
  now: string,
  { standing = ({ status }) => status, notLanded = () => undefined, refused = () => undefined }: StatusContext = {},
): ReadonlyMap<KubeObject, GatewayApiStatus> {
  const statuses = new Map<KubeObject, GatewayApiStatus>();
  const transitionsOf = (object: KubeObject) => new Transitions(object, now, standing(object));
  for (const object of inventory.gatewayClasses.values()) {
    if (object.spec.controllerName === GATEWAY_CONTROLLER)
      statuses.set(object, classStatus(object, transitionsOf(object)));
  }
  const attached = attachedRoutes(conversion.routes);
  const services = servicesOfGateways(inventory);
  const landingOf = (gateway: Gateway) => ({
    services: services.get(nameKey(gateway.metadata.namespace, gateway.metadata.name)) ?? [],
    attached,
    notLanded: notLanded(gateway),
  });
  for (const prepared of conversion.gateways) {
    const { gateway } = prepared;
    statuses.set(gateway, gatewayStatus(prepared, landingOf(gateway), transitionsOf(gateway)));
  }
  for (const [set, place] of conversion.listenerSets) {
    statuses.set(set, listenerSetStatus(set, place, landingOf(place.gateway.gateway), transitionsOf(set)));
  }
  const policies = conversion.backendTls.prepared;
  const gatewaysOf: ReturnType<typeof gatewaysOfServices> =
    policies.length > 0 ? gatewaysOfServices(conversion) : new Map();
  for (const prepared of policies) {
    const status = policyStatus(prepared, gatewaysOf, transitionsOf(prepared.policy));
    if (status) statuses.set(prepared.policy, status);
  }
  for (const converted of conversion.routes) {
    const status = routeStatus(converted, transitionsOf(converted.route), refused(converted.route));
    if (status) statuses.set(converted.route, status);
  }
  return statuses;
}

function classStatus(object: GatewayClass, transitions: Transitions): GatewayClassStatus {
  const problem: Problem | undefined = object.spec.parametersRef && {
    reason: 'InvalidParameters',
    message: 'parametersRef is not served; leave it out',
  };
  const previous = transitions.standing as Stated | undefined;
  const accepted = problem ? unless('Accepted', problem) : holds('Accepted', 'Malha serves Gateways of this class');
  return {
    conditions: transitions.stated([accepted], previous),
    supportedFeatures: SUPPORTED_FEATURES.map((name) => ({ name })),
  };
}

/** By the `namespace/name` of the Gateway: Services that select its Pods. */
function servicesOfGateways({ services }: Inventory): ReadonlyMap<string, Service[]> {
  const found = new Map<string, Service[]>();
  for (const service of services.values()) {
    const gateway = service.spec?.selector?.[GATEWAY_NAME_LABEL];
    if (gateway === undefined) continue;
    const key = nameKey(service.metadata.namespace, gateway);
    found.set(key, [...(found.get(key) ?? []), service]);
  }
  return found;
}
