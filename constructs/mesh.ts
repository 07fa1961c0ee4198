/**
 * The mesh: what every member shares. It owns the charts `<id>-crds` (the first file, alone), `<id>-namespaces`,
 * `<id>-system` (control plane and what looks at the mesh) and `<id>-policy` (what holds for every member, written
 * out as objects), and it has synthesis check the whole program.
 */
import { ApiObject, Chart } from 'cdk8s';
import { Construct } from 'constructs';
import { parse, stringify } from 'yaml';
import type { ExtensionProvider, MeshConfig } from '../lib/api';
import type { ConfigMap } from '../lib/api/kubernetes';
import type { KubeObject } from '../lib/api/object';
import { meshAnchorName, meshLabel } from '../lib/api/ownership';
import type { InjectOptions } from '../lib/injector';
import type { NamedPatch } from '../lib/pilot/patch';
import { patchesOf } from '../lib/plugin';
import { complete } from '../lib/world';
import { AccessLog } from './access-log';
import { Capture, restrictedNamespaces } from './capture';
import { ControlPlane, type ControlPlaneProps } from './control-plane';
import { customResourceDefinitions } from './custom-resources';
import type { Gateway } from './gateway';
import { Identity, MtlsMode, UndeclaredCalls } from './identity';
import { checkSameApp } from './mesh-boundary';
import { type MeshConfigurationProps, meshConfiguration } from './mesh-configuration';
import { memberNamespace, systemNamespace } from './mesh-namespaces';
import { meshPolicy } from './mesh-policy';
import { MeshRevisions } from './mesh-revisions';
import type { MeshService } from './mesh-service';
import { Monitoring } from './monitoring';
import { meshRules } from './observability/alert-rules';
import { OpenTelemetryCollector } from './observability/collector';
import { Grafana } from './observability/grafana';
import { Jaeger } from './observability/jaeger';
import type { MeshGraph } from './observability/mesh-dashboards';
import { type Objectives, objectiveRules } from './observability/objective';
import { OperatorMonitoring } from './observability/operator';
import { Prometheus } from './observability/prometheus';
import { Zipkin } from './observability/zipkin';
import { OutboundPolicy } from './outbound-policy';
import { namespaceMtls } from './peer-authentication';
import { checkDuration } from './plain-value';
import type { PlatformInMesh } from './platform/in-mesh';
import { Platform } from './platform/platform';
import type { Plugin } from './plugin';
import { usePlugin } from './plugin/use-plugin';
import { type Problem, problemAt, reportAtSynthesis } from './problem';
import { onRendered } from './rendered';
import { type MeshRequest, type Outcome, renderedBelow, request } from './request';
import type { IMeshService } from './service-version';
import type { SignedImages } from './signed-images';
import { checkAtSynthesis, writtenByMalha } from './synthesis';
import type { SpanSink, Tracing } from './tracing';
import type { Duration } from './units';

/** What a mesh is made of; every default is safe. */
export interface MeshProps {
  /** The system namespace, which is also the root namespace of policies. Default: `malha-system`. */
  readonly namespace?: string;
  /** How the control plane is installed. Default: two replicas of this version, and the CRDs. */
  readonly controlPlane?: ControlPlaneProps;
  /** Where traces go. Default: nowhere. */
  readonly tracing?: Tracing;
  /** What counts and shows. Default: nothing is installed. */
  readonly monitoring?: Monitoring;
  /** Where requests are reported. Default: to the control plane, which counts who calls whom. */
  readonly accessLogs?: readonly AccessLog[];
  /** Where it runs. Default: `Platform.kubernetes()`. */
  readonly platform?: Platform;
  /** How traffic gets into sidecars, unless their namespace or service says otherwise. Default: transparently. */
  readonly capture?: Capture;
  /** What happens to requests for unknown hosts. Default: they are refused. */
  readonly outbound?: OutboundPolicy;
  /** Whose signatures images of WebAssembly modules need; with any, an image for which none holds is not served. Default: none is needed. */
  readonly images?: readonly SignedImages[];
  /** How workloads get their certificates. Default: by podCertificate volumes. */
  readonly identity?: Identity;
  /** What workloads take, unless their namespace or service says otherwise. Default: mutual TLS alone. */
  readonly mtls?: MtlsMode;
  /** What happens to calls that nobody has declared. Default: they are refused. */
  readonly undeclaredCalls?: UndeclaredCalls;
  /** The first part of every identity, `spiffe://<trust domain>/…`. Default: `cluster.local`. */
  readonly trustDomain?: string;
  /** How long a workload's certificate is good: an hour to a day; it is renewed long before. Default: a day. */
  readonly certificateLifetime?: Duration;
  /** Whether the namespaces of members are written too. Default: true. */
  readonly createNamespaces?: boolean;
}

/** A mesh. Declare it first: its charts come before those of its members. */
export class Mesh extends Construct {
  /** The system namespace, the root namespace of policies. */
  readonly namespace: string;
  /** What every proxy asks for its configuration. */
  readonly controlPlane: ControlPlane;
  /** With `Monitoring.bundled()`. */
  readonly prometheus?: Prometheus;
  /** With `Monitoring.bundled()`. */
  readonly grafana?: Grafana;
  /** With `Tracing.jaeger()`. */
  readonly jaeger?: Jaeger;
  /** With `Tracing.zipkin()`. */
  readonly zipkin?: Zipkin;
  /** With `Tracing.viaCollector()`. */
  readonly collector?: OpenTelemetryCollector;
  /** All control planes of the mesh. @internal */
  readonly revisions = new MeshRevisions(this);
  /** What its platform does otherwise. @internal */
  readonly platform: PlatformInMesh;
  private readonly charts: { crds?: Chart; namespaces: Chart; system: Chart; policy: Chart };
  private readonly createNamespaces: boolean;
  /** What control planes are told of the mesh, and where. */
  private readonly configured: {
    readonly maps: ApiObject[];
    readonly props: MeshConfigurationProps;
    readonly first: ControlPlaneProps;
    readonly place: ConstructorParameters<typeof ControlPlane>[2];
  };
  private readonly capture: Capture;
  private readonly captures = new Map<string, Capture>();
  private readonly namespaces = new Set<string>();
  private readonly claims = new Map<string, string>();
  private readonly members: (IMeshService | Gateway)[] = [];
  private readonly plugins: Plugin[] = [];
  private readonly providers: ExtensionProvider[] = [];
  private readonly objectives: { readonly host: string; readonly promised: Objectives }[] = [];

  constructor(scope: Construct, id: string, props: MeshProps = {}) {
    super(scope, id);
    this.namespace = props.namespace ?? 'malha-system';
    checkAlone(this);
    this.capture = props.capture ?? Capture.transparent();
    this.createNamespaces = props.createNamespaces ?? true;
    // The charts stand beside the mesh, not below it: a chart's file has a plain name only at the top of an app.
    const chart = (name: string, labels = {}) => writtenByMalha(new Chart(scope, `${id}-${name}`, { labels }));
    const crds = props.controlPlane?.crds === 'existing' ? undefined : chart('crds');
    const own = meshLabel(this.namespace);
    this.charts = { crds, namespaces: chart('namespaces'), system: chart('system', own), policy: chart('policy', own) };
    // One small dependency is enough for cdk8s to number the files in the order of declaration; a dependency of every
    // member on the system would cost the product of their sizes.
    if (crds) this.charts.namespaces.addDependency(crds);
    else this.charts.system.addDependency(this.charts.namespaces);

    if (crds) customResourceDefinitions(crds);
    systemNamespace(this.charts.namespaces, this.namespace);
    this.namespaces.add(this.namespace);
    const { system, policy } = this.charts;
    this.platform = (props.platform ?? Platform.kubernetes()).inMesh({ namespace: this.namespace, policy });
    const { assignedUsers } = this.platform;
    const lifetime = certificateSeconds(this, props.certificateLifetime);
    const identity = (props.identity ?? Identity.podCertificate()).way;
    const place = {
      namespace: this.namespace,
      certificateSeconds: lifetime,
      identity,
      capture: this.capture.way,
      assignedUsers,
    };
    this.controlPlane = new ControlPlane(system, 'control-plane', { ...props.controlPlane, ...place });
    this.revisions.add(this.controlPlane);
    anchor(system, this.namespace);
    const { install } = props.tracing ?? {};
    const { namespace } = this;
    if (install?.kind === 'jaeger') this.jaeger = new Jaeger(system, 'jaeger', { namespace });
    if (install?.kind === 'zipkin') this.zipkin = new Zipkin(system, 'zipkin', { namespace });
    if (install?.kind === 'collector') {
      this.collector = new OpenTelemetryCollector(system, 'otel-collector', { namespace, to: install.to });
    }
    const { bundle, operator } = props.monitoring ?? Monitoring.none();
    const shown = {
      namespace: this.namespace,
      rules: () => [
        meshRules(lifetime),
        ...this.objectives.flatMap(({ host, promised }) => objectiveRules(host, promised)),
      ],
      graph: () => this.graph(),
    };
    if (bundle) {
      const controlPlanes = () => this.revisions.controlPlanes;
      this.prometheus = new Prometheus(system, 'prometheus', { ...bundle, ...shown, controlPlanes });
      this.grafana = new Grafana(system, 'grafana', { ...shown, prometheus: this.prometheus });
    }
    if (operator) new OperatorMonitoring(system, 'monitoring', { ...operator, ...shown });
    this.platform.system?.(system);
    const told = {
      namespace: this.namespace,
      tracing: props.tracing && { sink: this.spanSink(props.tracing), sampling: props.tracing.sampling },
      accessLogs: props.accessLogs ?? [AccessLog.controlPlane()],
      outbound: props.outbound ?? OutboundPolicy.registryOnly(),
      trustDomain: trustDomainOf(this, props.trustDomain),
      images: props.images ?? [],
    };
    this.configured = {
      maps: [meshConfiguration(policy, this.controlPlane, told)],
      props: told,
      first: props.controlPlane ?? {},
      place,
    };
    meshPolicy(policy, {
      ...told,
      mtls: props.mtls ?? MtlsMode.strict(),
      undeclaredCalls: props.undeclaredCalls ?? UndeclaredCalls.refuse(),
    });
    reportAtSynthesis(this, () => [...this.forbiddenCaptures(), ...this.revisions.unknown()]);
    checkAtSynthesis(this, this.namespace, bundle !== undefined || operator !== undefined);
  }

  private spanSink({ sink }: Tracing): SpanSink {
    if (sink) return sink;
    if (this.zipkin) return { ...this.zipkin.collector, form: 'zipkin' };
    return { ...(this.jaeger ?? this.collector)!.collector, form: 'otlp' };
  }

  /**
   * What a request would do, answered by the translation that feeds Envoy. Looks at the whole program as it stands now.
   * @throws when the request starts at a workload that this program does not make.
   */
  request(question: MeshRequest): Outcome {
    return request(this.node.root, question, patchesOf(this.plugins));
  }

  /**
   * What a control plane would translate: the objects of the whole program as it stands now, with the Pods that a cluster would make,
   * and what plugins change after that.
   * @internal
   */
  get translated(): { readonly objects: readonly KubeObject[]; readonly patches: readonly NamedPatch[] } {
    return { objects: complete(renderedBelow(this.node.root)), patches: patchesOf(this.plugins) };
  }

  /**
   * Uses a plugin: its constructs are declared, its rules judge the program, its tags are on metrics and spans, and the control plane
   * loads what it changes of Envoy's resources. Its checks are for a `PluginAuthorizer`.
   * @throws when the mesh uses it already, or when its constructs write where they have no place.
   */
  use(plugin: Plugin): this {
    if (this.plugins.some(({ name }) => name === plugin.name)) {
      throw problemAt(this, {
        code: 'MAL0173',
        what: 'a mesh uses a plugin once',
        got: `${plugin.name} twice`,
        allowed: 'one mesh.use for each plugin',
        fix: 'remove one of them',
      });
    }
    this.plugins.push(plugin);
    const { system, policy } = this.charts;
    usePlugin({ mesh: this, controlPlane: this.controlPlane, system, policy }, plugin);
    return this;
  }

  /**
   * Says what the workloads of one namespace take, whatever the mesh says: the way from plaintext to strict goes
   * namespace by namespace.
   */
  addNamespaceMtls(namespace: string, mode: MtlsMode): void {
    if (namespace === this.namespace) {
      throw problemAt(this, {
        code: 'MAL0150',
        what: 'what is said in the system namespace holds for the whole mesh',
        got: `addNamespaceMtls('${namespace}', …)`,
        allowed: 'the namespace of members',
        fix: 'pass mtls to the Mesh',
      });
    }
    namespaceMtls(this.charts.policy, `mtls-${namespace}`, namespace, mode);
  }

  /**
   * Installs another control plane of this mesh beside the first, such as the next version: it shares the authority, and namespaces
   * go over to it one by one, by `addNamespaceRevision` or by moving a tag (docs/kubernetes.md). Default of what is not said: as it is
   * of the first; images are those of this version of Malha.
   * @throws when another one has its revision or a tag of it.
   */
  addRevision(props: Omit<ControlPlaneProps, 'crds'> & { readonly revision: string }): ControlPlane {
    const { system, policy } = this.charts;
    const { place, props: told, maps, first } = this.configured;
    const { image: _, proxyImage: __, tags: ___, ...alike } = first;
    const all = { ...alike, ...props, ...place };
    const controlPlane = new ControlPlane(system, `control-plane-${props.revision}`, all);
    this.revisions.add(controlPlane);
    for (const { name } of this.plugins) if (this.controlPlane.loads(name)) controlPlane.loadPlugin(name);
    const map = meshConfiguration(policy, controlPlane, told);
    for (const provider of this.providers) withProvider(map, provider);
    maps.push(map);
    return controlPlane;
  }

  /**
   * Says which control plane the Pods of one namespace have, by its revision or a tag of it: those that get their sidecar here, and
   * those that get it at admission. Default: that of the mesh.
   */
  addNamespaceRevision(namespace: string, name: string): void {
    this.revisions.choose(namespace, name);
  }

  /** How the workloads of a namespace get their sidecar. @internal */
  injectionFor(namespace: string): InjectOptions {
    const { identity, certificateSeconds, assignedUsers } = this.configured.place;
    const { address, standby, proxyImage, image } = this.revisions.of(namespace);
    const images = { proxy: proxyImage, init: image };
    return { controlPlane: address, standby, identity, certificateSeconds, assignedUsers, images };
  }

  /**
   * Says how traffic gets into the sidecars of one namespace, for services that are declared after it. Pods that are injected at admission
   * go by their own annotation `sidecar.istio.io/interceptionMode`, else by the mesh.
   */
  addNamespaceCapture(namespace: string, capture: Capture): void {
    this.captures.set(namespace, capture);
  }

  /** How traffic gets into the sidecars of a namespace. @internal */
  captureOf(namespace: string): Capture {
    return this.captures.get(namespace) ?? this.capture;
  }

  /** Services whose Pods their namespace would not let start. */
  private forbiddenCaptures(): Problem[] {
    const restricted = restrictedNamespaces(this.node.root);
    const whole = this.capture.way === 'transparent' ? this.platform.whyNotRedirected?.() : undefined;
    const injected: Problem = {
      code: 'MAL0154',
      what: 'Pods that are injected at admission would be refused: transparent capture needs NET_ADMIN and NET_RAW',
      got: whole,
      allowed: 'explicit capture',
      fix: 'pass capture: Capture.explicit() to the Mesh',
    };
    const services = this.members.flatMap((member) => {
      const level = restricted.get(member.namespace);
      const got = level
        ? `Namespace ${member.namespace}, which enforces Pod Security ${level}`
        : this.platform.whyNotRedirected?.(member.namespace);
      if (!got || !('capture' in member) || (member as MeshService<string>).capture.way === 'explicit') return [];
      return [
        {
          code: 'MAL0154' as const,
          what: `the Pods of ${member.host} would be refused: transparent capture needs NET_ADMIN and NET_RAW`,
          got,
          allowed: level
            ? 'explicit capture there, or a namespace that enforces privileged'
            : 'explicit capture there, or a namespace whose Pods run on nodes',
          fix: `mesh.addNamespaceCapture('${member.namespace}', Capture.explicit()), or capture: Capture.explicit() of the service`,
        },
      ];
    });
    return whole === undefined ? services : [injected, ...services];
  }

  /** Notes what a service promises. @internal */
  promise(host: string, promised: Objectives): void {
    this.objectives.push({ host, promised });
  }

  /** The services of this program and the workloads behind them, as metrics name them. */
  private graph(): MeshGraph {
    const services = this.members.filter((member) => 'versionNames' in member) as MeshService<string>[];
    return {
      services: services.map(({ host }) => host),
      workloads: services.flatMap((service) =>
        service.versionNames.map((version) => ({ name: service.workloadName(version), namespace: service.namespace })),
      ),
    };
  }

  /** Adds a provider that policies of any member can name. @internal */
  addExtensionProvider(provider: ExtensionProvider): void {
    this.providers.push(provider);
    for (const map of this.configured.maps) withProvider(map, provider);
  }

  /** Makes a service or a gateway a member: its namespace is written, its host is claimed. @internal */
  join(member: IMeshService | Gateway): void {
    checkSameApp(member, this);
    writtenByMalha(member);
    this.claim(member.host, member);
    this.members.push(member);
    const chart = Chart.of(member);
    if (comesBefore(chart, this.charts.namespaces)) chart.addDependency(this.charts.namespaces);
    if (this.createNamespaces && !this.namespaces.has(member.namespace)) {
      this.namespaces.add(member.namespace);
      const { namespace } = member;
      memberNamespace(this.charts.namespaces, namespace, () => this.revisions.labelsOf(namespace));
    }
  }

  private claim(host: string, member: Construct | IMeshService): void {
    const owner = this.claims.get(host);
    if (owner !== undefined) {
      throw problemAt(member, {
        code: 'MAL0117',
        what: 'the host is claimed twice',
        got: `${host}, which ${owner} has already`,
        allowed: 'one service or gateway for each name in a namespace',
        fix: "pass another name: '…', or declare one of them in another namespace",
      });
    }
    this.claims.set(host, member.node.path);
  }
}

/** What every revision has a part in: the owner of what is published for the cluster. It allows nothing. */
function anchor(system: Chart, namespace: string): void {
  new ApiObject(system, 'Anchor', {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: meshAnchorName(namespace) },
    rules: [],
  });
}

function withProvider(configMap: ApiObject, provider: ExtensionProvider): void {
  onRendered<ConfigMap>(configMap, (rendered) => {
    const config = parse(rendered.data?.['mesh'] ?? '') as MeshConfig;
    const extensionProviders = [...(config.extensionProviders ?? []), provider];
    return {
      ...rendered,
      data: { ...rendered.data, mesh: stringify({ ...config, extensionProviders }, { lineWidth: 0 }) },
    };
  });
}

/** Two meshes would write the same control plane, the same policies and the same webhooks. */
function checkAlone(mesh: Mesh): void {
  const others = mesh.node.root.node.findAll().filter((other) => other instanceof Mesh && other !== mesh);
  const other = (others as Mesh[]).find(({ namespace }) => namespace === mesh.namespace);
  if (!other) return;
  throw problemAt(mesh, {
    code: 'MAL0124',
    what: 'a mesh has a system namespace of its own',
    got: `'${mesh.namespace}', which is that of the mesh '${other.node.path}'`,
    allowed: 'another namespace for each mesh of an app',
    fix: "use one Mesh for all services, or pass namespace: '…'",
  });
}

/** What kube-apiserver takes, and what Citadel gives at most. */
const SHORTEST_CERTIFICATE = 3_600;
const LONGEST_CERTIFICATE = 86_400;

function certificateSeconds(mesh: Construct, lifetime: Duration | undefined): number | undefined {
  checkDuration(mesh, 'certificateLifetime', lifetime);
  const seconds = lifetime?.toSeconds();
  if (seconds === undefined || (seconds >= SHORTEST_CERTIFICATE && seconds <= LONGEST_CERTIFICATE)) return seconds;
  throw problemAt(mesh, {
    code: 'MAL0151',
    what: 'no certificate of a workload is good for so long',
    got: `${seconds} s`,
    allowed: `${SHORTEST_CERTIFICATE} to ${LONGEST_CERTIFICATE} s`,
    fix: 'certificateLifetime: Duration.hours(12), or leave it out',
  });
}

function trustDomainOf(mesh: Construct, name: string | undefined): string | undefined {
  if (name === undefined || /^[a-z0-9._-]{1,255}$/.test(name)) return name;
  throw problemAt(mesh, {
    code: 'MAL0152',
    what: 'the trust domain is the first part of every SPIFFE id',
    got: `'${name}'`,
    allowed: 'up to 255 lower-case letters, digits, dots, dashes and underscores',
    fix: "trustDomain: 'prod.example.com', or leave it out",
  });
}

/** Whether `a` stands before `b` in the tree; charts without dependencies are written in this order. */
function comesBefore(a: Construct, b: Construct): boolean {
  const [left, right] = [a.node.scopes, b.node.scopes];
  const fork = left.findIndex((construct, index) => construct !== right[index]);
  const siblings = left[fork - 1]?.node.children ?? [];
  return siblings.indexOf(left[fork]!) < siblings.indexOf(right[fork]!);
}
