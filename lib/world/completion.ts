/**
 * What manifests lack and a cluster would have added: Pods, their addresses, cluster IPs, and EndpointSlices.
 * Made up in a way that depends on nothing but the objects (docs/adr/006). What the objects do say is kept.
 */
import type {
  ContainerPort,
  EndpointSlice,
  Service as KubeService,
  Pod,
  ServicePort,
  SliceEndpoint,
  WorkloadController,
} from '../api/kubernetes';
import { groupOf, type KubeObject } from '../api/object';
import { originOf, withOrigin } from '../api/origin';
import { type AddressRanges, assignAddresses, DEFAULT_RANGES } from './addresses';
import { compareText } from './age';
import { nameKey, SERVICE_NAME_LABEL } from './inventory';
import { selects } from './labels';

const CONTROLLERS = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet']);
const ZONE_LABEL = 'topology.kubernetes.io/zone';

/**
 * The objects, completed; those that lack nothing are the same values.
 *
 * - one Pod per Deployment, StatefulSet, DaemonSet and ReplicaSet, with the workload's own name, unless it has no
 *   replicas or the objects hold Pods that its selector picks;
 * - an address for each Pod without one, and `Ready` for each Pod without a status;
 * - a cluster IP for each Service without one, but for headless and ExternalName;
 * - a slice `<service>-files` for each Service with a selector that has no slice.
 *
 * @throws when a range is not one, or is full.
 */
export function complete(objects: Iterable<KubeObject>, ranges: AddressRanges = DEFAULT_RANGES): KubeObject[] {
  const given = [...objects];
  const pods = completePods(given, ranges);
  const services = completeServices(given, ranges);
  const completed = given
    .filter((object) => !isPod(object))
    .map((object) => (isService(object) ? services.get(keyOf(object))! : object));
  return [...completed, ...pods.values(), ...slices(given, [...services.values()], [...pods.values()])];
}

function completePods(given: readonly KubeObject[], ranges: AddressRanges): Map<string, Pod> {
  const pods = new Map<string, Pod>();
  for (const object of given) if (isPod(object)) pods.set(keyOf(object), object);
  const written = [...pods.values()];
  for (const object of given) {
    if (!isController(object) || object.spec?.replicas === 0 || pods.has(keyOf(object))) continue;
    if (written.some((pod) => owns(object, pod))) continue;
    pods.set(keyOf(object), podOf(object));
  }
  const lacking = [...pods].filter(([, pod]) => !pod.status?.podIP);
  const addresses = assignAddresses(
    lacking.filter(([, pod]) => !pod.spec?.hostNetwork).map(([key]) => key),
    ranges.pods,
    [...pods.values()].flatMap(({ status }) => status?.podIP ?? []),
  );
  for (const [key, pod] of lacking) {
    const podIP = addresses.get(key);
    if (podIP) pods.set(key, at(pod, { ...pod, status: { ...(pod.status ?? READY), podIP, podIPs: [{ ip: podIP }] } }));
  }
  return new Map([...pods].sort(([a], [b]) => compareText(a, b)));
}

const READY = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };

function owns(controller: WorkloadController, pod: Pod): boolean {
  const selector = controller.spec?.selector?.matchLabels;
  return (
    selector !== undefined &&
    nameKey(controller.metadata.namespace, '') === nameKey(pod.metadata.namespace, '') &&
    selects(selector, pod.metadata.labels ?? {})
  );
}

function podOf(controller: WorkloadController): Pod {
  const template = controller.spec?.template;
  const { name, namespace, creationTimestamp } = controller.metadata;
  return at(controller, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...template?.metadata,
      name,
      ...(namespace && { namespace }),
      ...(creationTimestamp && { creationTimestamp }),
    },
    spec: template?.spec ?? { containers: [] },
  });
}

function completeServices(given: readonly KubeObject[], ranges: AddressRanges): Map<string, KubeService> {
  const services = given.filter(isService);
  const lacking = services.filter((service) => service.spec?.type !== 'ExternalName' && !service.spec?.clusterIP);
  const addresses = assignAddresses(
    lacking.map(keyOf),
    ranges.services,
    services.flatMap(({ spec }) => spec?.clusterIP ?? []),
  );
  return new Map(
    services.map((service) => {
      const clusterIP = addresses.get(keyOf(service));
      if (!clusterIP) return [keyOf(service), service];
      return [
        keyOf(service),
        at(service, { ...service, spec: { ...service.spec, clusterIP, clusterIPs: [clusterIP] } }),
      ];
    }),
  );
}

function slices(given: readonly KubeObject[], services: readonly KubeService[], pods: readonly Pod[]): EndpointSlice[] {
  const sliced = new Set<string>();
  const zones = new Map<string, string>();
  for (const object of given) {
    const service = object.metadata.labels?.[SERVICE_NAME_LABEL];
    if (object.kind === 'EndpointSlice' && service) sliced.add(nameKey(object.metadata.namespace, service));
    const zone = object.kind === 'Node' && object.metadata.labels?.[ZONE_LABEL];
    if (zone) zones.set(object.metadata.name, zone);
  }
  const byNamespace = groupByNamespace(pods);
  return services
    .filter((service) => Object.keys(service.spec?.selector ?? {}).length > 0 && !sliced.has(keyOf(service)))
    .sort((a, b) => compareText(keyOf(a), keyOf(b)))
    .flatMap((service) => slicesOf(service, byNamespace.get(nameKey(service.metadata.namespace, '')) ?? [], zones));
}

function groupByNamespace(pods: readonly Pod[]): Map<string, Pod[]> {
  const groups = new Map<string, Pod[]>();
  for (const pod of pods) {
    const key = nameKey(pod.metadata.namespace, '');
    const group = groups.get(key);
    if (group) group.push(pod);
    else groups.set(key, [pod]);
  }
  return groups;
}

/** Pods may give one named target port different numbers; as in Kubernetes, each such group has a slice of its own. */
function slicesOf(service: KubeService, pods: readonly Pod[], zones: ReadonlyMap<string, string>): EndpointSlice[] {
  const groups = new Map<string, { ports: NonNullable<EndpointSlice['ports']>; endpoints: SliceEndpoint[] }>();
  for (const pod of pods) {
    const address = pod.status?.podIP;
    if (!address || !selects(service.spec?.selector, pod.metadata.labels ?? {})) continue;
    const ports = (service.spec?.ports ?? []).flatMap((port) => portOf(port, pod));
    const key = JSON.stringify(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    group.endpoints.push(endpointOf(pod, address, zones));
    groups.set(key, group);
  }
  const { name, namespace } = service.metadata;
  const list = groups.size > 0 ? [...groups.values()] : [{ ports: [], endpoints: [] }];
  return list.map(({ ports, endpoints }, index) =>
    at(service, {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: index === 0 ? `${name}-files` : `${name}-files-${index + 1}`,
        ...(namespace && { namespace }),
        labels: { [SERVICE_NAME_LABEL]: name },
      },
      addressType: 'IPv4',
      endpoints,
      ports,
    }),
  );
}

function portOf(port: ServicePort, pod: Pod): NonNullable<EndpointSlice['ports']> {
  const number = targetPort(port, pod);
  if (number === undefined) return [];
  const { name, protocol = 'TCP', appProtocol } = port;
  return [{ ...(name && { name }), port: number, protocol, ...(appProtocol && { appProtocol }) }];
}

/** The container's port behind a Service's port; undefined when a name is not found in the Pod. */
function targetPort({ port, targetPort: target = port, protocol = 'TCP' }: ServicePort, pod: Pod): number | undefined {
  if (typeof target === 'number') return target;
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const named = (each: ContainerPort) => each.name === target && (each.protocol ?? 'TCP') === protocol;
  return containers.flatMap(({ ports }) => ports ?? []).find(named)?.containerPort;
}

function endpointOf(pod: Pod, address: string, zones: ReadonlyMap<string, string>): SliceEndpoint {
  const condition = pod.status?.conditions?.find(({ type }) => type === 'Ready');
  const ready = condition === undefined || condition.status === 'True';
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const zone = pod.spec?.nodeName && zones.get(pod.spec.nodeName);
  const { name, namespace } = pod.metadata;
  return {
    addresses: [address],
    conditions: { ready: ready && !terminating, serving: ready, terminating },
    ...(pod.spec?.nodeName && { nodeName: pod.spec.nodeName }),
    ...(zone && { zone }),
    targetRef: { kind: 'Pod', name, ...(namespace && { namespace }) },
  };
}

function isPod(object: KubeObject): object is Pod {
  return object.kind === 'Pod' && groupOf(object) === '';
}

function isService(object: KubeObject): object is KubeService {
  return object.kind === 'Service' && groupOf(object) === '';
}

function isController(object: KubeObject): object is WorkloadController {
  // A ReplicaSet that belongs to a Deployment comes from an export: its Deployment speaks for it.
  return CONTROLLERS.has(object.kind) && groupOf(object) === 'apps' && !object.metadata.ownerReferences?.length;
}

function keyOf({ metadata }: KubeObject): string {
  return nameKey(metadata.namespace, metadata.name);
}

/** A made-up object is found where the object stands that asked for it. */
function at<T extends KubeObject>(source: KubeObject, made: T): T {
  const origin = originOf(source);
  return origin ? withOrigin(made, origin) : made;
}
