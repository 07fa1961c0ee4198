/**
 * The read-only second source of configuration (`malha standby`), one Pod in each zone: a proxy that starts while every control plane is down
 * gets there what that would give it. It has the right to read and no other, and its own certificate from a podCertificate volume.
 */
import { ApiObject, type Size } from 'cdk8s';
import {
  Cpu,
  Deployment,
  EnvFieldPaths,
  EnvValue,
  ImagePullPolicy,
  type IServiceAccount,
  Probe,
  Service,
  ServiceAccount,
  Volume,
} from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import type { Service as KubeService, WorkloadController } from '../lib/api/kubernetes';
import { identityMount, programVolume, standbyName } from '../lib/injector';
import { standbyAccess } from './control-plane-access';
import { restricted, withPodSpec } from './hardening';
import { withPlugins } from './plugin/with-plugins';
import { onRendered } from './rendered';
import { Duration } from './units';
import { RUN_ANNOTATION } from './workload';

export interface StandbyProps {
  /** What the control plane loads: what it sends is the same. */
  readonly plugins: readonly string[];
  readonly namespace: string;
  readonly revision?: string;
  readonly image: string;
  /** How many zones there are. */
  readonly zones: number;
  readonly certificateSeconds?: number;
  /** Memory to reserve for each, and its limit. */
  readonly memory: { readonly request: Size; readonly limit: Size };
}

const XDS_TLS = { number: 15012, name: 'https-dns' };
const HTTP = { number: 15014, name: 'http-monitoring' };

/** Made by `Mesh`. */
export class StandbyDeployment extends Construct {
  /** @internal */
  readonly serviceAccount: IServiceAccount;

  constructor(scope: Construct, id: string, props: StandbyProps) {
    super(scope, id);
    const { namespace, revision, zones, certificateSeconds } = props;
    const name = standbyName(revision);
    const labels = { app: name };
    const metadata = { name, namespace, labels };
    const account = new ServiceAccount(this, 'ServiceAccount', { metadata, automountToken: false });
    this.serviceAccount = account;
    standbyAccess(this, account, namespace, revision);
    const deployment = new Deployment(this, 'Deployment', {
      metadata,
      replicas: zones,
      select: false,
      serviceAccount: account,
      automountServiceAccountToken: true,
      podMetadata: { labels, annotations: { [RUN_ANNOTATION]: 'none' } },
      securityContext: { user: 65532, group: 65532, ensureNonRoot: true },
    });
    const container = deployment.addContainer({
      name: 'standby',
      image: props.image,
      imagePullPolicy: ImagePullPolicy.IF_NOT_PRESENT,
      args: [
        'standby',
        '--xds-tls',
        `0.0.0.0:${XDS_TLS.number}`,
        '--http',
        `0.0.0.0:${HTTP.number}`,
        ...(revision === undefined ? [] : ['--revision', revision]),
      ],
      ports: [XDS_TLS, HTTP],
      envVariables: { POD_NAMESPACE: EnvValue.fromFieldRef(EnvFieldPaths.POD_NAMESPACE) },
      readiness: Probe.fromHttpGet('/readyz', { port: HTTP.number, periodSeconds: Duration.seconds(3) }),
      liveness: Probe.fromHttpGet('/healthz', {
        port: HTTP.number,
        periodSeconds: Duration.seconds(10),
        failureThreshold: 6,
      }),
      resources: { cpu: { request: Cpu.millis(50) }, memory: props.memory },
      securityContext: { user: 65532, group: 65532, ensureNonRoot: true },
    });
    container.mount('/tmp', Volume.fromEmptyDir(this, 'tmp', 'tmp'));
    onRendered<WorkloadController>(ApiObject.of(deployment), (rendered) => {
      const workload = withPodSpec(restricted(rendered), (pod) => ({
        ...pod,
        // One in each zone; two of them share a zone only when there are fewer zones than Pods.
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: 'topology.kubernetes.io/zone',
            whenUnsatisfiable: 'DoNotSchedule',
            labelSelector: { matchLabels: labels },
          },
        ],
        volumes: [...(pod.volumes ?? []), programVolume(certificateSeconds)],
        containers: pod.containers.map((each) => ({
          ...each,
          volumeMounts: [...((each.volumeMounts as object[] | undefined) ?? []), identityMount],
        })),
      }));
      const selected = { ...workload, spec: { ...workload.spec!, selector: { matchLabels: labels } } };
      return withPlugins(selected, props.plugins);
    });
    const service = new Service(this, 'Service', {
      metadata,
      ports: [XDS_TLS, HTTP].map(({ number, name }) => ({ port: number, targetPort: number, name })),
    });
    service.selectLabel('app', name);
    onRendered<KubeService>(ApiObject.of(service), (rendered) => {
      const { externalIPs: _, ...spec } = rendered.spec as KubeService['spec'] & { externalIPs?: string[] };
      const ports = spec.ports?.map((port) => ({ ...port, appProtocol: port.name === XDS_TLS.name ? 'grpc' : 'http' }));
      // The zone's own is asked while it is there.
      return { ...rendered, spec: { ...spec, trafficDistribution: 'PreferSameZone', ports } };
    });
    new ApiObject(this, 'PodDisruptionBudget', {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata,
      spec: { maxUnavailable: 1, selector: { matchLabels: labels } },
    });
  }
}
