/** One Pod → the processes that are this Pod on this machine. Pure. */
import type { Container, Pod } from '../api/kubernetes';
import { PROXY_CONTAINER, ProxyPort, type RedirectionOptions, redirectionOf } from '../injector';
import { commandOf, expand } from './command';
import { environmentOf } from './downward';
import { IdentityFolder } from './identity-folder';
import { localizeBootstrap } from './localize';
import { loopbackOf } from './loopback-ranges';
import { isRouter, proxyOf } from './pod-proxy';
import { hasIdentity } from './pods-here';
import type { LocalService } from './services';

export type Capture = 'transparent' | 'explicit';

/** Says how a workload runs on this machine: a command, or `none`. Belongs on the Pod template. */
export const RUN_ANNOTATION = 'malha.dev/run';

export interface PodPlan {
  /** `NAME.NAMESPACE`, as `--proxy` takes it. */
  id: string;
  name: string;
  namespace: string;
  ip: string;
  /** The address on which the application listens: 0.0.0.0 in a network namespace. */
  appAddress: string;
  /** `bare`: no proxy. */
  role: 'sidecar' | 'gateway' | 'bare';
  /** Whose token its proxy shows; undefined where it proves nothing. */
  identity?: Pod;
  /** What the proxy of a sidecar captures; undefined where nothing is redirected. */
  redirection?: RedirectionOptions;
  /** Ports that Services send to, on which the application has to listen. */
  ports: readonly number[];
  processes: readonly ProcessPlan[];
}

export interface ProcessPlan {
  /** The name of the container that it stands for: `istio-proxy`, or the application's. */
  name: string;
  kind: 'proxy' | 'app' | 'echo' | 'control-plane';
  command: readonly string[];
  /** Beside what the environment of `malha up` has. */
  env: Readonly<Record<string, string>>;
}

export interface ControlPlaneAddress {
  /** The id of its pod. */
  pod: string;
  address: string;
  /** Plaintext, for proxies without an identity; undefined where there is none. */
  xdsPort?: number;
  xdsTlsPort: number;
  httpPort: number;
}

/** IPv4 ranges from which Pods and Services get their addresses. */
export interface Ranges {
  pods: string;
  services: string;
}

/** What the processes of a pod are made of. */
export interface Programs {
  /** The folder that the objects come from: `$(MESH_DIR)`. */
  dir: string;
  /** The folder of this run, where its identities are. Undefined: proxies prove nothing, whatever the manifests say. */
  runDir?: string;
  /** A folder with further objects for the control plane, such as certificates made for this run. */
  extraDir?: string;
  /** The command line of `malha`: `$(MALHA)`. */
  malha: readonly string[];
  /** The command line of the echo service. */
  echo: readonly string[];
  /** The Envoy binary. */
  envoy: string;
}

export interface PodPlanContext extends Programs {
  capture: Capture;
  ranges: Ranges;
  services: readonly LocalService[];
  controlPlane: ControlPlaneAddress;
}

/** @throws when its `malha.dev/run` annotation cannot be understood. */
export function planPod(pod: Pod, context: PodPlanContext): PodPlan {
  const { name, namespace = 'default' } = pod.metadata;
  const ip = pod.status!.podIP!;
  const proxy = proxyOf(pod);
  const role = proxy ? (isRouter(proxy) ? 'gateway' : 'sidecar') : 'bare';
  const explicit = context.capture === 'explicit';
  const appAddress = explicit ? (proxy ? loopbackOf(ip) : ip) : '0.0.0.0';
  const targets = context.services.flatMap(({ ports }) => ports.flatMap(({ backends }) => backends));
  const ports = [...new Set(targets.filter((backend) => backend.ip === ip).map(({ port }) => port))];
  const app = pod.spec?.containers.find((container) => container.name !== PROXY_CONTAINER);

  const processes: ProcessPlan[] = [];
  if (proxy) processes.push(proxyProcess(proxy, pod, context, explicit ? appAddress : undefined));
  if (app) processes.push(appProcess(app, pod, context, { appAddress, ports, proxied: proxy !== undefined }));
  return {
    id: podId(pod),
    name,
    namespace,
    ip,
    appAddress,
    role,
    identity: proves(pod, context) && proxy ? pod : undefined,
    redirection:
      role === 'sidecar' && !explicit && !capturesItself(pod)
        ? redirectionOf(pod.metadata.annotations ?? {})
        : undefined,
    ports: role === 'gateway' ? [] : ports,
    processes,
  };
}

export function podId({ metadata }: Pod): string {
  return `${metadata.name}.${metadata.namespace ?? 'default'}`;
}

function proves(pod: Pod, { runDir }: PodPlanContext): boolean {
  return runDir !== undefined && hasIdentity(pod);
}

/** The manifest's own arguments, with addresses of this machine in the bootstrap. */
function proxyProcess(proxy: Container, pod: Pod, context: PodPlanContext, appAddress?: string): ProcessPlan {
  const env = environmentOf(proxy, pod);
  const args = (proxy.args ?? []).map((arg) => expand(arg, env));
  const config = args.indexOf('--config-yaml') + 1;
  const { address, xdsPort, xdsTlsPort } = context.controlPlane;
  const { runDir } = context;
  const bootstrap = localizeBootstrap(parseBootstrap(args[config] ?? '', pod), {
    controlPlane: { address, port: proves(pod, context) ? xdsTlsPort : xdsPort! },
    identityDirectory: proves(pod, context) ? IdentityFolder.volumeIn(runDir!, podId(pod)) : undefined,
    appAddress,
  });
  args[config] = JSON.stringify(bootstrap);
  return { name: PROXY_CONTAINER, kind: 'proxy', command: [context.envoy, ...args], env };
}

function parseBootstrap(text: string, pod: Pod) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(
      `Pod ${pod.metadata.namespace ?? 'default'}/${pod.metadata.name}: --config-yaml of ${PROXY_CONTAINER} is not JSON ` +
        `(${(error as Error).message}); write the manifests again with this version of Malha`,
    );
  }
}

function appProcess(
  container: Container,
  pod: Pod,
  context: PodPlanContext,
  { appAddress, ports, proxied }: { appAddress: string; ports: readonly number[]; proxied: boolean },
): ProcessPlan {
  const { name, namespace = 'default', annotations, labels } = pod.metadata;
  const ip = pod.status!.podIP!;
  const env: Record<string, string> = {
    ...environmentOf(container, pod),
    POD_NAME: name,
    POD_NAMESPACE: namespace,
    POD_IP: ip,
    APP_ADDRESS: appAddress,
  };
  if (context.capture === 'explicit') {
    const httpProxy = `http://${appAddress}:${ProxyPort.explicitProxy}`;
    Object.assign(
      env,
      proxied ? { HTTP_PROXY: httpProxy, http_proxy: httpProxy } : serviceEnvironment(context, namespace),
    );
  }
  const run = annotations?.[RUN_ANNOTATION];
  if (run === undefined) {
    const declared = (container.ports ?? []).filter(({ protocol = 'TCP' }) => protocol === 'TCP');
    const all = [...new Set([...ports, ...declared.map(({ containerPort }) => containerPort)])];
    env.ECHO_PORTS = all.join(',') || '80';
    env.ECHO_VERSION = labels?.version ?? '';
    return { name: container.name, kind: 'echo', command: context.echo, env };
  }
  const placeholders = {
    POD_IP: ip,
    POD_NAME: name,
    APP_ADDRESS: appAddress,
    MESH_DIR: context.dir,
    POD_RANGE: context.ranges.pods,
    SERVICE_RANGE: context.ranges.services,
    MALHA: context.malha,
  };
  const command = commandOf(run, placeholders, `Pod ${namespace}/${name}, annotation ${RUN_ANNOTATION}`);
  const isControlPlane = ip === context.controlPlane.address;
  return {
    name: container.name,
    kind: isControlPlane ? 'control-plane' : 'app',
    command: isControlPlane ? [...command, ...controlPlaneOptions(context)] : command,
    env,
  };
}

/** What only the run knows: its identities, and the certificates that were made for it. */
function controlPlaneOptions({ controlPlane, runDir, extraDir }: PodPlanContext): string[] {
  const { address, xdsPort, xdsTlsPort } = controlPlane;
  return [
    ...['--xds', xdsPort === undefined ? 'none' : `${address}:${xdsPort}`],
    ...(runDir === undefined
      ? []
      : [
          ...['--local-pods', '--xds-tls', `${address}:${xdsTlsPort}`],
          ...['--citadel', IdentityFolder.citadelIn(runDir), '--token-keys', IdentityFolder.tokenKeysIn(runDir)],
        ]),
    ...(extraDir ? ['--files', extraDir] : []),
  ];
}

/** The variables by which Kubernetes names the Services of a namespace; here, with the address of an endpoint. */
function serviceEnvironment({ services }: PodPlanContext, namespace: string): Record<string, string> {
  const own = services.filter((service) => service.namespace === namespace);
  return Object.fromEntries(
    own.flatMap(({ name, ports }) => {
      const backend = ports[0]?.backends[0];
      const prefix = name.toUpperCase().replaceAll('-', '_');
      return backend
        ? [
            [`${prefix}_SERVICE_HOST`, backend.ip],
            [`${prefix}_SERVICE_PORT`, String(backend.port)],
          ]
        : [];
    }),
  );
}

/** Explicit capture, as the manifest asks for it: the application finds its sidecar by itself. */
function capturesItself({ metadata }: Pod): boolean {
  return metadata.annotations?.['sidecar.istio.io/interceptionMode'] === 'NONE';
}
