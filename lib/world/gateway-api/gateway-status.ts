/** What is written on Gateways and ListenerSets. */
import type { Gateway, ListenerSet } from '../../api/gateway-api';
import type { Service } from '../../api/kubernetes';
import { type Condition, fails, holds, type Problem, unless } from './conditions';
import type { PreparedGateway, PreparedListener } from './gateways';
import { isValid, type Landing, type ListenerStatus, listenerStatuses } from './listener-status';
import type { Stated, StatedCondition, Transitions } from './transitions';

export interface GatewayAddress {
  readonly type: 'IPAddress' | 'Hostname';
  readonly value: string;
}

export interface GatewayStatus extends Stated {
  readonly addresses: readonly GatewayAddress[];
  readonly attachedListenerSets: number;
  readonly conditions: readonly StatedCondition[];
  readonly listeners: readonly ListenerStatus[];
}

export interface ListenerSetStatus extends Stated {
  readonly conditions: readonly StatedCondition[];
  readonly listeners?: readonly ListenerStatus[];
}

/** `services` are those that lead to the Gateway. */
export function gatewayStatus(
  prepared: PreparedGateway,
  landing: Landing & { readonly services: readonly Service[] },
  transitions: Transitions,
): GatewayStatus {
  const { gateway, listeners } = prepared;
  const addresses = landing.services.flatMap(addressesOf);
  const isAccepted = acceptedOf(gateway, listeners).status === 'True';
  const sets = listeners.filter((each) => each.owner !== gateway && isValid(each)).map(({ owner }) => owner);
  return {
    addresses,
    attachedListenerSets: isAccepted ? new Set(sets).size : 0,
    conditions: transitions.stated(
      conditionsOf(prepared, addresses, landing.notLanded),
      transitions.standing as Stated | undefined,
    ),
    listeners: listenerStatuses(listeners, gateway, landing, transitions),
  };
}

function conditionsOf(
  prepared: PreparedGateway,
  addresses: readonly GatewayAddress[],
  notLanded: Problem | undefined,
): Condition[] {
  const { gateway, listeners } = prepared;
  const accepted = acceptedOf(gateway, listeners);
  const problem = accepted.status === 'True' ? notProgrammed(gateway, listeners, addresses, notLanded) : undefined;
  const conditions = [
    accepted,
    accepted.status === 'True'
      ? unless('Programmed', problem, 'proxies of the Gateway serve it')
      : fails('Programmed', { reason: 'Invalid', message: accepted.message }),
    unless('ResolvedRefs', unresolvedOf(prepared), 'all references lead somewhere'),
  ];
  if (fallsBack(gateway)) {
    const message = 'clients without a valid certificate are let in';
    conditions.push(holds('InsecureFrontendValidationMode', message, 'ConfigurationChanged'));
  }
  return conditions;
}

/** Its own certificate for backends first, then a summary of its listeners (GatewayConditionResolvedRefs). */
function unresolvedOf({ gateway, listeners, backendCertificate }: PreparedGateway): Problem | undefined {
  if (backendCertificate?.problem) return backendCertificate.problem;
  const bad = listeners.filter((each) => each.owner === gateway && each.unresolved);
  if (bad.length === 0) return undefined;
  const message = `see the listeners ${bad.map(({ listener }) => listener.name).join(', ')}`;
  return { reason: 'ListenersNotResolved', message };
}

/** A Gateway stands as long as one of its listeners does; that not all do is said by the reason. */
function acceptedOf(gateway: Gateway, listeners: readonly PreparedListener[]): Condition {
  const unsupported = (gateway.spec.addresses ?? []).find(({ type = 'IPAddress' }) => !ADDRESS_TYPES.includes(type));
  if (unsupported) {
    const message = `addresses of type ${unsupported.type} are not served; IPAddress and Hostname are`;
    return fails('Accepted', { reason: 'UnsupportedAddress', message });
  }
  const bad = listeners.filter((each) => each.owner === gateway && !isValid(each));
  if (bad.length === 0) return holds('Accepted', 'the Gateway is valid');
  const message = `not valid: ${bad.map(({ listener }) => listener.name).join(', ')}`;
  if (listeners.some(isValid)) return holds('Accepted', message, 'ListenersNotValid');
  return fails('Accepted', { reason: 'ListenersNotValid', message });
}

const ADDRESS_TYPES = ['IPAddress', 'Hostname'];

function notProgrammed(
  gateway: Gateway,
  listeners: readonly PreparedListener[],
  addresses: readonly GatewayAddress[],
  notLanded: Problem | undefined,
): Problem | undefined {
  if (!listeners.some(({ converted }) => converted)) return { reason: 'Invalid', message: 'no listener is served' };
  if (addresses.length === 0)
    return { reason: 'AddressNotAssigned', message: 'no Service of the Gateway has an address' };
  const missing = (gateway.spec.addresses ?? []).find(
    ({ value }) => value && !addresses.some((each) => each.value === value),
  );
  if (missing)
    return { reason: 'AddressNotUsable', message: `no Service of the Gateway has the address ${missing.value}` };
  return notLanded;
}

function fallsBack({ spec }: Gateway): boolean {
  const frontend = spec.tls?.frontend;
  const all = [frontend?.default, ...(frontend?.perPort ?? []).map(({ tls }) => tls)];
  return all.some((tls) => tls?.validation?.mode === 'AllowInsecureFallback');
}

/** What clients connect to: the load balancer where there is to be one, else the Service itself. */
function addressesOf({ spec, status }: Service): GatewayAddress[] {
  if (spec?.type === 'LoadBalancer') {
    const { ingress = [] } = (status as ServiceStatus | undefined)?.loadBalancer ?? {};
    return ingress.flatMap(({ ip, hostname }): GatewayAddress[] => {
      if (ip) return [{ type: 'IPAddress', value: ip }];
      return hostname ? [{ type: 'Hostname', value: hostname }] : [];
    });
  }
  const own = spec?.clusterIP;
  return own && own !== 'None' ? [{ type: 'IPAddress', value: own }] : [];
}

interface ServiceStatus {
  readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[] };
}

/** Without listeners where the Gateway does not let it in. */
export function listenerSetStatus(
  set: ListenerSet,
  { gateway, isAllowed }: { readonly gateway: PreparedGateway; readonly isAllowed: boolean },
  landing: Landing,
  transitions: Transitions,
): ListenerSetStatus {
  const previous = transitions.standing as Stated | undefined;
  const own = gateway.listeners.filter(({ owner }) => owner === set);
  const refused = refusal(gateway, own, isAllowed);
  if (refused) {
    const conditions = transitions.stated([fails('Accepted', refused), fails('Programmed', refused)], previous);
    return {
      conditions,
      ...(isAllowed && { listeners: listenerStatuses(gateway.listeners, set, landing, transitions) }),
    };
  }
  const bad = own.filter((each) => !isValid(each)).map(({ listener }) => listener.name);
  const unserved = own.some(({ converted }) => converted)
    ? landing.notLanded
    : { reason: 'Invalid', message: 'no listener is served' };
  const accepted =
    bad.length > 0
      ? holds('Accepted', `not valid: ${bad.join(', ')}`, 'ListenersNotValid')
      : holds('Accepted', 'the listeners are part of the Gateway');
  return {
    conditions: transitions.stated([accepted, unless('Programmed', unserved, 'the listeners are served')], previous),
    listeners: listenerStatuses(gateway.listeners, set, landing, transitions),
  };
}

/** Why nothing of a ListenerSet is served. */
function refusal(
  { gateway, listeners }: PreparedGateway,
  own: readonly PreparedListener[],
  isAllowed: boolean,
): Problem | undefined {
  const name = `Gateway ${gateway.metadata.namespace ?? 'default'}/${gateway.metadata.name}`;
  if (!isAllowed) return { reason: 'NotAllowed', message: `allowedListeners of ${name} do not let it in` };
  if (acceptedOf(gateway, listeners).status !== 'True') {
    return { reason: 'ParentNotAccepted', message: `${name} is not accepted` };
  }
  return own.some(isValid) ? undefined : { reason: 'ListenersNotValid', message: 'none of its listeners is valid' };
}
