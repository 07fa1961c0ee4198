/**
 * How the programs that look at the mesh are installed: one restricted Pod that keeps what it knows in memory or in an
 * empty volume, and a Service. Enough to look at a mesh; storage and retention are for installs that keep data.
 */
import { ApiObject, Size } from 'cdk8s';
import {
  ConfigMap,
  Cpu,
  Deployment,
  DeploymentStrategy,
  EnvValue,
  ImagePullPolicy,
  Probe,
  Service,
  ServiceAccount,
  Volume,
} from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import type { Service as KubeService, WorkloadController } from '../../lib/api/kubernetes';
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
  /** Configuration: a ConfigMap of this name, mounted as a folder. */
  readonly configs: Readonly<
    Record<string, { readonly folder: string; readonly files: Readonly<Record<string, string>> }>
  >;
  /** Folders to write to. */
  readonly writable?: readonly string[];
  readonly cpuMillis: number;
  readonly memory: Size;
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
    const configMap = new ConfigMap(scope, id, { metadata: { name: id, namespace, labels }, data: { ...files } });
    container.mount(folder, Volume.fromConfigMap(scope, `${id}-volume`, configMap, { name: id }), { readOnly: true });
  });
  (props.writable ?? []).forEach((path) => {
    const id = path.slice(1).replaceAll('/', '-');
    container.mount(path, Volume.fromEmptyDir(scope, `${id}-volume`, id));
  });
  onRendered<WorkloadController>(ApiObject.of(deployment), (rendered) => {
    const hardened = restricted(rendered);
    return { ...hardened, spec: { ...hardened.spec!, selector: { matchLabels: labels } } };
  });
  for (const [serviceName, ports] of Object.entries(props.services)) addService(scope, serviceName, ports, props);
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
