/** The ports of a workload on which its sidecar takes requests for it. */
import type { Container, Pod } from '../api/kubernetes';
import {
  type MutualTls,
  type Protocol,
  type Proxy,
  type Service,
  selectProtocol,
  type Viewer,
  type WorldView,
} from '../world';
import { type AuthorizationView, authorizationViewOf } from './authorization';
import { type RateLimitView, rateLimitViewOf } from './rate-limit';
import { type IngressSettings, withIngress } from './sidecar-ingress';

/** Ports that belong to the sidecar itself. */
const FIRST_RESERVED = 15000;
const LAST_RESERVED = 15099;

export interface InboundPort extends IngressSettings {
  /** The port at the workload. */
  readonly number: number;
  readonly protocol: Protocol;
  /** The service, and its port, by which clients know this one; absent for a container port of no service. */
  readonly service?: ServiceName;
  readonly servicePort?: number;
}

/** What inbound resources may know of a service: what its key already says. */
export type ServiceName = Pick<Service, 'key' | 'hostname' | 'name' | 'namespace'>;

/** Who gets in, and how often. */
export interface WorkloadSecurity {
  /** Two with equal keys are interchangeable. */
  readonly key: string;
  readonly authorization: AuthorizationView;
  readonly mutualTls: MutualTls;
  readonly rateLimits: RateLimitView;
}

/** What the inbound resources of a workload depend on. */
export interface InboundView {
  readonly key: string;
  readonly ports: readonly InboundPort[];
  readonly security: WorkloadSecurity;
}

/** Sorted by number; of several services on one port, the first by host name counts. */
export function inboundViewOf(world: WorldView, proxy: Proxy, viewer: Viewer): InboundView {
  const ports = new Map<number, InboundPort>();
  if (proxy.type === 'sidecar') {
    const pod = world.pod(proxy.namespace, proxy.name);
    for (const service of world.servicesOfWorkload(proxy.namespace, proxy.labels)) {
      for (const { number: servicePort, protocol, targetPort } of service.ports) {
        const number = resolveTargetPort(targetPort, servicePort, pod);
        if (protocol === 'UDP' || number === undefined || ports.has(number)) continue;
        const { key, hostname, name, namespace } = service;
        ports.set(number, { number, protocol, service: { key, hostname, name, namespace }, servicePort });
      }
    }
    // With explicit capture, a port that the sidecar does not serve cannot be reached at the Pod's address at all.
    if (proxy.capture === 'NONE') {
      for (const { containerPort: number, name, protocol } of containerPorts(pod)) {
        const isReserved = number >= FIRST_RESERVED && number <= LAST_RESERVED;
        if (isReserved || protocol === 'UDP' || ports.has(number)) continue;
        ports.set(number, { number, protocol: selectProtocol({ name, number }) });
      }
    }
  }
  const sidecar = proxy.type === 'sidecar' ? world.sidecar(proxy.namespace, proxy.labels) : undefined;
  const sorted = withIngress(ports, sidecar, proxy).sort((a, b) => a.number - b.number);
  const key = sorted.map(portKey);
  const authorization = authorizationViewOf(world, proxy, viewer);
  const mutualTls = world.mutualTls(proxy.namespace, proxy.labels);
  const rateLimits = rateLimitViewOf(world, proxy, viewer);
  const securityKey = `${authorization.key}|${mutualTls.key}|${rateLimits.key}`;
  const security = { key: securityKey, authorization, mutualTls, rateLimits };
  return { key: `${proxy.namespace}|${key.join(',')}|${security.key}`, ports: sorted, security };
}

/** All of a port, as text. */
export function portKey({ number, protocol, service, servicePort, to, bind, pool, tls }: InboundPort): string {
  const settings = to || bind || pool || tls ? JSON.stringify([to, bind, pool, tls]) : '';
  return [number, protocol, service?.key, servicePort, settings].join('/');
}

/** The number behind `targetPort`: the service's own by default; a name is looked up in the Pod's containers. */
export function resolveTargetPort(
  targetPort: number | string | undefined,
  servicePort: number,
  pod: Pod | undefined,
): number | undefined {
  if (targetPort === undefined) return servicePort;
  if (typeof targetPort === 'number') return targetPort || servicePort;
  if (/^\d+$/.test(targetPort)) return Number(targetPort);
  return containerPorts(pod).find(({ name }) => name === targetPort)?.containerPort;
}

function containerPorts(pod: Pod | undefined) {
  const containers: Container[] = [...(pod?.spec?.containers ?? []), ...(pod?.spec?.initContainers ?? [])];
  return containers.flatMap(({ ports }) => ports ?? []);
}
