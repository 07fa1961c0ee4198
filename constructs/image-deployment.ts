/** The Deployment that is made for a workload given by its image. */
import { ApiObject, Size } from 'cdk8s';
import { Cpu, Deployment, EnvValue, ImagePullPolicy, type IServiceAccount, Probe, Volume } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import type { WorkloadController } from '../lib/api/kubernetes';
import { restricted } from './hardening';
import type { Port } from './port';
import { onRendered } from './rendered';
import { RUN_ANNOTATION, type Workload } from './workload';

export interface ImageDeploymentProps {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly workload: Workload;
  readonly ports: readonly { port: Port; name: string }[];
  readonly serviceAccount: IServiceAccount;
}

/** A cdk8s-plus Deployment, restricted; it has not joined the mesh yet. */
export function imageDeployment(scope: Construct, id: string, props: ImageDeploymentProps): Deployment {
  const { name, namespace, workload, ports } = props;
  const { options } = workload;
  const annotations = options.runLocally === undefined ? undefined : { [RUN_ANNOTATION]: options.runLocally };
  const deployment = new Deployment(scope, id, {
    metadata: { name, namespace },
    podMetadata: { labels: { ...props.labels }, annotations },
    select: false,
    replicas: options.replicas ?? 2,
    securityContext: { user: options.user, group: options.user, ensureNonRoot: true },
    terminationGracePeriod: options.stopWithin,
    serviceAccount: props.serviceAccount,
  });
  const container = deployment.addContainer({
    name: 'main',
    image: workload.image,
    imagePullPolicy: ImagePullPolicy.IF_NOT_PRESENT,
    command: options.command && [...options.command],
    args: options.args && [...options.args],
    ports: ports.map(({ port, name }) => ({ number: port.targetPort, name })),
    envVariables: Object.fromEntries(
      Object.entries(options.env ?? {}).map(([key, value]) => [key, EnvValue.fromValue(value)]),
    ),
    resources: {
      cpu: { request: Cpu.millis(options.cpuMillis ?? 100) },
      memory: {
        request: options.memory?.request ?? Size.mebibytes(128),
        limit: options.memory?.limit ?? Size.mebibytes(512),
      },
    },
    readiness:
      options.readyPath === undefined
        ? undefined
        : Probe.fromHttpGet(options.readyPath, { port: ports[0]?.port.targetPort }),
    securityContext: { user: options.user, group: options.user, ensureNonRoot: true },
  });
  (options.writablePaths ?? []).forEach((path, index) => {
    container.mount(path, Volume.fromEmptyDir(scope, `${id}-writable-${index}`, `writable-${index}`));
  });
  const object = ApiObject.of(deployment);
  onRendered<WorkloadController>(object, (rendered) => withSelector(restricted(rendered), props.labels));
  return deployment;
}

/** Selectors cannot be changed later, so they hold only what never changes: app and version. */
function withSelector(workload: WorkloadController, labels: Readonly<Record<string, string>>): WorkloadController {
  const { spec } = workload;
  return spec ? { ...workload, spec: { ...spec, selector: { matchLabels: { ...labels } } } } : workload;
}
