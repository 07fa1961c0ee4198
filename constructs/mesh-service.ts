/** A service of the mesh: its name, its ports, its versions, who it is, and how requests find their version. */
import { ApiObject, Chart, Lazy } from 'cdk8s';
import { Service, ServiceAccount } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import type { HTTPRoute as IstioRoute } from '../lib/api';
import type { Service as KubeService, WorkloadController } from '../lib/api/kubernetes';
import { type Caller, type CallOptions, CallPolicy, type ICaller } from './callers';
import { type Capture, explicitCapture, sidecarPorts } from './capture';
import { enrolled } from './enrolment';
import { HTTPRoute } from './gateway-api';
import { httpRouteProblems, httpRouteRules, versionService } from './http-route-rules';
import type { MtlsMode } from './identity';
import { imageDeployment } from './image-deployment';
import { DestinationRule } from './istio';
import type { LoadBalancing } from './load-balancing';
import { Match } from './match';
import type { Mesh } from './mesh';
import { checkSameMesh } from './mesh-boundary';
import { isDnsLabel } from './names';
import { isPromise, LATENCY_STEPS, type Objectives } from './observability/objective';
import { ServiceMtls } from './peer-authentication';
import { checkDuration, checkMesh, checkPercent, checkPorts } from './plain-value';
import { namedPorts, type Port } from './port';
import { type Problem, problemAt, reportAtSynthesis } from './problem';
import { type LimitProps, RateLimit } from './rate-limit';
import { ReferenceGrants } from './reference-grants';
import { onRendered } from './rendered';
import { checkReserved } from './reserved-ports';
import { type Resilience, trafficPolicyOf } from './resilience';
import { Route, type RouteProps } from './route';
import { RouteApi } from './route-api';
import { destinationOf, type IMeshService, type IRouteTarget, ServiceVersion } from './service-version';
import { type JwtOptions, RequiredJwt } from './tokens';
import { type IWorkload, WORKLOAD_KINDS, Workload } from './workload';

/** A service: where it belongs, what it listens on, what runs behind it. */
export interface MeshServiceProps<V extends string = string> {
  /** The mesh that it joins. */
  readonly mesh: Mesh;
  /** The Service's name. Default: the id of the construct. */
  readonly name?: string;
  /** The only port. Give this or `ports`. */
  readonly port?: Port;
  /** Several ports. Give this or `port`. */
  readonly ports?: readonly Port[];
  /** The image of the only version, `v1`. Give this or `versions`. */
  readonly image?: string;
  /** The workloads behind the service, by version. */
  readonly versions?: Readonly<Record<V, Workload | IWorkload>>;
  /** The service account of all versions, which is their identity. Default: one with the service's name. */
  readonly serviceAccountName?: string;
  /** What its workloads take. Default: as their namespace or the mesh says. */
  readonly mtls?: MtlsMode;
  /** How traffic gets into its sidecars. Default: as its namespace or the mesh says. */
  readonly capture?: Capture;
  /** How callers protect the service. Default: the API's, no limits. */
  readonly resilience?: Resilience;
  /** In which API its routes are written. Default: `RouteApi.istio()`. */
  readonly api?: RouteApi;
  /** How callers choose among its endpoints. Default: the one with fewer requests in flight. */
  readonly loadBalancing?: LoadBalancing;
}

/**
 * A service with its Service, ServiceAccount, workloads, DestinationRule (one subset per version) and, once it has
 * routes, its VirtualService. Requests that no route takes go to any version, as without routes.
 */
export class MeshService<V extends string = 'v1'> extends Construct implements IMeshService {
  /** A service that another program declares, to route to and to match on. */
  static fromAttributes(scope: Construct, id: string, attributes: MeshServiceAttributes): IMeshService {
    return new ImportedService(scope, id, attributes);
  }

  /** The mesh that it joined. */
  readonly mesh: Mesh;
  readonly name: string;
  readonly namespace: string;
  readonly host: string;
  /** As callers reach them: with explicit capture their target ports are the sidecars'. */
  readonly ports: readonly Port[];
  /** How traffic gets into its sidecars. */
  readonly capture: Capture;
  readonly podLabels: Readonly<Record<string, string>>;
  /** The service account that all its Pods run as. */
  readonly serviceAccountName: string;
  readonly versionNames: readonly V[];
  private readonly rules: Route[] = [];
  private readonly api: RouteApi;
  private readonly trafficPolicy: ReturnType<typeof trafficPolicyOf>;
  private grants?: ReferenceGrants;
  /** Whether versions are Services of their own, and those of the routes' targets too. */
  private offersVersions = false;
  private readonly workloads = new Map<string, ApiObject>();
  private serviceMtls?: ServiceMtls;
  private readonly callPolicies: { ALLOW?: CallPolicy; DENY?: CallPolicy } = {};

  constructor(scope: Construct, id: string, props: MeshServiceProps<V>) {
    super(scope, id);
    checkMesh(this, props.mesh);
    this.mesh = props.mesh;
    this.api = props.api ?? RouteApi.istio();
    this.trafficPolicy = trafficPolicyOf(props.resilience ?? {}, props.loadBalancing);
    this.name = props.name ?? id;
    this.namespace = namespaceOf(this);
    this.host = `${this.name}.${this.namespace}.svc.cluster.local`;
    this.capture = props.capture ?? this.mesh.captureOf(this.namespace);
    const inside = portsOf(this, props);
    checkReserved(this, inside, this.capture.way);
    const isExplicit = this.capture.way === 'explicit';
    this.ports = isExplicit ? sidecarPorts(inside) : inside;
    this.podLabels = { app: this.name };
    this.serviceAccountName = props.serviceAccountName ?? this.name;
    if (!isDnsLabel(this.name)) {
      throw problemAt(this, {
        code: 'MAL0110',
        what: 'the name of a service becomes a host name',
        got: `'${this.name}'`,
        allowed: 'up to 63 lower-case letters, digits and dashes, starting with a letter',
        fix: "pass name: '…', or change the id",
      });
    }
    const versions = versionsOf(this, props);
    this.versionNames = Object.keys(versions) as V[];
    this.mesh.join(this);

    const metadata = { namespace: this.namespace, labels: this.podLabels };
    const account = new ServiceAccount(this, 'ServiceAccount', {
      metadata: { ...metadata, name: this.serviceAccountName },
      automountToken: false,
    });
    // What containers have, and what callers reach.
    const ports = namedPorts(inside);
    const service = new Service(this, 'Service', {
      metadata: { ...metadata, name: this.name },
      ports: namedPorts(this.ports).map(({ port, name }) => ({ name, port: port.number, targetPort: port.targetPort })),
    });
    for (const [label, value] of Object.entries(this.podLabels)) service.selectLabel(label, value);
    onRendered<KubeService>(ApiObject.of(service), (rendered) => withProtocols(rendered, this.ports));

    for (const [version, workload] of Object.entries<Workload | IWorkload>(versions)) {
      const labels = { ...this.podLabels, version };
      const object =
        workload instanceof Workload
          ? ApiObject.of(
              imageDeployment(this, version, {
                name: `${this.name}-${version}`,
                namespace: this.namespace,
                labels,
                workload,
                ports,
                serviceAccount: account,
              }),
            )
          : this.existing(version, workload);
      this.workloads.set(version, object);
      onRendered<WorkloadController>(object, (rendered) =>
        enrolled(rendered, {
          labels,
          ports,
          serviceAccountName: this.serviceAccountName,
          injection: {
            ...this.mesh.injectionFor(this.namespace),
            capture: this.capture.way,
            proxyId: this.mesh.platform.proxyId?.(this.namespace),
          },
        }),
      );
    }

    new ApiObject(this, 'DestinationRule', {
      apiVersion: 'networking.istio.io/v1',
      kind: 'DestinationRule',
      metadata: { ...metadata, name: this.name },
      spec: {
        host: this.host,
        trafficPolicy: this.trafficPolicy,
        subsets: this.versionNames.map((version) => ({ name: version, labels: { version } })),
      },
    });
    if (isExplicit) explicitCapture(this, inside);
    this.mesh.platform.service?.(this, account);
    if (props.mtls) this.serviceMtls = new ServiceMtls(this, props.mtls);
    reportAtSynthesis(this, () => this.problems());
  }

  /** The service itself, as a route's target: any of its versions. */
  get service(): IMeshService {
    return this;
  }

  /** Its rules, in the order in which they are tried. */
  get routes(): readonly Route[] {
    return [...this.rules];
  }

  /** One of the versions, as a route's target. */
  version(name: V): ServiceVersion {
    return versionOf(this, name);
  }

  /**
   * Adds a rule behind those already there: rules are tried in the order of their declaration, the first that matches
   * wins.
   */
  addRoute(id: string, props: RouteProps): Route {
    if (!this.ports.some((port) => port.isHttp)) {
      throw problemAt(this, {
        code: 'MAL0111',
        what: `route '${id}' needs requests that can be told apart`,
        got: `ports ${this.ports.map(({ number, protocol }) => `${number} (${protocol})`).join(', ')}`,
        allowed: 'at least one port of Port.http, Port.http2 or Port.grpc',
        fix: 'declare the protocol that the workload speaks',
      });
    }
    const route = new Route(this, id, props);
    for (const target of route.targets) checkSameMesh(this, `what route '${id}' leads to`, target.service);
    for (const caller of Match.callersOf(props.match ?? [])) checkSameMesh(this, `a caller of route '${id}'`, caller);
    if (this.rules.length === 0) this.addRouteObjects();
    this.rules.push(route);
    if (this.offersVersions) offerVersionsOf(route.targets);
    if (this.api.isGatewayApi) for (const target of route.targets) this.grantTo(target.service);
    return route;
  }

  /** Whether routes of the Gateway API may lead to its versions. @internal */
  offerVersions(): void {
    if (this.offersVersions) return;
    this.offersVersions = true;
    // Where there is one version, the service is that.
    for (const version of this.versionNames) this.addVersionService(version);
    offerVersionsOf(this.rules.flatMap(({ targets }) => targets));
  }

  /** Its versions' Services and its own: all that its routes can lead to without leaving it. @internal */
  get backendNames(): string[] {
    return [this.name, ...this.versionNames.map((version) => versionService(this.name, version))];
  }

  private addVersionService(version: V): void {
    const name = versionService(this.name, version);
    const labels = { ...this.podLabels, version };
    const ports = namedPorts(this.ports);
    const service = new Service(this, `Service-${version}`, {
      metadata: { name, namespace: this.namespace, labels: this.podLabels },
      ports: ports.map(({ port, name: portName }) => ({
        name: portName,
        port: port.number,
        targetPort: port.targetPort,
      })),
    });
    for (const [label, value] of Object.entries(labels)) service.selectLabel(label, value);
    onRendered<KubeService>(ApiObject.of(service), (rendered) => withProtocols(rendered, this.ports));
    new DestinationRule(this, `DestinationRule-${version}`, {
      metadata: { name, namespace: this.namespace, labels: this.podLabels },
      spec: { host: `${name}.${this.namespace}.svc.cluster.local`, trafficPolicy: this.trafficPolicy },
    });
  }

  private grantTo(service: IMeshService): void {
    this.grants ??= new ReferenceGrants(this, this);
    this.grants.allow(service.namespace, backendNamesOf(service));
  }

  /**
   * Promises callers a share of good answers, and of answers in time: the mesh's Prometheus records how well that is kept,
   * and alerts when the error budget of 30 days burns too fast.
   * @throws when a promise leaves no budget, or when its time is none by which proxies sort their answers.
   */
  slo(objectives: Objectives): this {
    const { availability, latency } = objectives;
    checkPercent(this, 'availability', availability);
    checkPercent(this, 'latency.share', latency?.share);
    checkDuration(this, 'latency.within', latency?.within);
    const fail = (got: string, allowed: string, fix: string) =>
      problemAt(this, { code: 'MAL0121', what: 'the objective cannot be kept or measured', got, allowed, fix });
    for (const share of [availability, latency?.share]) {
      if (share && !isPromise(share)) {
        throw fail(`${share.value} %`, 'less than 100 %, which leaves no budget', 'promise 99.99 %');
      }
    }
    const milliseconds = latency?.within.toMilliseconds();
    if (milliseconds !== undefined && !LATENCY_STEPS.includes(milliseconds)) {
      throw fail(
        `${milliseconds} ms`,
        `one of ${LATENCY_STEPS.join(', ')} ms, by which Envoy counts`,
        'take the next of them',
      );
    }
    this.mesh.promise(this.host, objectives);
    return this;
  }

  /**
   * Allows the workloads of this service to call another. The rule is part of the other service's policy: from then on
   * only what some rule allows gets there.
   */
  calls(service: MeshService<string>, options?: CallOptions): this {
    checkSameMesh(this, 'what it calls', service);
    service.allowCallsFrom(this, options);
    return this;
  }

  /** Allows calls from a service, a gateway, or a caller that the program does not declare. */
  allowCallsFrom(caller: ICaller | Caller, options?: CallOptions): this {
    checkSameMesh(this, 'the caller', caller);
    this.callPolicies.ALLOW ??= new CallPolicy(this, 'ALLOW');
    this.callPolicies.ALLOW.add(caller, options);
    return this;
  }

  /** Refuses calls, whatever else allows them. */
  denyCallsFrom(caller: ICaller | Caller, options?: CallOptions): this {
    this.callPolicies.DENY ??= new CallPolicy(this, 'DENY');
    this.callPolicies.DENY.add(caller, options);
    return this;
  }

  /**
   * Lets a Prometheus without a certificate of the mesh scrape the application: this one path is open on this port, also to
   * plain requests. A Prometheus that is a member needs `allowCallsFrom` alone.
   * @param port of the workload.
   */
  allowScrapes(port: number, path = '/metrics'): this {
    this.serviceMtls ??= new ServiceMtls(this);
    this.serviceMtls.open(port);
    this.callPolicies.ALLOW ??= new CallPolicy(this, 'ALLOW');
    this.callPolicies.ALLOW.addOperation({ ports: [String(port)], methods: ['GET'], paths: [path] });
    return this;
  }

  /**
   * Limits how many requests its workloads take; several limits hold together. What is too much is answered with 429.
   * @throws when the service has no HTTP port, or the limit cannot be counted so.
   */
  addLimit(id: string, props: LimitProps): this {
    if (!this.ports.some((port) => port.isHttp)) {
      throw problemAt(this, {
        code: 'MAL0111',
        what: `limit '${id}' needs requests that can be counted`,
        got: `ports ${this.ports.map(({ number, protocol }) => `${number} (${protocol})`).join(', ')}`,
        allowed: 'at least one port of Port.http, Port.http2 or Port.grpc',
        fix: 'declare the protocol that the workload speaks',
      });
    }
    new RateLimit(this, id, this.podLabels, props);
    return this;
  }

  /** Asks every request for a good token of an issuer. */
  requireJwt(options: JwtOptions): this {
    new RequiredJwt(this, options);
    return this;
  }

  /**
   * What is done with a request to one of the ports, in order; always ends with a rule that takes everything.
   * @internal
   */
  toHttpRoutes(port: Port): IstioRoute[] {
    // A rule without a target is complained about by itself; it says nothing that could be written.
    const rules = this.rules.filter(({ hasTarget }) => hasTarget).map((route) => route.toHttpRoute(this, port));
    const last = rules.at(-1);
    if (last && !last.match) return rules;
    return [...rules, { name: 'default', route: [destinationOf(this, port)] }];
  }

  /** The rules of all ports; where there are several, each rule stands once for each. */
  private allHttpRoutes(): IstioRoute[] {
    const ports = this.ports.filter(({ isHttp }) => isHttp);
    if (this.ports.length === 1) return this.toHttpRoutes(ports[0]!);
    return ports.flatMap((port) =>
      this.toHttpRoutes(port).map((route) => ({
        ...route,
        name: `${route.name}-${port.number}`,
        match: (route.match ?? [{}]).map((match) => ({ ...match, port: port.number })),
      })),
    );
  }

  /** The name of the workload behind a version. @internal */
  workloadName(version: string): string {
    return this.workloads.get(version)?.name ?? this.name;
  }

  private addRouteObjects(): void {
    if (!this.api.isGatewayApi) {
      this.addVirtualService();
      return;
    }
    this.offerVersions();
    const ports = this.ports.filter(({ isHttp }) => isHttp);
    for (const port of ports) {
      const name = ports.length === 1 ? this.name : `${this.name}-${port.number}`;
      new HTTPRoute(this, `HTTPRoute-${port.number}`, {
        metadata: { name, namespace: this.namespace, labels: this.podLabels },
        spec: {
          parentRefs: [{ group: '', kind: 'Service', name: this.name, port: port.number }],
          rules: Lazy.any({ produce: () => httpRouteRules(this.toHttpRoutes(port), this.namespace) }),
        },
      });
    }
  }

  private addVirtualService(): void {
    new ApiObject(this, 'VirtualService', {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: this.name, namespace: this.namespace, labels: this.podLabels },
      spec: { hosts: [this.host], http: Lazy.any({ produce: () => this.allHttpRoutes() }) },
    });
  }

  private existing(version: string, workload: IWorkload): ApiObject {
    const fail = (what: string, got: string, allowed: string, fix: string) =>
      problemAt(this, { code: 'MAL0112', what: `version ${version}: ${what}`, got, allowed, fix });
    if (!WORKLOAD_KINDS.includes(workload.kind)) {
      throw fail(
        'cannot serve',
        workload.kind,
        WORKLOAD_KINDS.join(', '),
        'bring a workload that keeps its Pods running',
      );
    }
    const namespace = workload.metadata.namespace ?? Chart.of(workload).namespace;
    if (namespace !== this.namespace) {
      throw fail(
        'a Service finds only Pods of its own namespace',
        `${workload.node.path} in ${namespace ?? 'no namespace'}`,
        this.namespace,
        'declare the workload in a chart of that namespace, or the service in the chart of the workload',
      );
    }
    return ApiObject.of(workload);
  }

  private problems(): Problem[] {
    const ofApi =
      this.api.isGatewayApi && this.rules.length > 0 ? httpRouteProblems(this.toHttpRoutes(this.ports[0]!)) : [];
    return [...this.unreachable(), ...ofApi];
  }

  private unreachable(): Problem[] {
    const last = this.rules.findIndex((route) => route.takesEverything);
    return last < 0
      ? []
      : this.rules.slice(last + 1).map((route) => ({
          code: 'MAL0105',
          what: `route '${route.id}' never sees a request`,
          got: `route '${this.rules[last]!.id}' before it takes everything`,
          allowed: 'one route without match, and that the last',
          fix: `declare '${route.id}' before '${this.rules[last]!.id}', or give '${this.rules[last]!.id}' a match`,
        }));
  }
}

/** Versions of services that other programs declare are theirs to offer. */
function offerVersionsOf(targets: readonly IRouteTarget[]): void {
  for (const { service } of targets) if (service instanceof MeshService) service.offerVersions();
}

/** All Services that routes to a service can lead to. @internal */
export function backendNamesOf(service: IMeshService): string[] {
  if (service instanceof MeshService) return service.backendNames;
  return [service.name, ...service.versionNames.map((version) => versionService(service.name, version))];
}

/** What has to be known of a service that another program declares. */
export interface MeshServiceAttributes {
  /** The Service's name. */
  readonly name: string;
  /** The Service's namespace. */
  readonly namespace: string;
  /** The only port. Give this or `ports`. */
  readonly port?: Port;
  /** Several ports. Give this or `port`. */
  readonly ports?: readonly Port[];
  /** The subsets of its DestinationRule. Default: none. */
  readonly versions?: readonly string[];
}

class ImportedService extends Construct implements IMeshService {
  readonly name: string;
  readonly namespace: string;
  readonly host: string;
  readonly ports: readonly Port[];
  readonly podLabels: Readonly<Record<string, string>>;
  readonly versionNames: readonly string[];

  constructor(scope: Construct, id: string, attributes: MeshServiceAttributes) {
    super(scope, id);
    this.name = attributes.name;
    this.namespace = attributes.namespace;
    this.host = `${this.name}.${this.namespace}.svc.cluster.local`;
    this.ports = portsOf(this, attributes);
    this.podLabels = { app: this.name };
    this.versionNames = [...(attributes.versions ?? [])];
  }

  get service(): IMeshService {
    return this;
  }

  version(name: string): ServiceVersion {
    return versionOf(this, name);
  }
}

function versionOf(service: IMeshService, name: string): ServiceVersion {
  if (!service.versionNames.includes(name)) {
    throw problemAt(service, {
      code: 'MAL0113',
      what: 'the service has no such version',
      got: `'${name}'`,
      allowed: service.versionNames.length > 0 ? service.versionNames.join(', ') : 'none: the service has no versions',
      fix: `add '${name}' to its versions, or refer to one that is there`,
    });
  }
  return new ServiceVersion(service, name);
}

function namespaceOf(service: Construct): string {
  const { namespace } = Chart.of(service);
  if (namespace !== undefined) return namespace;
  throw problemAt(service, {
    code: 'MAL0114',
    what: 'a service lives in a namespace, and its chart names none',
    fix: `new Chart(app, '${Chart.of(service).node.id}', { namespace: '…' })`,
  });
}

function portsOf(service: Construct, props: { port?: Port; ports?: readonly Port[] }): readonly Port[] {
  const ports = props.ports ?? (props.port ? [props.port] : []);
  const fail = (what: string, got: string, fix: string) =>
    problemAt(service, { code: 'MAL0115', what, got, allowed: 'port: Port.http(…), or ports: […]', fix });
  checkPorts(service, ports);
  if (props.port && props.ports) throw fail('a service has one list of ports', 'both port and ports', 'remove one');
  if (ports.length === 0) throw fail('a service has at least one port', 'none', 'add port: Port.http(8080)');
  const numbers = ports.map(({ number }) => number);
  const twice = numbers.find((number, index) => numbers.indexOf(number) !== index);
  if (twice !== undefined) throw fail('a service has each port once', `${twice} twice`, 'remove one of them');
  return [...ports];
}

function versionsOf<V extends string>(service: Construct, { image, versions }: MeshServiceProps<V>) {
  if (versions && image === undefined && Object.keys(versions).length > 0) return versions;
  if (image !== undefined && !versions) return { v1: Workload.image(image) };
  throw problemAt(service, {
    code: 'MAL0116',
    what: 'something must run behind a service',
    got: versions && image !== undefined ? 'both image and versions' : 'neither image nor versions',
    allowed: 'exactly one of them',
    fix: "image: 'shop/ratings:1.4', or versions: { v1: Workload.image('…') }",
  });
}

/** The Service says the protocol of each port, in a field that is newer than cdk8s-plus-27 knows. */
function withProtocols(service: KubeService, ports: readonly Port[]): KubeService {
  const { externalIPs: _, ...spec } = service.spec as KubeService['spec'] & { externalIPs?: string[] };
  return {
    ...service,
    spec: { ...spec, ports: spec.ports?.map((port, index) => ({ ...port, appProtocol: ports[index]?.protocol })) },
  };
}
