/**
 * Files hold what people write; a cluster adds the rest. This makes up what files lack, in a fixed order: namespaces,
 * Pods of workloads, addresses, EndpointSlices. Whatever stands in the files already stays as it is. The result depends
 * on the set of objects only, not on their order, and equal inputs give the very same made-up objects again.
 */
import type { EndpointSlice, Pod, Service, WorkloadController } from '../api/kubernetes';
import { groupOf, type KubeObject, type ObjectMeta, objectKey } from '../api/object';
import { originOf, withOrigin } from '../api/origin';
import { assignAddresses, parseRange } from './addresses';
import { endpointSlices, PodIndex, zonesOf } from './endpoint-slices';
import { SERVICE_NAME_LABEL } from './inventory';

/** From where addresses are taken, as IPv4 blocks. */
export interface AddressRanges {
  /** Default 198.18.0.0/16. */
  pods?: string;
  /** Default 198.19.0.0/16. */
  services?: string;
}

/** Both lie in 198.18.0.0/15, which is set aside for tests of networks (RFC 2544). */
export const DEFAULT_RANGES: Required<AddressRanges> = { pods: '198.18.0.0/16', services: '198.19.0.0/16' };

/** Kinds whose objects belong to no namespace; all others without one are put into `default`, as kubectl does. */
const CLUSTER_SCOPED = new Set([
  'Namespace',
  'Node',
  'PersistentVolume',
  'StorageClass',
  'PriorityClass',
  'ClusterRole',
  'ClusterRoleBinding',
  'CustomResourceDefinition',
  'MutatingWebhookConfiguration',
  'ValidatingWebhookConfiguration',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
  'APIService',
  'IngressClass',
  'RuntimeClass',
  'CSIDriver',
  'CertificateSigningRequest',
  'ClusterTrustBundle',
  'GatewayClass',
]);

/**
 * The objects with what a cluster would have added. Throws only when a range is not one. When a range is used up, the
 * objects that are left get no address.
 */
export function complete(objects: readonly KubeObject[], ranges: AddressRanges = {}): KubeObject[] {
  const podRange = parseRange(ranges.pods ?? DEFAULT_RANGES.pods);
  const serviceRange = parseRange(ranges.services ?? DEFAULT_RANGES.services);
  const all = new Map<string, KubeObject>();
  for (const object of objects.map(inNamespace)) {
    if (!all.has(objectKey(object))) {
      all.set(objectKey(object), object);
    }
  }
  const put = (object: KubeObject) => all.set(objectKey(object), object);
  const given = [...all.values()];

  for (const pod of missingPods(given)) {
    put(pod);
  }
  for (const pod of addressedPods(podsOf(all.values()), podRange)) {
    put(pod);
  }
  for (const service of addressedServices(servicesOf(given), serviceRange)) {
    put(service);
  }
  for (const slice of missingSlices([...all.values()])) {
    if (!all.has(objectKey(slice))) {
      put(slice);
    }
  }
  return [...all.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
}

/** A made-up object is made again only when what it is made from has changed. */
const derived = new WeakMap<object, Map<string, KubeObject>>();

function derive<T extends KubeObject>(source: KubeObject, key: string, make: () => T): T {
  const made = derived.get(source) ?? new Map<string, KubeObject>();
  derived.set(source, made);
  const existing = made.get(key);
  if (existing) {
    return existing as T;
  }
  const object = make();
  const origin = originOf(source);
  // A long-lived process may hand out other ranges; the last answers are enough.
  if (made.size > 8) {
    made.clear();
  }
  made.set(key, object);
  return origin ? withOrigin(object, origin) : object;
}

function inNamespace(object: KubeObject): KubeObject {
  if (object.metadata.namespace || CLUSTER_SCOPED.has(object.kind)) {
    return object;
  }
  return derive(object, 'namespace', () => ({ ...object, metadata: { ...object.metadata, namespace: 'default' } }));
}

function podsOf(objects: Iterable<KubeObject>): Pod[] {
  return [...objects].filter((object) => object.kind === 'Pod' && groupOf(object) === '') as Pod[];
}

function servicesOf(objects: readonly KubeObject[]): Service[] {
  return objects.filter((object) => object.kind === 'Service' && groupOf(object) === '') as Service[];
}

const CONTROLLERS = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet']);

function controllersOf(objects: readonly KubeObject[]): WorkloadController[] {
  return objects.filter((object) => CONTROLLERS.has(object.kind) && groupOf(object) === 'apps') as WorkloadController[];
}

function ownersOf(object: KubeObject): { kind: string; name: string }[] {
  return (object.metadata as ObjectMeta).ownerReferences ?? [];
}

/** One Pod for each workload that has none, named as the workload. */
function missingPods(objects: readonly KubeObject[]): Pod[] {
  const pods = podsOf(objects);
  const index = new PodIndex(pods);
  const owned = new Set(
    pods.flatMap((pod) => ownersOf(pod).map((owner) => `${pod.metadata.namespace}/${owner.kind}/${owner.name}`)),
  );
  return controllersOf(objects).flatMap((controller) => {
    const { name, namespace } = controller.metadata;
    const labels = controller.spec?.selector?.matchLabels ?? {};
    const exists =
      ownersOf(controller).length > 0 ||
      owned.has(`${namespace}/${controller.kind}/${name}`) ||
      index.select(namespace, labels).some((pod) => pod.metadata.name.startsWith(name));
    const wanted = controller.kind === 'DaemonSet' || controller.spec?.replicas !== 0;
    return wanted && !exists && controller.spec?.template ? [derive(controller, 'pod', () => podOf(controller))] : [];
  });
}

function podOf(controller: WorkloadController): Pod {
  const { name, namespace } = controller.metadata;
  const template = controller.spec!.template;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      ...(template.metadata?.labels ? { labels: template.metadata.labels } : {}),
      ...(template.metadata?.annotations ? { annotations: template.metadata.annotations } : {}),
      ownerReferences: [{ apiVersion: controller.apiVersion, kind: controller.kind, name }],
    },
    spec: template.spec,
  };
}

/** The Pods that had no address, with one. */
function addressedPods(pods: readonly Pod[], range: ReturnType<typeof parseRange>): Pod[] {
  const without = pods.filter((pod) => !pod.status?.podIP && !isOver(pod));
  const taken = pods.flatMap((pod) => pod.status?.podIP ?? []);
  const addresses = assignAddresses(without.map(addressName), range, taken);
  return without.flatMap((pod) => {
    const ip = addresses.get(addressName(pod));
    return ip ? [derive(pod, `address ${ip}`, () => runningPod(pod, ip))] : [];
  });
}

function isOver(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

function addressName(object: KubeObject): string {
  return `${object.metadata.namespace}/${object.metadata.name}`;
}

function runningPod(pod: Pod, podIP: string): Pod {
  const conditions = pod.status?.conditions ?? [{ type: 'Ready', status: 'True' }];
  return { ...pod, status: { phase: 'Running', ...pod.status, conditions, podIP, podIPs: [{ ip: podIP }] } };
}

/** The Services that had no address and take one, with it. */
function addressedServices(services: readonly Service[], range: ReturnType<typeof parseRange>): Service[] {
  const without = services.filter((service) => !service.spec?.clusterIP && service.spec?.type !== 'ExternalName');
  const taken = services.flatMap((service) => service.spec?.clusterIP ?? []);
  const addresses = assignAddresses(without.map(addressName), range, taken);
  return without.flatMap((service) => {
    const ip = addresses.get(addressName(service));
    const make = () => ({ ...service, spec: { ...service.spec, clusterIP: ip, clusterIPs: [ip!] } });
    return ip ? [derive(service, `address ${ip}`, make)] : [];
  });
}

/** Slices for each Service with a selector that has none. */
function missingSlices(objects: readonly KubeObject[]): EndpointSlice[] {
  const sliced = new Set(
    objects
      .filter((object) => object.kind === 'EndpointSlice')
      .map((slice) => `${slice.metadata.namespace}/${slice.metadata.labels?.[SERVICE_NAME_LABEL]}`),
  );
  const pods = new PodIndex(podsOf(objects));
  const zones = zonesOf(objects.filter((object) => object.kind === 'Node' && groupOf(object) === ''));
  return servicesOf(objects)
    .filter(
      (service) => service.spec?.selector && service.spec.type !== 'ExternalName' && !sliced.has(addressName(service)),
    )
    .flatMap((service) => {
      const selected = pods.select(service.metadata.namespace, service.spec!.selector!);
      return endpointSlices(service, selected, (node) => zones.get(node)).map((slice) =>
        derive(service, JSON.stringify(slice), () => slice),
      );
    });
}
