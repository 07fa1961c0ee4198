/** What is written on Gateways and ListenerSets. */
import type { Gateway, ListenerSet } from '../../api/gateway-api';
import type { Service } from '../../api/kubernetes';
import { type Condition, fails, holds, type Problem, unless } from './conditions';
import type { PreparedGateway, PreparedListener } from './gateways';
import { isValid, type Landing, type ListenerStatus, listenerStatuses, notAcceptedOf } from './listener-status';
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

export interface GatewayLanding extends Landing {
  /** Those that lead to the Gateway. */
  readonly services: readonly Service[];
}

export function gatewayStatus(
  prepared: PreparedGateway,
  landing: GatewayLanding,
  transitions: Transitions,
): GatewayStatus {
  const { gateway, listeners } = prepared;
  const addresses = landing.services.flatMap(addressesOf);
  const isAccepted = acceptedOf(prepared).status === 'True';
  const sets = listeners.filter((each) => each.owner !== gateway && !notAcceptedOf(each)).map(({ owner }) => owner);
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
  const accepted = acceptedOf(prepared);
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
function acceptedOf({ gateway, listeners, parameters }: PreparedGateway): Condition {
  if (parameters && 'problem' in parameters) return fails('Accepted', parameters.problem);
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
  const unassigned = (gateway.spec.addresses ?? []).find(
    ({ type = 'IPAddress', value }) => !value && !addresses.some((each) => each.type === type),
  );
  if (unassigned) {
    const message = `no Service of the Gateway has an address of type ${unassigned.type ?? 'IPAddress'}`;
    return { reason: 'AddressNotAssigned', message };
  }
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
  landing: GatewayLanding,
  transitions: Transitions,
): ListenerSetStatus {
  const own = gateway.listeners.filter(({ owner }) => owner === set);
  const conditions = isAllowed
    ? conditionsOfSet(gateway, own, landing)
    : ['Accepted', 'Programmed'].map((type) =>
        fails(type, { reason: 'NotAllowed', message: `allowedListeners of ${described(gateway)} do not let it in` }),
      );
  return {
    conditions: transitions.stated(conditions, transitions.standing as Stated | undefined),
    ...(isAllowed && { listeners: listenerStatuses(gateway.listeners, set, landing, transitions) }),
  };
}

/** A summary of its listeners; beyond them only what is wrong with the whole Gateway (GEP-1713, "ListenerSet Conditions"). */
function conditionsOfSet(prepared: PreparedGateway, own: readonly PreparedListener[], landing: GatewayLanding) {
  if (acceptedOf(prepared).status !== 'True') {
    const message = `${described(prepared)} is not accepted`;
    return [
      fails('Accepted', { reason: 'ParentNotAccepted', message }),
      fails('Programmed', { reason: 'ParentNotProgrammed', message }),
    ];
  }
  const bad = own.filter(notAcceptedOf).map(({ listener }) => listener.name);
  if (bad.length === own.length) {
    const problem = { reason: 'ListenersNotValid', message: `none of its listeners is valid: ${bad.join(', ')}` };
    return [fails('Accepted', problem), fails('Programmed', problem)];
  }
  const message = bad.length > 0 ? `without ${bad.join(', ')}` : 'the listeners are part of the Gateway';
  return [
    holds('Accepted', message),
    unless('Programmed', setNotProgrammed(prepared, own, landing), 'they are served'),
  ];
}

function setNotProgrammed(
  prepared: PreparedGateway,
  own: readonly PreparedListener[],
  { services, notLanded }: GatewayLanding,
): Problem | undefined {
  if (!own.some(({ converted }) => converted)) {
    return { reason: 'ListenersNotValid', message: 'none of its listeners is served' };
  }
  const problem = notProgrammed(prepared.gateway, prepared.listeners, services.flatMap(addressesOf), notLanded);
  return problem && { reason: 'ParentNotProgrammed', message: `${described(prepared)}: ${problem.message}` };
}

function described({ gateway: { metadata } }: PreparedGateway): string {
  return `Gateway ${metadata.namespace ?? 'default'}/${metadata.name}`;
}
