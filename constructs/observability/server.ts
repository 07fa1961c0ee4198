/**
 * How the programs that look at the mesh are installed: one restricted Pod that keeps what it knows in memory, in an empty
 * volume or in a claimed one, and a Service. A changed configuration replaces the Pod.
 */
import { createHash } from 'node:crypto';
import { ApiObject, Size } from 'cdk8s';
import {
  ConfigMap,
  Cpu,
  Deployment,
  DeploymentStrategy,
  EnvValue,
  ImagePullPolicy,
  PersistentVolumeAccessMode,
  PersistentVolumeClaim,
  Probe,
  Service,
  ServiceAccount,
  Volume,
} from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import type { ConfigMap as KubeConfigMap, Service as KubeService, WorkloadController } from '../../lib/api/kubernetes';
import { restricted } from '../hardening';
import { onRendered } from '../rendered';
import { Duration } from '../units';
import { RUN_ANNOTATION } from '../workload';

export interface ServerPort {
  readonly name: string;
  readonly number: number;
  /** The Service's `appProtocol`. */
  readonly protocol: 'http' | 'grpc';
}

export interface ServerProps {
  readonly namespace: string;
  readonly name: string;
  readonly image: string;
  /** The numeric user of the image. */
  readonly user: number;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The Services and their ports. */
  readonly services: Readonly<Record<string, readonly ServerPort[]>>;
  /** An HTTP path and port that answer 200 when the program is ready. */
  readonly ready: { readonly path: string; readonly port: number };
  /** Configuration: a ConfigMap of this name, mounted as a folder. Its files are made when all is declared. */
  readonly configs: Readonly<Record<string, { readonly folder: string; readonly files: () => ConfigFiles }>>;
  /** Folders to write to. */
  readonly writable?: readonly string[];
  /** One of them that outlives the Pod: how much is claimed for it, and of which class. */
  readonly storage?: { readonly path: string } & StorageProps;
  readonly cpuMillis: number;
  readonly memory: Size;
}

/** Text by the names of files. */
export type ConfigFiles = Readonly<Record<string, string>>;

/** A claim for a volume. */
export interface StorageProps {
  readonly size: Size;
  /** Default: the cluster's. */
  readonly className?: string;
}

/** Changes with the configuration, so that the Pod does. */
const HASH_ANNOTATION = 'malha.dev/config-hash';

function hashOf(props: ServerProps): string {
  const files = Object.entries(props.configs).map(([id, config]) => [id, config.files()]);
  return createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, 16);
}

/** @internal */
export function server(scope: Construct, props: ServerProps): void {
  const { name, namespace } = props;
  const labels = { app: name };
  const metadata = { name, namespace, labels };
  const account = new ServiceAccount(scope, 'ServiceAccount', { metadata, automountToken: false });
  const deployment = new Deployment(scope, 'Deployment', {
    metadata,
    replicas: 1,
    select: false,
    // Two of them at once would each hold half of the truth.
    strategy: DeploymentStrategy.recreate(),
    serviceAccount: account,
    podMetadata: { labels, annotations: { [RUN_ANNOTATION]: 'none', 'sidecar.istio.io/inject': 'false' } },
    securityContext: { user: props.user, group: props.user, fsGroup: props.user, ensureNonRoot: true },
  });
  const probe = { port: props.ready.port, periodSeconds: Duration.seconds(5) };
  const container = deployment.addContainer({
    name,
    image: props.image,
    imagePullPolicy: ImagePullPolicy.IF_NOT_PRESENT,
    args: props.args && [...props.args],
    envVariables: Object.fromEntries(
      Object.entries(props.env ?? {}).map(([key, value]) => [key, EnvValue.fromValue(value)]),
    ),
    ports: Object.values(props.services).flatMap((ports) =>
      ports.map((port) => ({ name: port.name, number: port.number })),
    ),
    readiness: Probe.fromHttpGet(props.ready.path, probe),
    liveness: Probe.fromHttpGet(props.ready.path, { ...probe, failureThreshold: 12 }),
    resources: {
      cpu: { request: Cpu.millis(props.cpuMillis) },
      memory: { request: Size.mebibytes(Math.ceil(props.memory.toMebibytes() / 4)), limit: props.memory },
    },
    securityContext: { user: props.user, group: props.user, ensureNonRoot: true },
  });
  Object.entries(props.configs).forEach(([id, { folder, files }]) => {
    const configMap = new ConfigMap(scope, id, { metadata: { name: id, namespace, labels } });
    onRendered<KubeConfigMap>(ApiObject.of(configMap), (rendered) => ({ ...rendered, data: { ...files() } }));
    container.mount(folder, Volume.fromConfigMap(scope, `${id}-volume`, configMap, { name: id }), { readOnly: true });
  });
  (props.writable ?? []).forEach((path) => {
    const id = path.slice(1).replaceAll('/', '-');
    const volume =
      props.storage?.path === path
        ? Volume.fromPersistentVolumeClaim(scope, `${id}-volume`, claim(scope, name, namespace, props.storage), {
            name: id,
          })
        : Volume.fromEmptyDir(scope, `${id}-volume`, id);
    container.mount(path, volume);
  });
  onRendered<WorkloadController>(ApiObject.of(deployment), (rendered) => {
    const hardened = restricted(rendered);
    const { template } = hardened.spec!;
    const annotations = { ...template.metadata?.annotations, [HASH_ANNOTATION]: hashOf(props) };
    return {
      ...hardened,
      spec: {
        ...hardened.spec!,
        selector: { matchLabels: labels },
        template: { ...template, metadata: { ...template.metadata, annotations } },
      },
    };
  });
  for (const [serviceName, ports] of Object.entries(props.services)) addService(scope, serviceName, ports, props);
}

function claim(scope: Construct, name: string, namespace: string, { size, className }: StorageProps) {
  return new PersistentVolumeClaim(scope, 'storage', {
    metadata: { name: `${name}-data`, namespace, labels: { app: name } },
    accessModes: [PersistentVolumeAccessMode.READ_WRITE_ONCE],
    storage: size,
    storageClassName: className,
  });
}

function addService(scope: Construct, name: string, ports: readonly ServerPort[], props: ServerProps): void {
  const service = new Service(scope, `Service-${name}`, {
    metadata: { name, namespace: props.namespace, labels: { app: props.name } },
    ports: ports.map((port) => ({ name: port.name, port: port.number, targetPort: port.number })),
  });
  service.selectLabel('app', props.name);
  onRendered<KubeService>(ApiObject.of(service), (rendered) => {
    const { externalIPs: _, ...spec } = rendered.spec as KubeService['spec'] & { externalIPs?: string[] };
    const appProtocols = spec.ports?.map((port, index) => ({ ...port, appProtocol: ports[index]?.protocol }));
    return { ...rendered, spec: { ...spec, ports: appProtocols } };
  });
}
