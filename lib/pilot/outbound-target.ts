/** Which outbound clusters there are, and what each of them stands for. */
import type { DestinationRule } from '../api';
import type { EnvoyResource } from '../envoy/resource';
import type { TypeUrl } from '../envoy/type-url';
import {
  type BackendTls,
  type Endpoint,
  endpointsOf,
  type IdentitySource,
  isHttp,
  keyOf,
  type Service,
  type ServicePort,
  selects,
  type WorldView,
} from '../world';
import type { ClientView } from './client-view';
import { isPassthrough } from './load-balancing';
import {
  arranged,
  byLocality,
  countsFor,
  type EndpointGroup,
  isNowhere,
  type Nearness,
  nearnessOf,
  type Place,
} from './locality';
import { type Evaluation, FAILED, type Query } from './memo';
import { outboundClusterName } from './names';
import { credentialsOfRules, effectivePolicy, subsetsOf } from './traffic-policy';

/** What is behind one outbound cluster now. */
export interface OutboundTarget {
  /** The client's connections keep the address that they were meant for. */
  readonly redirected: boolean;
  readonly service: Service;
  readonly port: ServicePort;
  /** Empty for the service as a whole. */
  readonly subset: string;
  /** The DestinationRules that hold for the client, oldest first. */
  readonly rules: readonly DestinationRule[];
  /** Of the port, whatever the subset; looked up when it is first asked for. */
  readonly allEndpoints: () => readonly Endpoint[];
  /** How near endpoints go first, and to whom; undefined where it makes no difference. */
  readonly near?: { readonly nearness: Nearness; readonly place: Place };
  /** The only Node whose endpoints are used. */
  readonly node?: string;
  /** The client may use Secrets of its namespace: a gateway, or a sidecar that a rule with a selector is for. */
  readonly credentialed: boolean;
  /** The TLS that a BackendTLSPolicy asks of this client. */
  readonly backendTls?: BackendTls;
  /** Where the client finds its own certificate; undefined: it has none. */
  readonly identity?: IdentitySource;
  /** The buffer of a connection, in bytes; undefined: Envoy's own. */
  readonly buffer?: number;
}

/** Which service a client means; who it is decides which service and which rules the name leads to. */
export interface ClientService {
  readonly view: ClientView;
  readonly hostname: string;
}

/** A service by names that mean the same for all clients: what is made of it is shared by every namespace. */
interface SharedService {
  readonly redirected: boolean;
  readonly serviceKey: string;
  /** Those that the client sees. */
  readonly ports: readonly number[];
  readonly rules: readonly { readonly namespace: string; readonly name: string }[];
  /** Only where it makes a difference. */
  readonly place?: Place;
  readonly credentialed: boolean;
  /** Only where a BackendTLSPolicy is for one of the ports. */
  readonly backend?: { readonly isGateway: boolean; readonly certificate: string };
  readonly identity?: IdentitySource;
  readonly buffer?: number;
}

/** A resource, or the name of one that could not be made. */
type Made = EnvoyResource | { readonly failed: string };

/** What makes one resource for each cluster of a service, where the cluster has one. */
export interface TargetTranslation {
  readonly name: string;
  readonly typeUrl: TypeUrl;
  readonly isFor: (target: OutboundTarget) => boolean;
  readonly translate: (evaluation: Evaluation, target: OutboundTarget, name: string) => object;
  /** Default: the names of outbound clusters. */
  readonly nameOf?: typeof outboundClusterName;
}

/**
 * A query for the resources of a service, one for each of its ports and subsets, as a client has them. It is answered by
 * one that all clients share who mean the same by the name.
 */
export function serviceQuery(made: TargetTranslation): Query<ClientService, readonly EnvoyResource[]> {
  const shared: Query<SharedService, readonly Made[]> = {
    name: `shared ${made.name}`,
    compute: (evaluation, service) =>
      targetsOf(evaluation, service)
        .filter(made.isFor)
        .map((target): Made => {
          const { nameOf = outboundClusterName } = made;
          const name = nameOf(target.service.hostname, target.port.number, target.subset);
          const resource = evaluation.attempt(made.typeUrl, name, () => made.translate(evaluation, target, name));
          return resource === FAILED ? { failed: name } : resource;
        }),
  };
  return {
    name: made.name,
    compute: (evaluation, client) => {
      const { key, service } = evaluation.derive(shareableQuery, clientServiceKey(client), client);
      if (!service) return [];
      const resources = evaluation.derive(shared, key, service);
      const previous = (evaluation.previous ?? []) as readonly EnvoyResource[];
      return resources.flatMap((each) =>
        'failed' in each ? (previous.find(({ name }) => name === each.failed) ?? []) : [each],
      );
    },
  };
}

/** The key under which the answer to a client's query is remembered. */
export function clientServiceKey({ view, hostname }: ClientService): string {
  return keyOf(view.clusterKey, hostname);
}

const shareableQuery: Query<ClientService, { key: string; service?: SharedService }> = {
  name: 'shareable service',
  compute: (evaluation, client) => {
    const service = shareable(evaluation, client);
    return { key: service ? JSON.stringify(service) : '', service };
  },
};

function shareable(world: WorldView, { view, hostname }: ClientService): SharedService | undefined {
  const service = world.service(view.viewer, hostname);
  if (!service) return undefined;
  const rules = world.destinationRules(view.viewer, hostname);
  return {
    redirected: view.type === 'sidecar' && view.capture === 'REDIRECT',
    serviceKey: service.key,
    ports: service.ports.map(({ number }) => number),
    rules: rules.map(({ metadata: { namespace = 'default', name } }) => ({ namespace, name })),
    ...placeThatCounts(world, view.place, service, rules),
    credentialed: isCredentialed(view, rules),
    ...(service.ports.some(({ number }) => world.backendTls(service.hostname, number)) && {
      backend: { isGateway: view.type === 'router', certificate: view.backendCertificate },
    }),
    ...(view.identity && { identity: view.identity }),
    ...(view.own.connections.clusterBuffer && { buffer: view.own.connections.clusterBuffer }),
  };
}

/** https://istio.io/latest/docs/reference/config/networking/destination-rule/#ClientTLSSettings on `credentialName` */
export function isCredentialed({ type }: ClientView, rules: readonly DestinationRule[]): boolean {
  return credentialsOfRules(rules).length > 0 && (type === 'router' || rules.some(({ spec }) => spec.workloadSelector));
}

/** The client's place, where any port or subset of the service is balanced by it. */
function placeThatCounts(
  world: WorldView,
  place: Place,
  service: Service,
  rules: readonly DestinationRule[],
): { place?: Place } {
  if (isNowhere(place)) return {};
  const subsets = ['', ...subsetsOf(rules).map(({ name }) => name)];
  const counting = service.ports
    .flatMap(({ number }) => subsets.map((subset) => effectivePolicy(rules, number, subset)))
    .map((policy) => nearnessOf(world.meshConfig(), policy, service))
    .filter((nearness) => countsFor(nearness, place));
  if (counting.length === 0 && !service.nodeLocal) return {};
  return {
    place: {
      locality: counting.length > 0 ? place.locality : '',
      labels: counting.some((nearness) => nearness?.failoverPriority?.length) ? place.labels : {},
      node: service.nodeLocal ? place.node : '',
    },
  };
}

/** The clusters of a service: one for each port, and each subset of it. */
function targetsOf(
  world: WorldView,
  { redirected, serviceKey, ports, rules: names, place, credentialed, backend, identity, buffer }: SharedService,
): OutboundTarget[] {
  const service = world.serviceByKey(serviceKey);
  if (!service) return [];
  const rules = names
    .map(({ namespace, name }) => world.destinationRule(namespace, name))
    .filter((rule) => rule !== undefined);
  const subsets = ['', ...subsetsOf(rules).map(({ name }) => name)];
  const node = place?.node && service.nodeLocal ? { node: place.node } : {};
  return service.ports
    .filter(({ number, protocol }) => protocol !== 'UDP' && ports.includes(number))
    .flatMap((port) => {
      let endpoints: readonly Endpoint[] | undefined;
      const allEndpoints = () => {
        endpoints ??= endpointsOfPort(world, service, port);
        return endpoints;
      };
      const tls = backend && backendTlsOf(world, service, port, backend);
      return subsets.map((subset): OutboundTarget => {
        const nearness = place && nearnessOf(world.meshConfig(), effectivePolicy(rules, port.number, subset), service);
        const near = nearness && place && countsFor(nearness, place) ? { near: { nearness, place } } : {};
        return {
          redirected,
          service,
          port,
          subset,
          rules,
          credentialed,
          identity,
          buffer,
          allEndpoints,
          ...near,
          ...node,
          ...tls,
        };
      });
    });
}

/**
 * Gateways speak TLS to whatever they route to. Of other clients only HTTP is known not to be TLS already, by the
 * application itself.
 */
function backendTlsOf(
  world: WorldView,
  { hostname }: Service,
  { number, protocol }: ServicePort,
  { isGateway, certificate }: NonNullable<SharedService['backend']>,
): { backendTls?: BackendTls } {
  const settings = isGateway || isHttp(protocol) ? world.backendTls(hostname, number) : undefined;
  if (!settings) return {};
  return { backendTls: certificate ? { ...settings, mode: 'MUTUAL', credentialName: certificate } : settings };
}

/** Envoy connects to the address that the client chose: for headless services, each Pod is one that clients mean. */
export function isOriginalDestination({ redirected, service, port, subset, rules }: OutboundTarget): boolean {
  if (!redirected || service.resolution === 'DYNAMIC_DNS') return false;
  if (service.headless || service.resolution === 'NONE') return true;
  return isPassthrough(effectivePolicy(rules, port.number, subset).loadBalancer);
}

/** The endpoints of this cluster come over EDS. */
export function usesEds(target: OutboundTarget): boolean {
  return !isDns(target.service) && !isDynamic(target.service) && !isOriginalDestination(target);
}

export function isDns(service: Service): boolean {
  return service.resolution === 'DNS' || service.resolution === 'DNS_ROUND_ROBIN';
}

/** The endpoint of each request is found by the name that it asks for. */
export function isDynamic(service: Service): boolean {
  return service.resolution === 'DYNAMIC_DNS';
}

/** The target's endpoints, as its clients should use them: those that carry the labels of its subset. */
export function groupsOfTarget(target: OutboundTarget): EndpointGroup[] {
  const { subset, rules, node, near } = target;
  const labels = subset ? subsetsOf(rules).find(({ name }) => name === subset)?.labels : undefined;
  const endpoints = target
    .allEndpoints()
    .filter((endpoint) => (!node || endpoint.node === node) && selects(labels, endpoint.labels));
  return near ? arranged(endpoints, near.nearness, near.place) : byLocality(endpoints);
}

function endpointsOfPort(world: WorldView, service: Service, port: ServicePort): readonly Endpoint[] {
  return service.registry === 'Kubernetes' && service.externalName
    ? [{ address: service.externalName, port: externalPort(port), labels: {}, locality: '' }]
    : endpointsOf(world, service, port);
}

function externalPort(port: ServicePort): number {
  return typeof port.targetPort === 'number' ? port.targetPort : port.number;
}
