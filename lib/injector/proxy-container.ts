/** The containers that make a pod a member of the mesh: Envoy as a sidecar or a gateway, and the redirection. */
import type { Container } from '../api/kubernetes';
import { controlPlaneHost } from '../api/revisions';
import { bootstrap } from './bootstrap';
import { identityMount, type ProxyIdentity } from './identity';
import { ENVOY_IMAGE, MALHA_IMAGE } from './images';
import type { ProxiedProbe } from './probes';
import { ProxyPort } from './proxy-port';
import { type RedirectionOptions, redirectionArgs } from './redirection';
import type { Standby } from './standby';
import type { StatsInclusion } from './stats-matcher';
import { workloadEnvironment } from './workload-environment';

export interface ProxyOptions {
  /** The workload's name, as telemetry shows it: the Deployment's, the Pod's where there is no controller. */
  workload: string;
  /** The Pod's labels, for metrics. Default: none. */
  labels?: Readonly<Record<string, string>>;
  /** Statistics to keep beside the usual ones. Default: none. */
  stats?: StatsInclusion;
  /** Host and port of the control plane's xDS. Default: see {@link CONTROL_PLANE}. */
  controlPlane?: string;
  /** Where it asks while no control plane answers, if it has its certificate as files. Default: nowhere. */
  standby?: Standby;
  /** How the proxy proves who it is. Default `none`; all others need the volume of `identityVolume` in the Pod. */
  identity?: ProxyIdentity;
  /** How traffic gets into a sidecar. Default `REDIRECT`. */
  interception?: 'REDIRECT' | 'NONE';
  /** Probes of the application that the proxy answers. Default: none. */
  probes?: readonly ProxiedProbe[];
  /** How long the certificate of a podCertificate volume is good, in seconds. Default: a day. */
  certificateSeconds?: number;
  /** Default: {@link ENVOY_IMAGE} and {@link MALHA_IMAGE}. */
  images?: { proxy?: string; init?: string };
  /** Compute resources of the proxy. Default: 50m CPU and 64Mi requested, 256Mi at most. */
  resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
  /** Envoy's worker threads; 0 is one per core. Default 2. */
  concurrency?: number;
  /** What Envoy logs about itself. Default `warning`. */
  logLevel?: string;
  /** The user and group of a sidecar into which traffic is redirected, by which redirection knows it. Default 1337. */
  proxyId?: number;
  /**
   * The platform gives a Pod its user where the Pod names none, and refuses others: then no proxy names one but that which
   * redirection has to know. Default: not.
   */
  assignedUsers?: boolean;
  /** Over how long Envoy drains connections, in seconds. Default 45. */
  drainSeconds?: number;
  /** How long the proxy of a Pod that ends goes on at least, in seconds. Default: of a gateway 15; a sidecar ends with its application. */
  terminationDrainSeconds?: number;
  /** How often Envoy writes its log files, in milliseconds. Default: Envoy's own, 10,000. */
  fileFlushMilliseconds?: number;
  /** How much of a log file Envoy keeps before it writes it, in KB. Default: Envoy's own, 64. */
  fileFlushKilobytes?: number;
  /** Values for Envoy's runtime. Default: none. */
  runtime?: Readonly<Record<string, string>>;
  /** Further environment variables. Default: none. */
  environment?: Readonly<Record<string, string>>;
}

/** Where the control plane is unless the mesh says otherwise. */
export const CONTROL_PLANE = `${controlPlaneHost('malha-system')}:15010`;

/** The container that every tool looks for. */
export const PROXY_CONTAINER = 'istio-proxy';
export const INIT_CONTAINER = 'malha-init';

const PROXY_ID = 1337;

/** Envoy beside an application, as a native sidecar: it is up before the application, and outlives it. */
export function sidecarContainer(options: ProxyOptions): Container {
  const container = envoy('sidecar', options.interception ?? 'REDIRECT', options);
  return {
    ...container,
    restartPolicy: 'Always',
    ...(options.terminationDrainSeconds && lastingFor(options.terminationDrainSeconds)),
    startupProbe: { ...readiness, periodSeconds: 1, failureThreshold: 600 },
  };
}

/**
 * Envoy as a gateway: the pod's only container.
 * @param ports where it listens: containerPort and name, as the gateway's Service targets them.
 */
export function gatewayContainer(
  options: ProxyOptions & { ports: readonly { name: string; containerPort: number }[] },
): Container {
  const container = envoy('router', undefined, options);
  return {
    ...container,
    ports: [...options.ports.map((port) => ({ ...port, protocol: 'TCP' })), ...container.ports!],
    // Balancers in front learn late that this pod goes; until they have, it keeps answering.
    ...lastingFor(options.terminationDrainSeconds ?? 15),
  };
}

const lastingFor = (seconds: number) => (seconds > 0 ? { lifecycle: { preStop: { sleep: { seconds } } } } : {});

/** The redirection, applied once before anything else of the pod runs. */
export function initContainer(redirection: RedirectionOptions, image = MALHA_IMAGE): Container {
  return {
    name: INIT_CONTAINER,
    image,
    args: ['init', ...redirectionArgs({ ...redirection, proxyId: redirection.proxyId ?? PROXY_ID })],
    resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '128Mi' } },
    securityContext: {
      // The kernel asks for these two, and for root in the pod's network namespace; the container ends within a second.
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] },
      allowPrivilegeEscalation: false,
      privileged: false,
      runAsUser: 0,
      runAsGroup: 0,
      runAsNonRoot: false,
      seccompProfile: { type: 'RuntimeDefault' },
    },
  };
}

const readiness = {
  httpGet: { path: '/healthz/ready', port: ProxyPort.readiness },
  timeoutSeconds: 3,
};

function envoy(type: 'sidecar' | 'router', capture: 'REDIRECT' | 'NONE' | undefined, options: ProxyOptions): Container {
  const { controlPlane = CONTROL_PLANE, identity = 'none', concurrency = 2, environment = {} } = options;
  return {
    name: PROXY_CONTAINER,
    image: options.images?.proxy ?? ENVOY_IMAGE,
    args: [
      '--config-yaml',
      JSON.stringify(
        bootstrap({
          controlPlane,
          standby: options.standby,
          identity,
          capture,
          stats: options.stats,
          probes: options.probes,
          runtime: options.runtime,
        }),
      ),
      '--service-node',
      `${type}~$(POD_IP)~$(POD_NAME).$(POD_NAMESPACE)~$(POD_NAMESPACE).svc.cluster.local`,
      '--service-cluster',
      `${options.workload}.$(POD_NAMESPACE)`,
      ...(concurrency > 0 ? ['--concurrency', String(concurrency)] : []),
      '--log-level',
      options.logLevel ?? 'warning',
      '--drain-time-s',
      String(options.drainSeconds ?? 45),
      ...(options.fileFlushMilliseconds ? ['--file-flush-interval-msec', String(options.fileFlushMilliseconds)] : []),
      ...(options.fileFlushKilobytes !== undefined
        ? ['--file-flush-min-size-kb', String(options.fileFlushKilobytes)]
        : []),
      // Kubernetes replaces pods, not processes; without this Envoys that share a kernel would share memory.
      '--disable-hot-restart',
    ],
    env: [
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
      { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      ...Object.entries(environment).map(([name, value]) => ({ name, value })),
      ...workloadEnvironment({ workload: options.workload, labels: options.labels ?? {} }),
    ],
    ports: [
      { name: 'http-envoy-prom', containerPort: ProxyPort.metrics, protocol: 'TCP' },
      { name: 'status-port', containerPort: ProxyPort.readiness, protocol: 'TCP' },
    ],
    ...(identity !== 'none' && { volumeMounts: [identityMount] }),
    readinessProbe: { ...readiness, periodSeconds: 15, failureThreshold: 4 },
    resources: options.resources ?? { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '256Mi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      privileged: false,
      readOnlyRootFilesystem: true,
      ...userOf(capture, options),
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    },
  };
}

/** Who Envoy runs as. Redirection tells its packets from the application's by that, so there it cannot be left to the platform. */
function userOf(capture: 'REDIRECT' | 'NONE' | undefined, { assignedUsers, proxyId = PROXY_ID }: ProxyOptions) {
  if (capture === 'REDIRECT') return { runAsUser: proxyId, runAsGroup: proxyId };
  return assignedUsers ? {} : { runAsUser: PROXY_ID, runAsGroup: PROXY_ID };
}
