/**
 * The endpoints of a service: from EndpointSlices, or from a ServiceEntry and the workloads that it selects. All are of one cluster, which
 * is why `clusterLocal` of `serviceSettings` holds of itself.
 */
import type { ServiceEntry, WorkloadEntrySpec } from '../api';
import type { EndpointConditions, Pod } from '../api/kubernetes';
import { compareText } from './age';
import { type Labels, selects } from './labels';
import { localityOf, normalized } from './locality';
import { modeAt } from './peer-authentication';
import type { Service, ServicePort } from './service';
import type { WorldView } from './view';
import { type WorkloadName, workloadOf } from './workload';
import { identitySourceOf } from './workload-identity';

export interface Endpoint {
  /** An IP address, a DNS name, or `unix:///path`. */
  readonly address: string;
  readonly port: number;
  readonly labels: Labels;
  /** `region/zone/sub-zone`, as far as known; empty parts are unknown. */
  readonly locality: string;
  /** What the endpoint is an instance of, where that is known. */
  readonly workload?: WorkloadName;
  /** Relative to others; absent means 1. */
  readonly weight?: number;
  /** Its own name below that of a headless service. */
  readonly hostname?: string;
  /** The Node that it is on, where that is known. */
  readonly node?: string;
  /** Its sidecar takes mutual TLS on this port. */
  readonly mutualTls?: true;
}

/** The endpoints of one port that may get requests now, in a fixed order. */
export function endpointsOf(view: WorldView, service: Service, port: ServicePort): Endpoint[] {
  const endpoints =
    service.registry === 'Kubernetes' ? fromSlices(view, service, port) : fromEntry(view, service, port);
  return endpoints.sort(
    (a, b) => compareText(a.locality, b.locality) || compareText(a.address, b.address) || a.port - b.port,
  );
}

/**
 * One endpoint is one address and port. While it moves from one slice to another it stands in both, perhaps with different
 * conditions (https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#duplicate-endpoints): it is ready when one
 * of them says so, and what tells its Pod counts before what does not; else the first in order of the slices' names.
 */
class EndpointSet {
  private readonly byKey = new Map<string, Endpoint>();

  add(endpoint: Endpoint): void {
    const key = `${endpoint.address} ${endpoint.port}`;
    const before = this.byKey.get(key);
    if (!before || (!before.workload && endpoint.workload)) this.byKey.set(key, endpoint);
  }

  get values(): Endpoint[] {
    return [...this.byKey.values()];
  }
}

function fromSlices(view: WorldView, service: Service, port: ServicePort): Endpoint[] {
  const ready = new EndpointSet();
  const draining = new EndpointSet();
  for (const slice of view.slices(service.namespace, service.name)) {
    // Envoy takes endpoints by address alone, and refuses the whole assignment for one name; kube-proxy skips these too.
    if (slice.addressType === 'FQDN') continue;
    const slicePort = slice.ports?.find((candidate) => (candidate.name ?? '') === port.name);
    if (!slicePort?.port) continue;
    for (const { addresses, conditions = {}, targetRef, zone, nodeName, hostname } of slice.endpoints ?? []) {
      const address = addresses?.[0];
      if (address === undefined) continue;
      const target = isReady(conditions) ? ready : conditions.serving && conditions.terminating ? draining : undefined;
      if (!target) continue;
      const pod =
        targetRef?.kind === 'Pod' && targetRef.name
          ? view.pod(targetRef.namespace ?? service.namespace, targetRef.name)
          : undefined;
      target.add({
        address,
        port: slicePort.port,
        labels: pod?.metadata.labels ?? {},
        locality: localityOf(view, pod, { node: nodeName, zone }),
        node: pod?.spec?.nodeName ?? nodeName,
        ...(hostname && { hostname }),
        ...(pod && { workload: workloadOf(pod), ...mutualTlsOfPod(view, pod, slicePort.port) }),
      });
    }
  }
  // As kube-proxy does: when all endpoints are going away, those that still answer are better than none.
  return ready.values.length > 0 ? ready.values : draining.values;
}

/** An absent condition means ready (API reference of EndpointSlice). */
function isReady(conditions: EndpointConditions): boolean {
  return conditions.ready !== false;
}

function fromEntry(view: WorldView, service: Service, port: ServicePort): Endpoint[] {
  const { spec } = service.object as ServiceEntry;
  if (service.selector) return fromSelector(view, service, port);
  if (spec.endpoints?.length) return spec.endpoints.map((entry) => fromWorkload(view, service, entry, port));
  const isDns = service.resolution === 'DNS' || service.resolution === 'DNS_ROUND_ROBIN';
  return isDns && service.externalName ? [fromWorkload(view, service, { address: service.externalName }, port)] : [];
}

function fromSelector(view: WorldView, service: Service, port: ServicePort): Endpoint[] {
  const endpoints = new EndpointSet();
  for (const { metadata, spec } of view.workloadEntries(service.namespace)) {
    if (!selects(service.selector, spec.labels ?? {})) continue;
    const workload = { name: metadata.name, namespace: service.namespace };
    endpoints.add({ ...fromWorkload(view, service, spec, port), workload });
  }
  for (const pod of view.pods(service.namespace)) {
    const { labels = {} } = pod.metadata;
    const address = pod.status?.podIP;
    if (!address || !selects(service.selector, labels) || !isPodReady(pod)) continue;
    endpoints.add({
      address,
      port: targetPortOf(port),
      labels,
      locality: localityOf(view, pod),
      node: pod.spec?.nodeName,
      workload: workloadOf(pod),
      ...mutualTlsOfPod(view, pod, targetPortOf(port)),
    });
  }
  return endpoints.values;
}

function fromWorkload(
  view: WorldView,
  { namespace }: Service,
  entry: WorkloadEntrySpec,
  servicePort: ServicePort,
): Endpoint {
  const { address = '', labels = {} } = entry;
  const port = entry.ports?.[servicePort.name] ?? targetPortOf(servicePort);
  return {
    address,
    port,
    labels,
    locality: normalized(entry.locality ?? ''),
    weight: entry.weight,
    ...(entry.serviceAccount && mutualTlsAt(view, namespace, labels, port)),
  };
}

function targetPortOf(port: ServicePort): number {
  return typeof port.targetPort === 'number' ? port.targetPort : port.number;
}

/** By which Pods and WorkloadEntries say that their sidecar takes mutual TLS. */
export const TLS_MODE_LABEL = 'security.istio.io/tlsMode';

function mutualTlsOfPod(view: WorldView, pod: Pod, port: number): Pick<Endpoint, 'mutualTls'> {
  const { namespace = 'default', labels = {} } = pod.metadata;
  // Without an identity there is no certificate to show, whatever a label says.
  return identitySourceOf(pod) ? mutualTlsAt(view, namespace, labels, port) : {};
}

function mutualTlsAt(view: WorldView, namespace: string, labels: Labels, port: number): Pick<Endpoint, 'mutualTls'> {
  if (labels[TLS_MODE_LABEL] !== 'istio') return {};
  const isPlain = view.hasPlainWorkloads() && modeAt(view.mutualTls(namespace, labels), port) === 'DISABLE';
  return isPlain ? {} : { mutualTls: true };
}

/** A Pod from a file has no conditions; it counts as ready. */
function isPodReady(pod: Pod): boolean {
  if (pod.metadata.deletionTimestamp) return false;
  const condition = pod.status?.conditions?.find(({ type }) => type === 'Ready');
  return condition ? condition.status === 'True' : true;
}
