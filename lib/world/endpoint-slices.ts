/** What a cluster's endpoint controller does: from a Service's selector and the Pods to EndpointSlices. */
import type { EndpointSlice, Pod, Service, ServicePort, SliceEndpoint } from '../api/kubernetes';
import type { KubeObject } from '../api/object';
import { SERVICE_NAME_LABEL } from './inventory';

/** The Pods of all namespaces, found by one label instead of by looking at each. */
export class PodIndex {
  private readonly byLabel = new Map<string, Pod[]>();

  constructor(pods: Iterable<Pod>) {
    for (const pod of pods) {
      for (const [key, value] of Object.entries(pod.metadata.labels ?? {})) {
        const name = labelKey(pod.metadata.namespace, key, value);
        const list = this.byLabel.get(name);
        if (list) {
          list.push(pod);
        } else {
          this.byLabel.set(name, [pod]);
        }
      }
    }
  }

  /** The Pods of `namespace` that carry all of `labels`; none for an empty selector, as for Services. */
  select(namespace: string | undefined, labels: Record<string, string>): Pod[] {
    const pairs = Object.entries(labels);
    const candidates = pairs
      .map(([key, value]) => this.byLabel.get(labelKey(namespace, key, value)) ?? [])
      .sort((a, b) => a.length - b.length)[0];
    return (candidates ?? []).filter((pod) => pairs.every(([key, value]) => pod.metadata.labels?.[key] === value));
  }
}

function labelKey(namespace: string | undefined, key: string, value: string): string {
  return `${namespace ?? ''}/${key}=${value}`;
}

type SlicePort = NonNullable<EndpointSlice['ports']>[number];

/**
 * The slices of `service`, named `<service>-files`. Pods that resolve a named port to different numbers stand in
 * different slices, as a slice has one list of ports. `zoneOf` tells the zone of a Node.
 */
export function endpointSlices(
  service: Service,
  pods: readonly Pod[],
  zoneOf: (node: string) => string | undefined,
): EndpointSlice[] {
  const groups = new Map<string, { ports: SlicePort[]; pods: Pod[]; family: 'IPv4' | 'IPv6' }>();
  for (const pod of pods) {
    const ip = pod.status?.podIP;
    if (!ip || pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') {
      continue;
    }
    const ports = (service.spec?.ports ?? []).flatMap((port) => slicePort(port, pod));
    const family = ip.includes(':') ? 'IPv6' : 'IPv4';
    const key = JSON.stringify([family, ports]);
    const group = groups.get(key) ?? { ports, pods: [], family };
    group.pods.push(pod);
    groups.set(key, group);
  }
  const sorted = [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
  return sorted.map((group, index) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: index === 0 ? `${service.metadata.name}-files` : `${service.metadata.name}-files-${index + 1}`,
      namespace: service.metadata.namespace,
      labels: {
        [SERVICE_NAME_LABEL]: service.metadata.name,
        'endpointslice.kubernetes.io/managed-by': 'files.malha.dev',
      },
    },
    addressType: group.family,
    ports: group.ports,
    endpoints: group.pods
      .map((pod) => sliceEndpoint(service, pod, zoneOf))
      .sort((a, b) => (a.targetRef!.name! < b.targetRef!.name! ? -1 : 1)),
  }));
}

function slicePort(port: ServicePort, pod: Pod): SlicePort[] {
  const number = targetPortOf(port, pod);
  if (number === undefined) {
    return [];
  }
  return [
    {
      name: port.name ?? '',
      port: number,
      protocol: port.protocol ?? 'TCP',
      ...(port.appProtocol ? { appProtocol: port.appProtocol } : {}),
    },
  ];
}

/** The number that the target port of a Service means at a Pod; undefined when the Pod has no port of that name. */
function targetPortOf(port: ServicePort, pod: Pod): number | undefined {
  if (typeof port.targetPort !== 'string') {
    return port.targetPort || port.port;
  }
  const sidecars = (pod.spec?.initContainers ?? []).filter((container) => container.restartPolicy === 'Always');
  for (const container of [...(pod.spec?.containers ?? []), ...sidecars]) {
    for (const { name, containerPort, protocol } of container.ports ?? []) {
      if (name === port.targetPort && (protocol ?? 'TCP') === (port.protocol ?? 'TCP')) {
        return containerPort;
      }
    }
  }
  return undefined;
}

function sliceEndpoint(service: Service, pod: Pod, zoneOf: (node: string) => string | undefined): SliceEndpoint {
  const { nodeName } = pod.spec ?? {};
  const zone = nodeName ? zoneOf(nodeName) : undefined;
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const serving = isReady(pod);
  const hostname =
    pod.spec?.['subdomain'] === service.metadata.name ? (pod.spec['hostname'] as string | undefined) : undefined;
  return {
    addresses: [pod.status!.podIP!],
    conditions: {
      ready: service.spec?.publishNotReadyAddresses === true || (serving && !terminating),
      serving,
      terminating,
    },
    targetRef: { kind: 'Pod', name: pod.metadata.name, namespace: pod.metadata.namespace },
    ...(hostname ? { hostname } : {}),
    ...(nodeName ? { nodeName } : {}),
    ...(zone ? { zone } : {}),
  };
}

/** A Pod that is written by hand often has an address and no conditions: it counts as ready unless its phase denies it. */
function isReady({ status }: Pod): boolean {
  const condition = status?.conditions?.find(({ type }) => type === 'Ready');
  return condition ? condition.status === 'True' : (status?.phase ?? 'Running') === 'Running';
}

/** The zone of each Node, by its name. */
export function zonesOf(nodes: readonly KubeObject[]): Map<string, string> {
  const zones = new Map<string, string>();
  for (const node of nodes) {
    const zone = node.metadata.labels?.['topology.kubernetes.io/zone'];
    if (zone) {
      zones.set(node.metadata.name, zone);
    }
  }
  return zones;
}
