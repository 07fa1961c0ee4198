/** Which outbound clusters there are, and what each of them stands for. */
import { type Endpoint, endpointsOf, keyOf, type Service, type ServicePort, selects } from '../world';
import type { ClientView } from './client-view';
import { isPassthrough } from './load-balancing';
import type { Evaluation } from './memo';
import { effectivePolicy, subsetsOf } from './traffic-policy';

/** One outbound cluster, by nothing but names: what a memorable computation may be told. */
export interface TargetName {
  readonly view: ClientView;
  readonly hostname: string;
  readonly port: number;
  readonly subset: string;
}

/** One outbound cluster, as clients of one kind see it now. */
export interface OutboundTarget {
  readonly view: ClientView;
  readonly service: Service;
  readonly port: ServicePort;
  /** Empty for the service as a whole. */
  readonly subset: string;
}

/** The name of a target, and the key under which what is made of it is remembered. */
export function nameOf({ view, service, port, subset }: OutboundTarget): { key: string; name: TargetName } {
  const name = { view, hostname: service.hostname, port: port.number, subset };
  return { key: keyOf(view.clusterKey, name.hostname, name.port, subset), name };
}

/** What stands behind a name in the World of the evaluation; undefined when it is gone. */
export function targetNamed(evaluation: Evaluation, { view, hostname, port, subset }: TargetName) {
  const service = evaluation.service(view.namespace, hostname);
  const servicePort = service?.ports.find(({ number }) => number === port);
  return service && servicePort && { view, service, port: servicePort, subset };
}

/** The clusters of all services that the clients see. */
export function outboundTargets(evaluation: Evaluation, view: ClientView): OutboundTarget[] {
  return evaluation.visibleServices(view.namespace).flatMap((service) => {
    const subsets = subsetsOf(evaluation.destinationRules(view.namespace, service.hostname));
    return service.ports
      .filter(({ protocol }) => protocol !== 'UDP')
      .flatMap((port) => ['', ...subsets.map(({ name }) => name)].map((subset) => ({ view, service, port, subset })));
  });
}

/** Envoy connects to the address that the client chose: for headless services, each Pod is one that clients mean. */
export function isOriginalDestination({ view, service }: OutboundTarget, passthrough: boolean): boolean {
  // Without redirection there is no original destination.
  if (view.type !== 'sidecar' || view.capture !== 'REDIRECT') return false;
  return service.headless || service.resolution === 'NONE' || passthrough;
}

/** The endpoints of this cluster come over EDS. */
export function usesEds(evaluation: Evaluation, target: OutboundTarget): boolean {
  const { view, service, port, subset } = target;
  const rules = evaluation.destinationRules(view.namespace, service.hostname);
  const { loadBalancer } = effectivePolicy(rules, port.number, subset);
  return !isDns(service) && !isOriginalDestination(target, isPassthrough(loadBalancer));
}

export function isDns(service: Service): boolean {
  return service.resolution === 'DNS' || service.resolution === 'DNS_ROUND_ROBIN';
}

/** The endpoints that carry the labels of the target's subset. */
export function endpointsOfTarget(evaluation: Evaluation, target: OutboundTarget): Endpoint[] {
  const { view, service, port, subset } = target;
  const endpoints =
    service.registry === 'Kubernetes' && service.externalName
      ? [{ address: service.externalName, port: externalPort(port), labels: {}, locality: '' }]
      : endpointsOf(evaluation, service, port);
  if (!subset) return endpoints;
  const rules = evaluation.destinationRules(view.namespace, service.hostname);
  const labels = subsetsOf(rules).find(({ name }) => name === subset)?.labels;
  return endpoints.filter((endpoint) => selects(labels, endpoint.labels));
}

function externalPort(port: ServicePort): number {
  return typeof port.targetPort === 'number' ? port.targetPort : port.number;
}
