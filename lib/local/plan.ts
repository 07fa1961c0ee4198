/**
 * Objects → what runs where on this machine. Pure: the same manifests give the same plan, and it can be printed.
 *
 * A pod is a group of processes with one address. Its proxy is the manifest's own `istio-proxy`, arguments and all; the
 * application is what `malha.dev/run` says, an echo service where nothing is said. Images are never run.
 */
import type { Pod } from '../api/kubernetes';
import type { KubeObject } from '../api/object';
import { CONTROL_PLANE_NAME, isControlPlaneName } from '../api/revisions';
import {
  type Capture,
  type ControlPlaneAddress,
  type PodPlan,
  type Programs,
  planPod,
  podId,
  type Ranges,
  RUN_ANNOTATION,
} from './pod-plan';
import { isRouter, proxyOf, withoutProxy } from './pod-proxy';
import { hasIdentity, podsHere } from './pods-here';
import { type LocalService, servicesOf } from './services';

export interface PlanOptions extends Programs {
  capture: Capture;
  /** Those by which `objects` were completed; the control plane makes up the same addresses from the same files. */
  ranges: Ranges;
  /** False: the applications alone, without proxies, gateways and control plane, to compare with. Default true. */
  mesh?: boolean;
  /** Ids of pods that are not run. Default: none. */
  leaveOut?: readonly string[];
}

export interface GatewayPort {
  /** The id of its pod. */
  pod: string;
  ip: string;
  /** The Service's port: 80, 443. */
  servicePort: number;
  /** Where the pod listens. */
  port: number;
}

export interface MeshPlan {
  capture: Capture;
  ranges: Ranges;
  /** An address of the pods' range that no pod has: that of the bridge between them. */
  bridge: string;
  pods: readonly PodPlan[];
  services: readonly LocalService[];
  gateways: readonly GatewayPort[];
  /** Undefined without a mesh. */
  controlPlane?: ControlPlaneAddress;
  /** What is in the manifests and does not run here, with the reason. */
  notRun: readonly { id: string; reason: string }[];
}

const CONTROL_PLANE = { name: CONTROL_PLANE_NAME, namespace: 'malha-system' };
const XDS_PORT = 15010;
const PORTS = { xdsTlsPort: 15012, httpPort: 15014 };

/**
 * Plans a run of `objects`, which are complete: every workload has its Pods, every Pod and Service an address.
 * @throws when a `malha.dev/run` annotation cannot be understood.
 */
export function planMesh(objects: readonly KubeObject[], options: PlanOptions): MeshPlan {
  const declared = servicesOf(objects);
  const withMesh = options.mesh !== false;
  const pods = podsHere(objects, options.runDir === undefined ? 'none' : 'sds').filter(
    (object): object is Pod => object.kind === 'Pod' && object.apiVersion === 'v1',
  );
  const [bridge, spare] = freeAddresses(options.ranges.pods, pods);
  const { place, builtIn } = controlPlaneOf(pods, declared, spare!);

  const notRun: { id: string; reason: string }[] = [];
  const members = pods.filter((pod) => {
    const leftOut = options.leaveOut?.includes(podId(pod)) ? 'it was left out' : undefined;
    const reason = leftOut ?? reasonNotToRun(pod, withMesh, place);
    if (reason) notRun.push({ id: podId(pod), reason });
    return !reason;
  });
  if (builtIn && withMesh) members.unshift(builtIn);
  const absent = new Set(pods.filter((pod) => !members.includes(pod)).map(({ status }) => status?.podIP));
  const services = declared.map((service) => withoutBackends(service, absent));
  const isPlain = options.runDir === undefined || members.some((pod) => proxyOf(pod) && !hasIdentity(pod));
  const controlPlane = { ...place, xdsPort: isPlain ? XDS_PORT : undefined };
  const context = { ...options, services, controlPlane };
  const plans = members.map((pod) => planPod(withMesh ? pod : withoutProxy(pod), context));
  return {
    capture: options.capture,
    ranges: options.ranges,
    bridge: bridge!,
    pods: plans,
    services,
    gateways: plans.filter(({ role }) => role === 'gateway').flatMap((pod) => gatewayPorts(pod, services)),
    controlPlane: withMesh ? controlPlane : undefined,
    notRun,
  };
}

/** A Pod that does not run is not ready, so its Services do not send to it. */
function withoutBackends(service: LocalService, absent: ReadonlySet<string | undefined>): LocalService {
  const ports = service.ports.map((port) => ({ ...port, backends: port.backends.filter(({ ip }) => !absent.has(ip)) }));
  return { ...service, ports };
}

function gatewayPorts(pod: PodPlan, services: readonly LocalService[]): GatewayPort[] {
  return services
    .flatMap(({ ports }) => ports)
    .flatMap(({ port, backends }) =>
      backends
        .filter(({ ip }) => ip === pod.ip)
        .map((backend) => ({ pod: pod.id, ip: pod.ip, servicePort: port, port: backend.port })),
    );
}

/**
 * The manifests' own control plane; manifests without one (plain Istio objects, say) are served by one all the same.
 * @param address the one that it gets in the latter case.
 */
function controlPlaneOf(
  pods: readonly Pod[],
  services: readonly LocalService[],
  address: string,
): { place: ControlPlaneAddress; builtIn?: Pod } {
  const served = services
    // One serves them all here, whatever its revision.
    .filter(({ name }) => isControlPlaneName(name))
    .sort((a, b) => a.name.length - b.name.length)
    .flatMap(({ ports }) => ports.flatMap(({ backends }) => backends))
    .at(0);
  const pod = served && pods.find(({ status }) => status?.podIP === served.ip);
  if (pod?.metadata.annotations?.[RUN_ANNOTATION] && served) {
    return { place: { pod: podId(pod), address: served.ip, ...PORTS } };
  }
  const run =
    '$(MALHA) control-plane --registry files --files $(MESH_DIR) --http $(POD_IP):15014 ' +
    '--pod-range $(POD_RANGE) --service-range $(SERVICE_RANGE) --insecure';
  const builtIn: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...CONTROL_PLANE, annotations: { [RUN_ANNOTATION]: run } },
    spec: { containers: [{ name: 'control-plane' }] },
    status: { podIP: address },
  };
  return { builtIn, place: { pod: podId(builtIn), address, ...PORTS } };
}

function reasonNotToRun(pod: Pod, withMesh: boolean, controlPlane: ControlPlaneAddress): string | undefined {
  if (pod.metadata.annotations?.[RUN_ANNOTATION]?.trim() === 'none') return `${RUN_ANNOTATION}: none`;
  if (!pod.status?.podIP) return 'it has no address of its own (host network)';
  const proxy = proxyOf(pod);
  const ofMesh = pod.status.podIP === controlPlane.address || (proxy && isRouter(proxy));
  return !withMesh && ofMesh ? 'this run is without mesh' : undefined;
}

/** The first two addresses of a range that no pod has. */
function freeAddresses(cidr: string, pods: readonly Pod[]): string[] {
  const taken = new Set(pods.map(({ status }) => status?.podIP));
  const [a, b, c, d] = cidr.split('/')[0]!.split('.').map(Number);
  const places = Array.from({ length: pods.length + 2 }, (_, i) => d! + 1 + i);
  return places
    .map((place) => `${a}.${b}.${c! + (place >> 8)}.${place & 255}`)
    .filter((address) => !taken.has(address))
    .slice(0, 2);
}
