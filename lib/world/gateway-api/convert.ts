/** Everything of the Gateway API in one World, as the objects that the translator knows. */
import type { Gateway as IstioGateway, RouteDestination, VirtualService } from '../../api';
import type {
  BackendObjectReference,
  GRPCRoute,
  HTTPRoute,
  ListenerSet,
  ParentReference,
  TCPRoute,
  TLSRoute,
} from '../../api/gateway-api';
import { intersect, serviceHostname } from '../hostname';
import type { Inventory } from '../inventory';
import { nameKey } from '../inventory';
import { type Attachment, attach, type Parents } from './attachment';
import { type BackendPolicies, prepareBackendTls } from './backend-tls';
import { isOurs } from './classes';
import type { Problem } from './conditions';
import { type Converted, type ConvertedHttpRoute, convertedName, convertedVirtualService } from './converted';
import { admits, type PreparedGateway, prepareGateway } from './gateways';
import { Grants } from './grants';
import { convertGrpcRules } from './grpc-route';
import { convertHttpRules } from './http-route';
import { convertConnections } from './l4-route';
import type { Lookup } from './lookup';
import { Remembered } from './remembered';
import { withinQuota } from './route-quota';

export type Route = HTTPRoute | GRPCRoute | TLSRoute | TCPRoute;

export interface ConvertedRoute {
  readonly route: Route;
  readonly attachments: readonly Attachment[];
  /** How many rules it has, and which of them (from 0) are answered with an error for what is not served. */
  readonly rules: number;
  readonly unservedRules: readonly number[];
  readonly unsupported: readonly Problem[];
  readonly unresolved: readonly Problem[];
  readonly virtualServices: readonly Converted<VirtualService>[];
}

export interface Conversion {
  /** Those of our classes, oldest first. */
  readonly gateways: readonly PreparedGateway[];
  /** Of each ListenerSet that names a Gateway of ours: whether that lets it in. */
  readonly listenerSets: ReadonlyMap<ListenerSet, { readonly gateway: PreparedGateway; readonly isAllowed: boolean }>;
  readonly routes: readonly ConvertedRoute[];
  readonly backendTls: BackendPolicies;
  readonly istioGateways: readonly Converted<IstioGateway>[];
  /** Oldest route first. */
  readonly virtualServices: readonly Converted<VirtualService>[];
}

export function convert(inventory: Inventory): Conversion {
  const lookup = lookupIn(inventory);
  const { prepared, listenerSets } = prepareAll(inventory, lookup);
  const gatewaysOfSets = new Map(
    [...listenerSets].map(
      ([{ metadata }, { gateway }]) => [nameKey(metadata.namespace, metadata.name), gateway] as const,
    ),
  );
  const parents: Parents = {
    gateway: (key) => prepared.get(key),
    gatewayOfListenerSet: (key) => gatewaysOfSets.get(key),
    servicePorts: (key) => inventory.services.get(key)?.spec?.ports,
  };
  const gateways = [...prepared.values()];
  const routes = withinQuota(
    inventory.routes.map((route) => convertRoute(inventory, lookup, parents, route)),
    gateways,
  );
  return {
    gateways,
    listenerSets,
    routes,
    backendTls: prepareBackendTls(lookup, inventory.backendTlsPolicies),
    istioGateways: gateways.flatMap(({ listeners }) => listeners.flatMap(({ converted }) => converted ?? [])),
    virtualServices: routes.flatMap(({ virtualServices }) => virtualServices),
  };
}

function lookupIn(inventory: Inventory): Lookup {
  return {
    grants: new Grants(inventory.referenceGrants),
    service: (namespace, name) => inventory.services.get(nameKey(namespace, name)),
    secret: (namespace, name) => inventory.secrets.get(nameKey(namespace, name)),
    configMap: (namespace, name) => inventory.configMaps.get(nameKey(namespace, name)),
    namespace: (name) => inventory.namespaces.get(name),
  };
}

const preparedGateways = new Remembered<PreparedGateway>();

function prepareAll(inventory: Inventory, lookup: Lookup) {
  const prepared = new Map<string, PreparedGateway>();
  const listenerSets = new Map<ListenerSet, { gateway: PreparedGateway; isAllowed: boolean }>();
  for (const gateway of inventory.gatewayApiGateways) {
    if (!isOurs(inventory, gateway.spec.gatewayClassName)) continue;
    const { namespace = 'default', name } = gateway.metadata;
    const sets = inventory.listenerSets.filter((set) => parentOf(set) === `${namespace}/${name}`);
    const { from = 'None', selector } = gateway.spec.allowedListeners?.namespaces ?? {};
    const allowed = sets.filter((set) =>
      admits(from, selector, namespace, set.metadata.namespace ?? 'default', lookup),
    );
    const owners = [gateway, ...allowed];
    const seen = [
      ...allowed,
      ...inventory.namespaces.values(),
      ...owners.flatMap((owner) => referencesOf(inventory, owner.metadata.namespace, [owner.spec, gateway.spec.tls])),
    ];
    const value = preparedGateways.get(gateway, seen, () => prepareGateway(lookup, gateway, allowed));
    prepared.set(`${namespace}/${name}`, value);
    for (const set of sets) listenerSets.set(set, { gateway: value, isAllowed: allowed.includes(set) });
  }
  return { prepared, listenerSets };
}

function parentOf({ metadata, spec: { parentRef } }: ListenerSet): string | undefined {
  const { group = 'gateway.networking.k8s.io', kind = 'Gateway', name, namespace } = parentRef;
  if (group !== 'gateway.networking.k8s.io' || kind !== 'Gateway') return undefined;
  return nameKey(namespace ?? metadata.namespace, name);
}

/** All objects that `value` may refer to by name, and the grants in their namespaces: what a result depends on. */
function referencesOf(inventory: Inventory, own: string | undefined, value: unknown): unknown[] {
  const found: unknown[] = [];
  const visit = (part: unknown) => {
    if (Array.isArray(part)) for (const item of part) visit(item);
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return;
    const { name, namespace = own } = part as { name?: unknown; namespace?: string };
    if (typeof name === 'string') {
      const key = nameKey(namespace, name);
      found.push(inventory.services.get(key), inventory.secrets.get(key), inventory.configMaps.get(key));
      if (namespace !== own) found.push(...(inventory.referenceGrants.get(namespace ?? 'default') ?? []));
    }
    for (const inner of Object.values(part)) if (typeof inner === 'object') visit(inner);
  };
  visit(value);
  return found;
}

const convertedRoutes = new Remembered<ConvertedRoute>();

function convertRoute(inventory: Inventory, lookup: Lookup, parents: Parents, route: Route): ConvertedRoute {
  let names = namesInRoute.get(route);
  if (!names) {
    names = namesIn(route);
    namesInRoute.set(route, names);
  }
  const seen: unknown[] = [];
  for (const key of names.parents) {
    seen.push(parents.gateway(key), parents.gatewayOfListenerSet(key), inventory.services.get(key));
  }
  for (const key of names.backends) seen.push(inventory.services.get(key));
  for (const namespace of names.foreign) seen.push(...(inventory.referenceGrants.get(namespace) ?? []));
  return convertedRoutes.get(route, seen, () => makeRoute(lookup, parents, route));
}

/** By what names a route leads to other objects: one route of thousands has changed, and all are asked what theirs are. */
interface NamesInRoute {
  readonly parents: readonly string[];
  readonly backends: readonly string[];
  /** The other namespaces of backends. */
  readonly foreign: readonly string[];
}

const namesInRoute = new WeakMap<Route, NamesInRoute>();

function namesIn(route: Route): NamesInRoute {
  const own = route.metadata.namespace;
  const backends = backendsOf(route);
  const foreign = backends.flatMap(({ namespace = own }) => (namespace === own ? [] : (namespace ?? 'default')));
  return {
    parents: (route.spec.parentRefs ?? []).map(({ namespace, name }) => nameKey(namespace ?? own, name)),
    backends: [...new Set(backends.map(({ namespace = own, name }) => nameKey(namespace, name)))],
    foreign: [...new Set(foreign)],
  };
}

/** What rules of all kinds of routes, and their backends, have in common. */
interface Sends {
  readonly filters?: readonly { requestMirror?: { backendRef: BackendObjectReference } }[];
  readonly backendRefs?: readonly (BackendObjectReference & Sends)[];
}

function mirrorsOf({ filters = [] }: Sends): BackendObjectReference[] {
  return filters.flatMap(({ requestMirror }) => requestMirror?.backendRef ?? []);
}

export function backendsOf(route: Route): BackendObjectReference[] {
  const rules: readonly Sends[] = route.spec.rules ?? [];
  return rules.flatMap((rule) => [
    ...mirrorsOf(rule),
    ...(rule.backendRefs ?? []).flatMap((backend) => [backend, ...mirrorsOf(backend)]),
  ]);
}

function makeRoute(lookup: Lookup, parents: Parents, route: Route): ConvertedRoute {
  const hostnames = 'hostnames' in route.spec ? route.spec.hostnames : undefined;
  const attachments = (route.spec.parentRefs ?? []).flatMap(
    (parent: ParentReference) => attach(parents, route, hostnames, parent) ?? [],
  );
  if (route.kind === 'HTTPRoute' || route.kind === 'GRPCRoute') {
    const rules =
      route.kind === 'HTTPRoute'
        ? convertHttpRules(lookup, route as HTTPRoute)
        : convertGrpcRules(lookup, route as GRPCRoute);
    const virtualServices = [
      ...atGateways(route, attachments, { hosts: hostnames?.length ? hostnames : ['*'], http: [...rules.http] }),
      ...atServices(route, attachments, rules.http),
    ];
    const { unsupported, unresolved, unservedRules } = rules;
    return { route, attachments, rules: rules.rules, unservedRules, unsupported, unresolved, virtualServices };
  }
  const { route: destinations, unresolved } = convertConnections(lookup, route as TLSRoute | TCPRoute);
  const virtualServices = [
    ...connections(route, attachments, hostnames, destinations),
    ...connectionsOfServices(route, attachments, destinations),
  ];
  const { length: count } = route.spec.rules ?? [];
  return { route, attachments, rules: count, unservedRules: [], unsupported: [], unresolved, virtualServices };
}

/** The gateways' own hosts narrow those of the route, in the translator. */
function atGateways(
  route: Route,
  attachments: readonly Attachment[],
  spec: { hosts: readonly string[]; http: ConvertedHttpRoute[] },
): Converted<VirtualService>[] {
  const gateways = gatewaysOf(attachments);
  if (gateways.length === 0) return [];
  const complete = { ...spec, hosts: [...spec.hosts], gateways } as VirtualService['spec'];
  return [convertedVirtualService(route, convertedName(route), complete)];
}

function gatewaysOf(attachments: readonly Attachment[]): string[] {
  const names = attachments.flatMap(({ listeners }) =>
    listeners.flatMap(({ converted }) =>
      converted ? [`${converted.metadata.namespace}/${converted.metadata.name}`] : [],
    ),
  );
  return [...new Set(names)];
}

/**
 * For clients of a Service: of all namespaces where the route lies beside the Service (it is the producer's), else of
 * the route's own (a consumer's). https://gateway-api.sigs.k8s.io/mesh/
 */
function atServices(
  route: Route,
  attachments: readonly Attachment[],
  http: readonly ConvertedHttpRoute[],
): Converted<VirtualService>[] {
  return attachments.flatMap(({ service }) => {
    if (!service) return [];
    const { port } = service;
    const routes = http.map((each) =>
      port === undefined ? each : { ...each, match: (each.match ?? [{}]).map((match) => ({ ...match, port })) },
    );
    return forClientsOf(route, service, { http: routes as VirtualService['spec']['http'] });
  });
}

/** A TCPRoute of a Service: all connections to the port, or to all of its ports that are not declared as HTTP. */
function connectionsOfServices(
  route: Route,
  attachments: readonly Attachment[],
  destinations: readonly RouteDestination[],
): Converted<VirtualService>[] {
  return attachments.flatMap(({ service }) => {
    if (!service) return [];
    const { port } = service;
    return forClientsOf(route, service, {
      tcp: [{ ...(port !== undefined && { match: [{ port }] }), route: [...destinations] }],
    });
  });
}

function forClientsOf(
  route: Route,
  { namespace, name, port }: NonNullable<Attachment['service']>,
  routes: Pick<VirtualService['spec'], 'http' | 'tcp'>,
): Converted<VirtualService> {
  const isProducer = namespace === (route.metadata.namespace ?? 'default');
  return convertedVirtualService(route, convertedName(route, namespace, name, port), {
    hosts: [serviceHostname(name, namespace)],
    gateways: ['mesh'],
    ...routes,
    exportTo: [isProducer ? '*' : '.'],
  });
}

/** What listeners of TLS take differs (the server names are those that both have), so each gets an object of its own. */
function connections(
  route: Route,
  attachments: readonly Attachment[],
  hostnames: readonly string[] | undefined,
  destinations: readonly RouteDestination[],
): Converted<VirtualService>[] {
  return attachments.flatMap(({ listeners }) =>
    listeners.flatMap(({ listener, converted }) => {
      if (!converted) return [];
      const gateway = converted.metadata.name;
      const own = listener.hostname ?? '*';
      const hosts = hostnames?.length ? [...hostnames] : ['*'];
      const spec: VirtualService['spec'] = { hosts, gateways: [`${converted.metadata.namespace}/${gateway}`] };
      if (listener.protocol === 'TLS' && listener.tls?.mode === 'Passthrough') {
        const sniHosts = hosts.flatMap((host) => intersect(own, host) ?? []);
        spec.tls = [{ match: [{ sniHosts }], route: [...destinations] }];
      } else spec.tcp = [{ route: [...destinations] }];
      return convertedVirtualService(route, convertedName(route, gateway), spec);
    }),
  );
}
