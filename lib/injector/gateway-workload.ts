/**
 * Gateway (of the Gateway API) → what runs it: ServiceAccount, Deployment, Service, disruption budget, and an autoscaler where it asks for
 * one, all named `GATEWAY-CLASS`. Pure; the control plane applies them. They belong to the Gateway, so they go with it.
 * https://gateway-api.sigs.k8s.io/geps/gep-1762/ has the names and labels.
 *
 * Nothing here is written into the Deployment that gives a Gateway's author more than a Gateway: labels and annotations are theirs, and of
 * the rest what `parameters.ts` of world allows; the containers are ours. `replicas` is left out, so that an autoscaler or a person may set it.
 */
import { hash } from 'node:crypto';
import type { Gateway, Listener } from '../api/gateway-api';
import type { KubeObject } from '../api/object';
import { meshLabel } from '../api/ownership';
import { GATEWAY_CLASS_LABEL, GATEWAY_NAME_LABEL, type InfrastructureOverlays } from '../world';
import { identityAnnotations, identityVolume } from './identity';
import { overlaid } from './infrastructure-overlay';
import { gatewayContainer, type ProxyOptions } from './proxy-container';
import { ProxyPort } from './proxy-port';

export interface GatewayWorkloadOptions extends Omit<ProxyOptions, 'workload' | 'labels' | 'stats' | 'interception'> {
  /** The namespace of the control plane that applies them. Default: they bear nobody's mark. */
  readonly mesh?: string;
}

/** Chooses the type of the Service; Istio's name. */
export const SERVICE_TYPE_ANNOTATION = 'networking.istio.io/service-type';
const SERVICE_TYPES = ['LoadBalancer', 'NodePort', 'ClusterIP'];

/** How many replicas an autoscaler may choose, as in `2-10`; among the Gateway's `infrastructure.annotations`. */
export const REPLICAS_ANNOTATION = 'malha.dev/replicas';

/**
 * A Gateway that names a host as its address has a Service already, and is left to whoever made that
 * (https://gateway-api.sigs.k8s.io/reference/spec/#gatewayspec: addresses).
 */
export function deploysItself({ metadata, spec }: Gateway): boolean {
  const isManual = (spec.addresses ?? []).some(({ type }) => type === 'Hostname');
  return !isManual && metadata.name.length <= LONGEST_NAME;
}

/** Names of Services, and values of labels. */
const LONGEST_NAME = 63;

/**
 * The objects in the order in which they are to be applied.
 * @param listeners all that are served, those of ListenerSets too. Without any there is nothing to run.
 * @param overlays of `infrastructure.parametersRef`. Default: none.
 */
export function gatewayWorkload(
  gateway: Gateway,
  listeners: readonly Listener[],
  options: GatewayWorkloadOptions = {},
  overlays: InfrastructureOverlays = {},
): KubeObject[] {
  const ports = portsOf(listeners);
  if (ports.length === 0) return [];
  const name = workloadName(gateway);
  const { infrastructure: { labels: theirLabels = {}, annotations = {} } = {} } = gateway.spec;
  const ownLabels = {
    [GATEWAY_NAME_LABEL]: gateway.metadata.name,
    [GATEWAY_CLASS_LABEL]: gateway.spec.gatewayClassName,
  };
  const labels = { ...theirLabels, ...ownLabels };
  const metadata = {
    name,
    namespace: gateway.metadata.namespace ?? 'default',
    labels: { ...labels, ...(options.mesh !== undefined && meshLabel(options.mesh)) },
    ...(Object.keys(annotations).length > 0 && { annotations }),
    ownerReferences: [ownerOf(gateway)],
  };
  const objects: KubeObject[] = [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: deployment(name, gateway, ports, labels, annotations, options),
    },
    { apiVersion: 'v1', kind: 'Service', metadata, spec: service(gateway, ports) },
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata,
      spec: { maxUnavailable: 1, selector: { matchLabels: { [GATEWAY_NAME_LABEL]: gateway.metadata.name } } },
    },
    ...autoscaler(name, metadata, annotations[REPLICAS_ANNOTATION], overlays.horizontalPodAutoscaler),
  ];
  return objects.map((object) => overlaid(object, overlays));
}

/** Where an autoscaler is asked for that does not say how many. */
const FEWEST_REPLICAS: readonly [number, number] = [1, 1];

/** At 80 % of the CPU that its Pods ask for there are more of them. What is no range of numbers asks for nothing. */
function autoscaler(
  name: string,
  metadata: KubeObject['metadata'],
  range: string | undefined,
  overlay: object | undefined,
): KubeObject[] {
  const [, least, most] = /^([1-9]\d{0,3})-([1-9]\d{0,3})$/.exec(range ?? '') ?? [];
  const isRange = least !== undefined && most !== undefined && Number(least) <= Number(most);
  if (!isRange && !overlay) return [];
  const [minReplicas, maxReplicas] = isRange ? [Number(least), Number(most)] : FEWEST_REPLICAS;
  const replicas = { minReplicas, maxReplicas };
  return [
    { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata, spec: autoscaling(name, replicas) },
  ];
}

/** The `spec` of a HorizontalPodAutoscaler for the Deployment of a gateway. */
export function autoscaling(deployment: string, replicas: { minReplicas: number; maxReplicas: number }) {
  return {
    ...replicas,
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: deployment },
    metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }],
  };
}

/** `edge-malha`; long names and those with dots, which a Service cannot have, are cut and told apart by a hash. */
function workloadName({ metadata, spec }: Gateway): string {
  const whole = `${metadata.name}-${spec.gatewayClassName}`;
  const plain = whole.replaceAll('.', '-');
  if (plain === whole && whole.length <= LONGEST_NAME && /^[a-z]/.test(whole)) return whole;
  const digest = hash('sha256', whole, 'hex').slice(0, 8);
  const start = `${/^[a-z]/.test(plain) ? '' : 'g-'}${plain}`.slice(0, LONGEST_NAME - 9).replace(/-+$/, '');
  return `${start}-${digest}`;
}

function ownerOf({ apiVersion, kind, metadata: { name, uid } }: Gateway) {
  // Deleting the Gateway need not wait for these, and they cannot be anybody else's.
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: false };
}

interface Port {
  readonly name: string;
  /** What clients connect to. */
  readonly port: number;
  /** Where Envoy listens: it runs without the right to low ports. */
  readonly containerPort: number;
  readonly appProtocol: string;
}

/** One for each port, however many listeners share it. */
function portsOf(listeners: readonly Listener[]): Port[] {
  const protocols = new Map<number, string>();
  for (const { port, protocol } of listeners) if (!protocols.has(port)) protocols.set(port, protocol.toLowerCase());
  const taken = new Set<number>([...protocols.keys(), ...Object.values(ProxyPort)]);
  return [...protocols]
    .sort(([a], [b]) => a - b)
    .map(([port, protocol]) => {
      let containerPort = port;
      if (port < FIRST_FREE_PORT) for (containerPort = port + 8000; taken.has(containerPort); ) containerPort += 1000;
      taken.add(containerPort);
      return { name: `${protocol}-${port}`, port, containerPort, appProtocol: protocol };
    });
}

/** Below it a process needs a capability. */
const FIRST_FREE_PORT = 1024;

function deployment(
  name: string,
  gateway: Gateway,
  ports: readonly Port[],
  labels: Readonly<Record<string, string>>,
  annotations: Readonly<Record<string, string>>,
  options: GatewayWorkloadOptions,
) {
  const { identity = 'none' } = options;
  const podLabels = {
    ...labels,
    'sidecar.istio.io/inject': 'false',
    'service.istio.io/canonical-name': name,
    'service.istio.io/canonical-revision': 'latest',
  };
  const volume = identityVolume(identity);
  const proxy = gatewayContainer({ ...options, workload: name, labels: podLabels, ports });
  return {
    // Never changes, as the API does not let it: the class may.
    selector: { matchLabels: { [GATEWAY_NAME_LABEL]: gateway.metadata.name } },
    template: {
      metadata: {
        labels: podLabels,
        annotations: {
          'prometheus.io/scrape': 'true',
          'prometheus.io/port': String(ProxyPort.metrics),
          'prometheus.io/path': '/stats/prometheus',
          ...annotations,
          ...identityAnnotations(identity),
        },
      },
      spec: {
        serviceAccountName: name,
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 60,
        securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
        containers: [{ ...proxy, ports: containerPorts(proxy.ports ?? []) }],
        ...(volume && { volumes: [volume] }),
      },
    },
  };
}

/** Names of container ports have 15 characters at most; nobody needs these. */
function containerPorts(ports: readonly { name?: string; containerPort: number; protocol?: string }[]) {
  return ports.map(({ containerPort, protocol = 'TCP' }) => ({ containerPort, protocol }));
}

function service(gateway: Gateway, ports: readonly Port[]) {
  const wanted =
    gateway.spec.infrastructure?.annotations?.[SERVICE_TYPE_ANNOTATION] ??
    gateway.metadata.annotations?.[SERVICE_TYPE_ANNOTATION];
  const type = wanted !== undefined && SERVICE_TYPES.includes(wanted) ? wanted : 'LoadBalancer';
  const addresses = (gateway.spec.addresses ?? []).flatMap(({ value }) => value ?? []);
  return {
    type,
    ...(type === 'LoadBalancer' && addresses.length === 1 && { loadBalancerIP: addresses[0] }),
    selector: { [GATEWAY_NAME_LABEL]: gateway.metadata.name },
    ports: [
      { name: 'status-port', port: ProxyPort.readiness, targetPort: ProxyPort.readiness, protocol: 'TCP' },
      ...ports.map(({ name, port, containerPort, appProtocol }) => ({
        name,
        port,
        targetPort: containerPort,
        protocol: 'TCP',
        appProtocol,
      })),
    ],
  };
}
