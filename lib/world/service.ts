/**
 * A service as clients see it: a host name with ports. Made from a Kubernetes Service, or from each host of a
 * ServiceEntry; conversions are memoized by the object's identity, so unchanged objects give identical services.
 */
import type { ServiceEntry } from '../api';
import type { ServicePort as KubePort, Service as KubeService } from '../api/kubernetes';
import type { KubeObject } from '../api/object';
import { isIpAddress, isWildcard, serviceHostname } from './hostname';
import { type Protocol, protocolNamed, selectProtocol } from './protocol';
import { EXPORT_TO_ANNOTATION } from './visibility';

/** How a client's Envoy finds the endpoints of a service. */
export type Resolution =
  /** The control plane lists them. */
  | 'STATIC'
  /** Envoy resolves names and balances over all addresses. */
  | 'DNS'
  /** Envoy resolves a name and takes one address at a time. */
  | 'DNS_ROUND_ROBIN'
  /** Envoy resolves the name that each request or TLS connection asks for, below a wildcard. */
  | 'DYNAMIC_DNS'
  /** The address that the client connected to. */
  | 'NONE';

export interface ServicePort {
  /** Empty where the object has none. */
  readonly name: string;
  readonly number: number;
  readonly protocol: Protocol;
  /** As the object says it; a name refers to a container's port. */
  readonly targetPort?: number | string;
}

export interface Service {
  /** Unique in a World. */
  readonly key: string;
  /** Lower case and complete: `reviews.shop.svc.cluster.local`, `*.example.com`. */
  readonly hostname: string;
  readonly name: string;
  readonly namespace: string;
  readonly registry: 'Kubernetes' | 'ServiceEntry';
  readonly ports: readonly ServicePort[];
  /** Virtual addresses; CIDR blocks only for ServiceEntries. */
  readonly addresses: readonly string[];
  /** A Kubernetes Service without a virtual address: clients connect to the endpoints' own addresses. */
  readonly headless: boolean;
  readonly resolution: Resolution;
  /** Not of the mesh. */
  readonly external?: boolean;
  /** The name that `resolution: DNS` asks for, when it is not the endpoints' own. */
  readonly externalName?: string;
  /** Clients go to what is near to them as long as it works. */
  readonly prefersClose?: boolean;
  /** Clients go to endpoints on their own Node only. */
  readonly nodeLocal?: boolean;
  readonly exportTo?: readonly string[];
  /** Picks the Pods behind the service. Absent: endpoints are listed by someone else. */
  readonly selector?: Readonly<Record<string, string>>;
  readonly object: KubeObject;
}

const services = new WeakMap<KubeObject, readonly Service[]>();

/** The service that a Kubernetes Service declares. */
export function fromKubernetes(object: KubeService): Service {
  return memoized(object, () => [convertKubernetes(object)])[0]!;
}

/** The services that a ServiceEntry declares, one per host. */
export function fromServiceEntry(object: ServiceEntry): readonly Service[] {
  return memoized(object, () => convertServiceEntry(object));
}

function memoized(object: KubeObject, convert: () => Service[]): readonly Service[] {
  let converted = services.get(object);
  if (!converted) {
    converted = convert();
    services.set(object, converted);
  }
  return converted;
}

function convertKubernetes(object: KubeService): Service {
  const { name, namespace = 'default', annotations } = object.metadata;
  const spec = object.spec ?? {};
  const external = spec.type === 'ExternalName' && spec.externalName ? spec.externalName.toLowerCase() : undefined;
  const addresses = (spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP]).filter(
    (ip): ip is string => ip !== undefined && isIpAddress(ip),
  );
  const hasSelector = spec.selector !== undefined && Object.keys(spec.selector).length > 0;
  return {
    key: `Kubernetes/${namespace}/${name}`,
    hostname: serviceHostname(name, namespace).toLowerCase(),
    name,
    namespace,
    registry: 'Kubernetes',
    ports: (spec.ports ?? []).map(convertPort).sort((a, b) => a.number - b.number),
    addresses,
    headless: !external && addresses.length === 0,
    resolution: external ? 'DNS' : 'STATIC',
    external: external !== undefined,
    externalName: external,
    prefersClose: isClose(spec.trafficDistribution ?? annotations?.[TRAFFIC_DISTRIBUTION_ANNOTATION]),
    nodeLocal: spec.internalTrafficPolicy === 'Local',
    exportTo: annotations?.[EXPORT_TO_ANNOTATION]?.split(',').map((target) => target.trim()),
    selector: hasSelector ? spec.selector : undefined,
    object,
  };
}

/** Istio's form of `spec.trafficDistribution`, for clusters that do not have it. */
const TRAFFIC_DISTRIBUTION_ANNOTATION = 'networking.istio.io/traffic-distribution';

function isClose(distribution: string | undefined): boolean {
  return distribution !== undefined && /^Prefer(Close|SameZone|SameNode)$/i.test(distribution);
}

function convertPort(port: KubePort): ServicePort {
  return {
    name: port.name ?? '',
    number: port.port,
    protocol: selectProtocol({ ...port, number: port.port }),
    targetPort: port.targetPort,
  };
}

function convertServiceEntry(object: ServiceEntry): Service[] {
  const { name, namespace = 'default' } = object.metadata;
  const { spec } = object;
  const ports = (spec.ports ?? [])
    .map((port) => ({
      name: port.name,
      number: port.number,
      protocol: protocolNamed(port.protocol),
      targetPort: port.targetPort,
    }))
    .sort((a, b) => a.number - b.number);
  const hostnames = [...new Set(spec.hosts.map((host) => host.toLowerCase()))];
  return hostnames.map((hostname) => ({
    key: `ServiceEntry/${namespace}/${name}/${hostname}`,
    hostname,
    name,
    namespace,
    registry: 'ServiceEntry',
    ports,
    addresses: spec.addresses ?? [],
    headless: false,
    resolution: resolutionOf(spec.resolution, hostname),
    external: spec.location !== 'MESH_INTERNAL',
    // Without endpoints, names are resolved by the host itself.
    externalName: spec.endpoints?.length || spec.workloadSelector ? undefined : hostname,
    exportTo: spec.exportTo,
    selector: spec.workloadSelector?.labels,
    object,
  }));
}

function resolutionOf(resolution: string | undefined, hostname: string): Resolution {
  switch (resolution) {
    case 'STATIC':
    case 'DNS':
    case 'DNS_ROUND_ROBIN':
      return resolution;
    case 'DYNAMIC_DNS':
      // A complete name among the wildcards is resolved as it stands.
      return isWildcard(hostname) ? 'DYNAMIC_DNS' : 'DNS';
    default:
      return 'NONE';
  }
}

const narrowed = new WeakMap<Service, Map<string, Service>>();
const whole = new WeakMap<Service, Service>();

/** The service with only those of its ports; identical for the same ports. */
export function withPorts(service: Service, numbers: readonly number[]): Service {
  const all = whole.get(service) ?? service;
  const ports = all.ports.filter(({ number }) => numbers.includes(number));
  if (ports.length === all.ports.length) return all;
  const known = narrowed.get(all) ?? new Map<string, Service>();
  narrowed.set(all, known);
  const key = ports.map(({ number }) => number).join();
  let result = known.get(key);
  if (!result) {
    result = { ...all, ports };
    known.set(key, result);
    whole.set(result, all);
  }
  return result;
}
