/** Which outbound clusters there are, and what each of them stands for. */
import type { DestinationRule } from '../api';
import type { EnvoyResource } from '../envoy/resource';
import { type Endpoint, endpointsOf, keyOf, type Service, type ServicePort, selects, type WorldView } from '../world';
import type { ClientView } from './client-view';
import { isPassthrough } from './load-balancing';
import { arranged, byLocality, countsFor, type EndpointGroup, type Nearness, nearnessOf, type Place } from './locality';
import { type Evaluation, FAILED, type Query } from './memo';
import { type EffectivePolicy, effectivePolicy, subsetsOf } from './traffic-policy';

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
  /** How near endpoints go first, and to whom; undefined where it makes no difference. */
  readonly near?: { readonly nearness: Nearness; readonly place: Place };
  /** The only Node whose endpoints are used. */
  readonly node?: string;
}

/** Which cluster a client means; who it is decides which service and which rules these names lead to. */
export interface ClientTarget {
  readonly view: ClientView;
  readonly hostname: string;
  readonly port: number;
  readonly subset: string;
}

/** A target by names that mean the same for all clients: what is made of it is shared by every namespace. */
export interface SharedTarget {
  readonly redirected: boolean;
  readonly serviceKey: string;
  readonly port: number;
  readonly subset: string;
  readonly rules: readonly { readonly namespace: string; readonly name: string }[];
  /** Only where it makes a difference. */
  readonly place?: Place;
}

/** The clusters of all services that the clients see. */
export function clientTargets(evaluation: Evaluation, view: ClientView): ClientTarget[] {
  return evaluation.visibleServices(view.viewer).flatMap(({ hostname, ports }) => {
    const subsets = subsetsOf(evaluation.destinationRules(view.viewer, hostname));
    return ports
      .filter(({ protocol }) => protocol !== 'UDP')
      .flatMap(({ number: port }) =>
        ['', ...subsets.map(({ name }) => name)].map((subset) => ({ view, hostname, port, subset })),
      );
  });
}

type MaybeResource = EnvoyResource | typeof FAILED | undefined;

/** A query about what clients mean, answered by one that is shared where they mean the same. */
export function sharedQuery(
  name: string,
  translate: (evaluation: Evaluation, target: OutboundTarget) => MaybeResource,
): Query<ClientTarget, EnvoyResource | undefined> {
  const shared: Query<SharedTarget, MaybeResource> = {
    name: `shared ${name}`,
    compute: (evaluation, args) => {
      const target = resolve(evaluation, args);
      return target && translate(evaluation, target);
    },
  };
  return {
    name,
    compute: (evaluation, target) => {
      const args = shareable(evaluation, target);
      if (!args) return undefined;
      const resource = evaluation.derive(shared, JSON.stringify(Object.values(args)), args);
      return resource === FAILED ? (evaluation.previous as EnvoyResource | undefined) : resource;
    },
  };
}

/** The key under which the answer to a client's query is remembered. */
export function clientTargetKey({ view, hostname, port, subset }: ClientTarget): string {
  return keyOf(view.clusterKey, hostname, port, subset);
}

function shareable(world: WorldView, { view, hostname, port, subset }: ClientTarget): SharedTarget | undefined {
  const service = world.service(view.viewer, hostname);
  if (!service) return undefined;
  const rules = world.destinationRules(view.viewer, hostname);
  return {
    redirected: view.type === 'sidecar' && view.capture === 'REDIRECT',
    serviceKey: service.key,
    port,
    subset,
    rules: rules.map(({ metadata: { namespace = 'default', name } }) => ({ namespace, name })),
    ...placeThatCounts(world, view.place, service, effectivePolicy(rules, port, subset)),
  };
}

function placeThatCounts(world: WorldView, place: Place, service: Service, policy: EffectivePolicy): { place?: Place } {
  const nearness = nearnessOf(world.meshConfig(), policy, service);
  const isNear = countsFor(nearness, place);
  if (!isNear && !service.nodeLocal) return {};
  return {
    place: {
      locality: isNear ? place.locality : '',
      labels: isNear && nearness?.failoverPriority?.length ? place.labels : {},
      node: service.nodeLocal ? place.node : '',
    },
  };
}

function resolve(
  world: WorldView,
  { redirected, serviceKey, port, subset, rules, place }: SharedTarget,
): OutboundTarget | undefined {
  const service = world.serviceByKey(serviceKey);
  const servicePort = service?.ports.find(({ number }) => number === port);
  if (!service || !servicePort) return undefined;
  const found = rules
    .map(({ namespace, name }) => world.destinationRule(namespace, name))
    .filter((rule) => rule !== undefined);
  const target = { redirected, service, port: servicePort, subset, rules: found };
  if (!place) return target;
  const nearness = nearnessOf(world.meshConfig(), effectivePolicy(found, port, subset), service);
  return {
    ...target,
    ...(nearness && { near: { nearness, place } }),
    ...(service.nodeLocal && place.node && { node: place.node }),
  };
}

/** Envoy connects to the address that the client chose: for headless services, each Pod is one that clients mean. */
export function isOriginalDestination({ redirected, service, port, subset, rules }: OutboundTarget): boolean {
  if (!redirected) return false;
  if (service.headless || service.resolution === 'NONE') return true;
  return isPassthrough(effectivePolicy(rules, port.number, subset).loadBalancer);
}

/** The endpoints of this cluster come over EDS. */
export function usesEds(target: OutboundTarget): boolean {
  return !isDns(target.service) && !isOriginalDestination(target);
}

export function isDns(service: Service): boolean {
  return service.resolution === 'DNS' || service.resolution === 'DNS_ROUND_ROBIN';
}

/** The target's endpoints, as its clients should use them. */
export function groupsOfTarget(evaluation: Evaluation, target: OutboundTarget): EndpointGroup[] {
  const endpoints = endpointsOfTarget(evaluation, target);
  return target.near ? arranged(endpoints, target.near.nearness, target.near.place) : byLocality(endpoints);
}

/** The endpoints that carry the labels of the target's subset. */
function endpointsOfTarget(evaluation: Evaluation, target: OutboundTarget): Endpoint[] {
  const { service, port, subset, rules, node } = target;
  const all =
    service.registry === 'Kubernetes' && service.externalName
      ? [{ address: service.externalName, port: externalPort(port), labels: {}, locality: '' }]
      : endpointsOf(evaluation, service, port);
  const endpoints = node ? all.filter((endpoint) => endpoint.node === node) : all;
  if (!subset) return endpoints;
  const labels = subsetsOf(rules).find(({ name }) => name === subset)?.labels;
  return endpoints.filter((endpoint) => selects(labels, endpoint.labels));
}

function externalPort(port: ServicePort): number {
  return typeof port.targetPort === 'number' ? port.targetPort : port.number;
}
