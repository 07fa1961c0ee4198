/** Gateways and ListenerSets of our classes: their listeners, and what is wrong with each. */
import type { Gateway as IstioGateway, LabelSelector, Server } from '../../api';
import type { Gateway, Listener, ListenerSet, SecretObjectReference } from '../../api/gateway-api';
import type { KubeObject } from '../../api/object';
import { labelsOfNamespace, selectsNamespace } from '../namespaces';
import { type CheckedReference, checkAuthority, checkCertificate, GATEWAY_CREDENTIAL } from './certificates';
import type { Problem } from './conditions';
import { type Converted, convertedGateway, convertedName } from './converted';
import { conflictsOf } from './listener-conflicts';
import type { Lookup } from './lookup';
import { type Parameters, parametersOf } from './parameters';

/** The label by which the Pods of a Gateway are found; the Gateway API names it. */
export const GATEWAY_NAME_LABEL = 'gateway.networking.k8s.io/gateway-name';

/** The label that tells the class of the Gateway for which an object was made. */
export const GATEWAY_CLASS_LABEL = 'gateway.networking.k8s.io/gateway-class-name';

export interface ListenerPlace {
  /** The Gateway or ListenerSet that has the listener. */
  readonly owner: Gateway | ListenerSet;
  readonly listener: Listener;
}

/** A kind of route, in the Gateway API's own group. */
export type RouteKind = 'HTTPRoute' | 'GRPCRoute' | 'TLSRoute' | 'TCPRoute';

export interface PreparedListener extends ListenerPlace {
  /** The kinds of routes that it takes. */
  readonly kinds: readonly RouteKind[];
  /** Why it is not part of the Gateway at all. */
  readonly notAccepted?: Problem;
  readonly conflict?: Problem;
  /** A reference or route kind that does not hold; the listener may still be served without it. */
  readonly unresolved?: Problem;
  /** What the translator serves; undefined when the listener is not served. */
  readonly converted?: Converted<IstioGateway>;
  /** Whether routes of a namespace may be attached. */
  allows(namespace: string): boolean;
}

export interface PreparedGateway {
  readonly gateway: Gateway;
  /** The Gateway's own first, then those of ListenerSets, oldest first. */
  readonly listeners: readonly PreparedListener[];
  /** The certificate that it shows to backends, where it has one. */
  readonly backendCertificate?: CheckedReference;
  /** What it says of the objects that run it. */
  readonly parameters?: Parameters;
}

const KINDS: Record<string, readonly RouteKind[]> = {
  HTTP: ['HTTPRoute', 'GRPCRoute'],
  HTTPS: ['HTTPRoute', 'GRPCRoute'],
  TLS: ['TLSRoute', 'TCPRoute'],
  TCP: ['TCPRoute'],
};

/** @param sets the ListenerSets that the Gateway lets in, oldest first. */
export function prepareGateway(lookup: Lookup, gateway: Gateway, sets: readonly ListenerSet[]): PreparedGateway {
  const places = [gateway, ...sets].flatMap((owner): ListenerPlace[] =>
    owner.spec.listeners.map((listener) => ({ owner, listener })),
  );
  const conflicts = conflictsOf(places.filter(({ listener }) => KINDS[listener.protocol]));
  const certificate = gateway.spec.tls?.backend?.clientCertificateRef;
  const parameters = parametersOf(gateway, lookup.configMap);
  return {
    gateway,
    listeners: places.map((place) => prepare(lookup, gateway, place, conflicts.get(place))),
    ...(certificate && { backendCertificate: clientCertificate(lookup, gateway, certificate) }),
    ...(parameters && { parameters }),
  };
}

function clientCertificate(lookup: Lookup, gateway: Gateway, reference: SecretObjectReference): CheckedReference {
  const { name, problem } = checkCertificate(lookup, gateway, reference);
  if (!problem) return { name: `${GATEWAY_CREDENTIAL}${name}` };
  if (problem.reason === 'RefNotPermitted') return { problem };
  return { problem: { ...problem, reason: 'InvalidClientCertificateRef' } };
}

function prepare(
  lookup: Lookup,
  gateway: Gateway,
  { owner, listener }: ListenerPlace,
  conflict: Problem | undefined,
): PreparedListener {
  const supported = KINDS[listener.protocol];
  const wanted = listener.allowedRoutes?.kinds;
  const kinds = (wanted?.length ? wanted.map(supportedKind) : (supported ?? [])).filter(
    (kind): kind is RouteKind => kind !== undefined && (supported ?? []).includes(kind),
  );
  const notAccepted = supported
    ? undefined
    : { reason: 'UnsupportedProtocol', message: `${listener.protocol} is not served; HTTP, HTTPS, TLS and TCP are` };
  const badKinds =
    wanted && kinds.length < wanted.length
      ? { reason: 'InvalidRouteKinds', message: `${listener.protocol} listeners take ${(supported ?? []).join(', ')}` }
      : undefined;
  const tls = notAccepted ? {} : tlsOf(lookup, gateway, owner, listener);
  const isServed = !notAccepted && !conflict && tls.served !== false && kinds.length > 0;
  const { namespaces } = listener.allowedRoutes ?? {};
  const own = owner.metadata.namespace ?? 'default';
  return {
    owner,
    listener,
    kinds,
    notAccepted: notAccepted ?? tls.notAccepted,
    conflict,
    unresolved: badKinds ?? tls.unresolved,
    converted: isServed ? convert(gateway, owner, listener, tls.settings) : undefined,
    allows: (namespace) => admits(namespaces?.from ?? 'Same', namespaces?.selector, own, namespace, lookup),
  };
}

function supportedKind({ group = 'gateway.networking.k8s.io', kind }: { group?: string; kind: string }) {
  return group === 'gateway.networking.k8s.io' ? (kind as RouteKind) : undefined;
}

/** Whether objects of `namespace` may be attached to one of `own`. */
export function admits(
  from: string,
  selector: LabelSelector | undefined,
  own: string,
  namespace: string,
  lookup: Lookup,
): boolean {
  if (from === 'All') return true;
  if (from === 'Same') return namespace === own;
  if (from !== 'Selector' || !selector) return false;
  return selectsNamespace(selector, labelsOfNamespace(lookup.namespace(namespace), namespace));
}

interface TlsOutcome {
  readonly settings?: Server['tls'];
  readonly notAccepted?: Problem;
  readonly unresolved?: Problem;
  /** False: without this the listener would be less than what was asked for. */
  readonly served?: boolean;
}

function tlsOf(lookup: Lookup, gateway: Gateway, owner: Gateway | ListenerSet, listener: Listener): TlsOutcome {
  if (listener.protocol !== 'HTTPS' && listener.protocol !== 'TLS') return {};
  const { mode = 'Terminate', certificateRefs = [] } = listener.tls ?? {};
  if (mode === 'Passthrough') {
    if (listener.protocol === 'TLS') return { settings: { mode: 'PASSTHROUGH' } };
    const message = 'HTTPS listeners end TLS themselves; use a TLS listener to pass it through';
    return { served: false, notAccepted: { reason: 'UnsupportedValue', message } };
  }
  const checked = certificateRefs.map((reference) => checkCertificate(lookup, owner, reference));
  const names = checked.flatMap(({ name }) => name ?? []);
  const none = {
    reason: 'InvalidCertificateRef',
    message: 'TLS that ends here needs a certificate in certificateRefs',
  };
  const unresolved = checked.find(({ problem }) => problem)?.problem ?? (names.length === 0 ? none : undefined);
  const clients = clientsOf(lookup, gateway, listener.port);
  if (names.length === 0) return { served: false, unresolved, notAccepted: clients.notAccepted };
  return {
    unresolved: unresolved ?? clients.unresolved,
    notAccepted: clients.notAccepted,
    served: clients.served,
    settings: {
      mode: 'SIMPLE',
      ...credentials(names),
      ...clients.settings,
    },
  };
}

function credentials(names: readonly string[]): Server['tls'] {
  const credentialNames = names.map((name) => `${GATEWAY_CREDENTIAL}${name}`);
  return credentialNames.length === 1 ? { credentialName: credentialNames[0]! } : { credentialNames };
}

/** Whether clients have to show certificates: for the port, or else for the whole Gateway. */
function clientsOf(lookup: Lookup, gateway: Gateway, port: number): TlsOutcome {
  const frontend = gateway.spec.tls?.frontend;
  const perPort = frontend?.perPort?.find((each) => each.port === port);
  const validation = (perPort ? perPort.tls : frontend?.default)?.validation;
  if (!validation) return {};
  const checked = validation.caCertificateRefs.map((reference) => checkAuthority(lookup, gateway, reference));
  const unresolved = checked.find(({ problem }) => problem)?.problem;
  const references = validation.caCertificateRefs.flatMap((reference, i) =>
    checked[i]!.name ? [`${reference.kind}/${checked[i]!.name}`] : [],
  );
  if (references.length === 0) {
    const message = 'no authority for the certificates of clients is valid';
    return { served: false, unresolved, notAccepted: { reason: 'NoValidCACertificate', message } };
  }
  if (validation.mode === 'AllowInsecureFallback') {
    return { unresolved, settings: { mode: 'OPTIONAL_MUTUAL', insecureSkipVerify: true } };
  }
  const mode = 'MUTUAL';
  return { unresolved, settings: { mode, caCertCredentialName: `${GATEWAY_CREDENTIAL}${references.join(',')}` } };
}

function convert(gateway: Gateway, owner: KubeObject, listener: Listener, tls: Server['tls']): Converted<IstioGateway> {
  // ListenerSets lie in other namespaces; names within a Gateway need both.
  const place = owner === gateway ? [] : [owner.metadata.namespace ?? 'default', owner.metadata.name];
  const server: Server = {
    port: { number: listener.port, name: listener.name, protocol: listener.protocol },
    hosts: [`*/${listener.hostname ?? '*'}`],
    ...(tls && { tls }),
  };
  return convertedGateway(gateway, convertedName(gateway, ...place, listener.name), {
    selector: { [GATEWAY_NAME_LABEL]: gateway.metadata.name },
    servers: [server],
  });
}
