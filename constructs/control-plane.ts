/** The control plane's own installation: two replicas that survive a node, with no more rights than they use. */
import { ApiObject, Size } from 'cdk8s';
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
  Topology,
  Volume,
} from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import type { Service as KubeService, WorkloadController } from '../lib/api/kubernetes';
import { tagObjects } from '../lib/api/revision-tags';
import {
  ALLOWED_REVISION,
  CONTROL_PLANE_NAME,
  controlPlaneHost,
  controlPlaneName,
  DEFAULT_REVISION,
  isRevisionName,
  REVISION_LABEL,
} from '../lib/api/revisions';
import { WEBHOOK_PORT, WEBHOOK_SERVICE_PORT, webhookConfigurations } from '../lib/api/webhooks';
import { MALHA_IMAGE, type Standby, standbyIn } from '../lib/injector';
import { controlPlaneAccess, gatewayDeployment } from './control-plane-access';
import { restricted } from './hardening';
import { withPlugins } from './plugin/with-plugins';
import { problemAt } from './problem';
import { onRendered } from './rendered';
import { StandbyDeployment } from './standby';
import { Duration } from './units';
import { RUN_ANNOTATION } from './workload';

/** How the control plane is installed. */
export interface ControlPlaneProps {
  /** Default: 2. */
  readonly replicas?: number;
  /** Default: the image of this version of Malha. It is also the one that sets up redirection in every member Pod. */
  readonly image?: string;
  /** The image of the sidecars and gateways, an upstream Envoy. Default: the one that this version was tested with. */
  readonly proxyImage?: string;
  /** Whether the CRDs of the mesh's kinds are part of the manifests. Default: `install`. */
  readonly crds?: 'install' | 'existing';
  /**
   * Which of the cluster's control planes injects: namespaces and Pods ask for it by their label `istio.io/rev`. Default: `default`,
   * which also answers for `istio-injection: enabled`. Two meshes of one cluster need two. Its objects of any other revision than
   * `default` are named for it, so that several stand beside each other (`mesh.addRevision`).
   */
  readonly revision?: string;
  /**
   * Further names by which namespaces and Pods may ask for it (`istio.io/rev`), and which another revision can take over later. The tag
   * `default` answers for `istio-injection: enabled`. Default: none.
   */
  readonly tags?: readonly string[];
  /**
   * Whether the control plane makes what Gateways of the Gateway API need to run (docs/gateway-api.md), for which it may create
   * Deployments, Services and ServiceAccounts in every namespace. Default: not.
   */
  readonly deployGateways?: boolean;
  /**
   * In how many zones a second source of configuration stands by, one Pod in each: proxies that start while every replica is down
   * get theirs there. It only reads. Default: 3; 0: none. With `Identity.sds()` there is none, because keys are made by the
   * control plane alone there.
   */
  readonly standbyZones?: number;
  /** CPU to reserve for a replica, in thousandths of a core. Default: 250. */
  readonly cpuMillis?: number;
  /** Memory to reserve for a replica, and its limit. Default: 256 MiB reserved, 1 GiB at most. */
  readonly memory?: { readonly request?: Size; readonly limit?: Size };
}

interface ControlPlanePlace {
  readonly namespace: string;
  readonly certificateSeconds?: number;
  /** How Pods that the webhook injects prove who they are. */
  readonly identity: 'podCertificate' | 'sds';
  /** How the traffic of those Pods gets into their sidecars. */
  readonly capture: 'transparent' | 'explicit';
  /** Whether the platform gives Pods their users. */
  readonly assignedUsers?: boolean;
}

/** As many as the regions of most providers have. */
const STANDBY_ZONES = 3;
/** The port names are those that tools look for. */
const XDS = { number: 15010, name: 'grpc-xds' };
const XDS_TLS = { number: 15012, name: 'https-dns' };
const HTTP = { number: 15014, name: 'http-monitoring' };
const WEBHOOK = { number: WEBHOOK_PORT, name: 'https-webhook' };
const PORTS = [XDS, XDS_TLS, HTTP, WEBHOOK];

/** The control plane in the cluster. Made by `Mesh`. */
export class ControlPlane extends Construct {
  /** Which of the mesh's control planes it is; `default` where nothing was said. */
  readonly revision: string;
  /** The name of its Deployment, Service and ServiceAccount. */
  readonly name: string;
  /** The full name of its Service, which every proxy resolves. */
  readonly host: string;
  /** Where proxies ask for their configuration, over gRPC. */
  readonly xdsPort: number = XDS.number;
  /** The same by TLS, where they prove who they are. */
  readonly xdsTlsPort: number = XDS_TLS.number;
  /** Where it answers for its health, its metrics and its status. */
  readonly httpPort: number = HTTP.number;
  /** The image that it runs. */
  readonly image: string;
  /** Further names by which it is asked for. */
  readonly tags: readonly string[];
  /** The image of sidecars, where it is another than usual. @internal */
  readonly proxyImage?: string;
  /** @internal */
  readonly serviceAccount: IServiceAccount;
  /** Where proxies ask while no replica answers. @internal */
  readonly standby?: Standby;
  /** Who may read what the control plane may read to make a World. @internal */
  readonly readers: readonly IServiceAccount[];
  /** Whether the program names its image, in which there may be more than Malha. @internal */
  readonly hasOwnImage: boolean;
  private readonly plugins: string[] = [];

  constructor(scope: Construct, id: string, props: ControlPlaneProps & ControlPlanePlace) {
    super(scope, id);
    const { namespace, revision, identity } = props;
    this.revision = revisionOf(this, revision);
    this.name = controlPlaneName(revision);
    this.host = controlPlaneHost(namespace, revision);
    this.tags = (props.tags ?? []).map((tag) => revisionOf(this, tag));
    this.image = props.image ?? MALHA_IMAGE;
    this.proxyImage = props.proxyImage;
    this.hasOwnImage = props.image !== undefined;
    const replicas = props.replicas ?? 2;
    if (!Number.isInteger(replicas) || replicas < 1) {
      throw problemAt(this, {
        code: 'MAL0118',
        what: 'the control plane has no such number of replicas',
        got: String(replicas),
        allowed: 'a whole number from 1; 2 or more survive the loss of a node',
        fix: 'leave controlPlane.replicas out',
      });
    }
    const zones = identity === 'podCertificate' ? (props.standbyZones ?? STANDBY_ZONES) : 0;
    if (!Number.isInteger(zones) || zones < 0) {
      throw problemAt(this, {
        code: 'MAL0153',
        what: 'configuration stands by in no such number of zones',
        got: String(zones),
        allowed: 'a whole number from 0',
        fix: 'leave controlPlane.standbyZones out',
      });
    }
    const memory = {
      request: props.memory?.request ?? Size.mebibytes(256),
      limit: props.memory?.limit ?? Size.gibibytes(1),
    };
    const { name } = this;
    // A selector that stands cannot be changed: the default revision's is `app` alone, so no other one's Pods may have its value.
    const labels = { app: name };
    const podLabels = { ...labels, [REVISION_LABEL]: this.revision };
    const metadata = { name, namespace, labels: { app: CONTROL_PLANE_NAME } };

    const account = new ServiceAccount(this, 'ServiceAccount', { metadata, automountToken: false });
    this.serviceAccount = account;
    controlPlaneAccess(this, account, namespace, { revision, publishesRoots: identity === 'sds' });
    if (props.deployGateways) gatewayDeployment(this, account, namespace, revision);
    const deployment = new Deployment(this, 'Deployment', {
      metadata,
      replicas,
      select: false,
      serviceAccount: account,
      automountServiceAccountToken: true,
      podMetadata: { labels: podLabels, annotations: { [RUN_ANNOTATION]: RUN_ON_THIS_MACHINE } },
      securityContext: { user: 65532, group: 65532, ensureNonRoot: true },
      terminationGracePeriod: Duration.seconds(60),
    });
    deployment.scheduling.spread({ topology: Topology.HOSTNAME, weight: 100 });
    deployment.scheduling.spread({ topology: Topology.ZONE, weight: 50 });
    const container = deployment.addContainer({
      name: 'control-plane',
      image: this.image,
      imagePullPolicy: ImagePullPolicy.IF_NOT_PRESENT,
      args: [
        'control-plane',
        '--registry',
        'kubernetes',
        '--xds',
        `0.0.0.0:${XDS.number}`,
        '--xds-tls',
        `0.0.0.0:${XDS_TLS.number}`,
        '--citadel-secret',
        '--write',
        '--webhooks',
        `0.0.0.0:${WEBHOOK.number}`,
        '--identity',
        identity,
        ...(revision === undefined ? [] : ['--revision', revision]),
        '--init-image',
        this.image,
        ...(props.proxyImage === undefined ? [] : ['--proxy-image', props.proxyImage]),
        ...(zones > 0 ? ['--standby'] : []),
        ...(props.capture === 'explicit' ? ['--capture', props.capture] : []),
        ...(props.deployGateways ? ['--deploy-gateways'] : []),
        ...(props.assignedUsers ? ['--assigned-users'] : []),
        '--http',
        `0.0.0.0:${HTTP.number}`,
        ...(props.certificateSeconds === undefined ? [] : ['--certificate-lifetime', String(props.certificateSeconds)]),
      ],
      ports: PORTS,
      envVariables: {
        POD_NAME: EnvValue.fromFieldRef(EnvFieldPaths.POD_NAME),
        POD_NAMESPACE: EnvValue.fromFieldRef(EnvFieldPaths.POD_NAMESPACE),
      },
      readiness: Probe.fromHttpGet('/readyz', { port: HTTP.number, periodSeconds: Duration.seconds(3) }),
      liveness: Probe.fromHttpGet('/healthz', {
        port: HTTP.number,
        periodSeconds: Duration.seconds(10),
        failureThreshold: 6,
      }),
      resources: {
        cpu: { request: Cpu.millis(props.cpuMillis ?? 250) },
        memory,
      },
      securityContext: { user: 65532, group: 65532, ensureNonRoot: true },
    });
    container.mount('/tmp', Volume.fromEmptyDir(this, 'tmp', 'tmp'));
    onRendered<WorkloadController>(ApiObject.of(deployment), (rendered) => ({
      ...restricted(rendered),
      spec: { ...restricted(rendered).spec!, selector: { matchLabels: labels } },
    }));
    onRendered<WorkloadController>(ApiObject.of(deployment), (rendered) =>
      withPlugins(rendered, this.plugins, RUN_ON_THIS_MACHINE),
    );

    const service = new Service(this, 'Service', {
      metadata,
      ports: PORTS.map((port) => ({
        port: port === WEBHOOK ? WEBHOOK_SERVICE_PORT : port.number,
        targetPort: port.number,
        name: port.name,
      })),
    });
    service.selectLabel('app', name);
    onRendered<KubeService>(ApiObject.of(service), withProtocols);
    for (const tag of [undefined, ...this.tags]) {
      for (const { kind, metadata: own, ...rest } of tag === undefined
        ? webhookConfigurations({ namespace, revision })
        : tagObjects({ namespace, revision, tag })) {
        const id = tag === undefined ? kind : `${kind}-${tag}`;
        new ApiObject(this, id, { kind, metadata: { name: own.name, labels: own.labels }, ...rest });
      }
    }
    const standby =
      zones > 0
        ? new StandbyDeployment(this, 'standby', {
            namespace,
            revision,
            zones,
            image: this.image,
            certificateSeconds: props.certificateSeconds,
            memory,
            plugins: this.plugins,
          })
        : undefined;
    this.standby = standby && standbyIn(namespace, revision);
    this.readers = [account, ...(standby ? [standby.serviceAccount] : [])];
    new ApiObject(this, 'PodDisruptionBudget', {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata,
      // A single replica must still let its node be drained.
      spec: { ...(replicas > 1 ? { minAvailable: 1 } : { maxUnavailable: 1 }), selector: { matchLabels: labels } },
    });
    // By it `malha uninstall --revision` finds what is of this revision alone.
    for (const object of this.node.findAll().filter(ApiObject.isApiObject)) {
      object.metadata.addLabel(REVISION_LABEL, this.revision);
    }
  }

  /** Has it load a plugin that is installed in its image. @internal */
  loadPlugin(name: string): void {
    this.plugins.push(name);
  }

  /** Whether it loads a plugin. @internal */
  loads(plugin: string): boolean {
    return this.plugins.includes(plugin);
  }

  /** Host and port where proxies ask for their configuration. */
  get address(): string {
    return `${this.host}:${this.xdsTlsPort}`;
  }
}

/** How `malha up` runs the control plane: from the files that it runs the mesh from. It adds where proxies connect. */
const RUN_ON_THIS_MACHINE =
  '$(MALHA) control-plane --registry files --files $(MESH_DIR) --http $(POD_IP):15014 ' +
  '--pod-range $(POD_RANGE) --service-range $(SERVICE_RANGE) --insecure';

function revisionOf(scope: Construct, revision = DEFAULT_REVISION): string {
  if (isRevisionName(revision)) return revision;
  throw problemAt(scope, {
    code: 'MAL0190',
    what: 'a revision or tag is part of names and the value of labels',
    got: `'${revision}'`,
    allowed: ALLOWED_REVISION,
    fix: "revision: 'v1-2'",
  });
}

function withProtocols(service: KubeService): KubeService {
  const { externalIPs: _, ...spec } = service.spec as KubeService['spec'] & { externalIPs?: string[] };
  const protocols = new Map([
    [XDS.name, 'grpc'],
    [XDS_TLS.name, 'grpc'],
    [WEBHOOK.name, 'https'],
  ]);
  const protocolOf = (name = '') => protocols.get(name) ?? 'http';
  return {
    ...service,
    spec: { ...spec, ports: spec.ports?.map((port) => ({ ...port, appProtocol: protocolOf(port.name) })) },
  };
}
