/** A way into the mesh: its own Envoy, the hosts it answers for, and the services behind their paths. */
import { ApiObject, Chart, Lazy } from 'cdk8s';
import { Deployment, Role, RoleBinding, Secret, Service, ServiceAccount, ServiceType, Topology } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import type { HTTPMatchRequest, HTTPRoute, Server } from '../lib/api';
import type { Listener } from '../lib/api/gateway-api';
import type { Service as KubeService, WorkloadController } from '../lib/api/kubernetes';
import { meshLabel } from '../lib/api/ownership';
import { autoscaling, ENVOY_IMAGE, gatewayContainer, type InjectOptions, injectIdentity } from '../lib/injector';
import { GATEWAY_CLASS, GATEWAY_NAME_LABEL } from '../lib/world';
import { exposedRoutes } from './exposure';
import * as gatewayApi from './gateway-api';
import type { GatewayTls } from './gateway-tls';
import { withPodSpec } from './hardening';
import { httpRouteProblems, httpRouteRules } from './http-route-rules';
import * as istio from './istio';
import { Match } from './match';
import type { Mesh } from './mesh';
import { checkSameMesh } from './mesh-boundary';
import { backendNamesOf, MeshService } from './mesh-service';
import { isDnsLabel } from './names';
import { checkList, checkMesh } from './plain-value';
import type { Port } from './port';
import { type Problem, problemAt, reportAtSynthesis } from './problem';
import { type LimitProps, RateLimit } from './rate-limit';
import { ReferenceGrants } from './reference-grants';
import { onRendered, unshared } from './rendered';
import { RouteApi } from './route-api';
import type { IMeshService } from './service-version';

/** A gateway, and what it answers for. */
export interface GatewayProps {
  /** The mesh that it leads into. */
  readonly mesh: Mesh;
  /** The hosts that it answers for: names, or `*.example.com`. */
  readonly hosts: readonly string[];
  /** Serve HTTPS, and answer plain HTTP with a redirect to it. Default: plain HTTP only. */
  readonly tls?: GatewayTls;
  /** In which API it and what it exposes are written. Default: `RouteApi.istio()`. */
  readonly api?: RouteApi;
  /** The name of its Deployment and Service. Default: the id of the construct. */
  readonly name?: string;
  /** Default: 2. */
  readonly replicas?: number;
  /** More than `replicas`: an autoscaler goes up to these, at 80 % of the CPU that is asked for. Default: none does. */
  readonly maxReplicas?: number;
  /** How clients reach its Service. Default: `LoadBalancer`; `ClusterIP` where the platform leads them there by Routes. */
  readonly serviceType?: 'LoadBalancer' | 'NodePort' | 'ClusterIP';
}

/** What of a service a gateway lets through. */
export interface ExposeOptions {
  /** The paths, each with all that starts with it. Default: every path. */
  readonly paths?: readonly string[];
  /** Only requests for which all of these hold too. */
  readonly match?: readonly Match[];
  /** The port of the service. Default: its first HTTP port. */
  readonly port?: Port;
}

const HTTP = { name: 'http', number: 80, containerPort: 8080 };
const HTTPS = { name: 'https', number: 443, containerPort: 8443 };

/**
 * A gateway with its Deployment, Service, ServiceAccount and disruption budget, its Gateway object, and one
 * VirtualService with everything that it exposes, in the order in which that was declared. The routes of an exposed
 * service hold here too.
 */
export class Gateway extends Construct {
  /** The mesh that it leads into. */
  readonly mesh: Mesh;
  /** The name of its Deployment, Service and objects. */
  readonly name: string;
  /** The namespace of its chart. */
  readonly namespace: string;
  /** The service account that it runs under. */
  readonly serviceAccountName: string;
  /** The name of its Service within the cluster. */
  readonly host: string;
  /** The hosts that it answers for. */
  readonly hosts: readonly string[];
  private readonly api: RouteApi;
  private readonly tls?: GatewayTls;
  private grants?: ReferenceGrants;
  private readonly exposures: { service: IMeshService; options: ExposeOptions }[] = [];

  constructor(scope: Construct, id: string, props: GatewayProps) {
    super(scope, id);
    const { mesh, tls } = props;
    checkMesh(this, mesh);
    checkList(this, 'hosts', props.hosts, "'shop.example.com'");
    this.mesh = mesh;
    this.api = props.api ?? RouteApi.istio();
    this.tls = tls;
    this.name = props.name ?? id;
    const { namespace } = Chart.of(this);
    if (namespace === undefined || !isDnsLabel(this.name)) {
      throw problemAt(this, {
        code: 'MAL0114',
        what: 'a gateway needs a namespace and a name for its Service',
        got: `namespace ${namespace ?? 'none'}, name '${this.name}'`,
        allowed: 'up to 63 lower-case letters, digits and dashes, starting with a letter',
        fix: `declare it in new Chart(app, '…', { namespace: '…' }), and pass name: '…' if need be`,
      });
    }
    this.namespace = namespace;
    this.serviceAccountName = this.name;
    this.host = `${this.name}.${namespace}.svc.cluster.local`;
    this.hosts = hostsOf(this, props.hosts);
    mesh.join(this);
    const ports = tls ? [HTTP, HTTPS] : [HTTP];
    this.addProxy(props, ports);
    if (tls) this.allowSecret(tls.secretName);
    this.allowClients(ports);

    const metadata = { name: this.name, namespace };
    if (this.api.isGatewayApi) {
      new gatewayApi.Gateway(this, 'Gateway', {
        metadata,
        spec: {
          gatewayClassName: GATEWAY_CLASS,
          // Its Service is here, so that the control plane makes no other.
          addresses: [{ type: 'Hostname', value: this.host }],
          listeners: listenersOf(this.hosts, tls),
        },
      });
    } else {
      new istio.Gateway(this, 'Gateway', {
        metadata,
        spec: { selector: this.labels, servers: serversOf(this.hosts, tls) },
      });
    }
    reportAtSynthesis(this, () => this.problems());
  }

  /** The labels of its Pods: those that tools look for, and one that no other gateway has. */
  private get labels(): Record<string, string> {
    return {
      app: this.name,
      istio: 'ingressgateway',
      'malha.dev/gateway': `${this.namespace}.${this.name}`,
      ...(this.api.isGatewayApi && { [GATEWAY_NAME_LABEL]: this.name }),
    };
  }

  /** Lets clients reach `service`; what was exposed first wins where paths overlap. */
  expose(service: IMeshService, options: ExposeOptions = {}): void {
    checkSameMesh(this, 'what it exposes', service);
    const port = options.port ?? service.ports.find(({ isHttp }) => isHttp);
    if (!port?.isHttp) {
      throw problemAt(this, {
        code: 'MAL0111',
        what: `${service.name} cannot be exposed by paths`,
        got: `ports ${service.ports.map(({ number, protocol }) => `${number} (${protocol})`).join(', ')}`,
        allowed: 'a port of Port.http, Port.http2 or Port.grpc',
        fix: 'declare the protocol that the workload speaks',
      });
    }
    if (this.exposures.length === 0) {
      if (this.api.isGatewayApi) this.addHttpRoutes();
      else this.addVirtualService();
    }
    if (service instanceof MeshService && !this.exposures.some((each) => each.service === service)) {
      service.allowCallsFrom(this);
    }
    this.exposures.push({ service, options: { ...options, port } });
    if (!this.api.isGatewayApi) return;
    if (service instanceof MeshService) service.offerVersions();
    this.grants ??= new ReferenceGrants(this, this);
    this.grants.allow(service.namespace, backendNamesOf(service));
  }

  /** With a certificate, plain HTTP is answered with a redirect. */
  private addHttpRoutes(): void {
    const routeAt = (port: number) => ({
      parentRefs: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: this.name, port }],
      hostnames: [...this.hosts],
    });
    new gatewayApi.HTTPRoute(this, 'HTTPRoute', {
      metadata: { name: this.name, namespace: this.namespace },
      spec: {
        ...routeAt(this.tls ? HTTPS.number : HTTP.number),
        rules: Lazy.any({ produce: () => httpRouteRules(this.httpRoutes(), this.namespace) }),
      },
    });
    if (!this.tls) return;
    new gatewayApi.HTTPRoute(this, 'Redirect', {
      metadata: { name: `${this.name}-redirect`, namespace: this.namespace },
      spec: {
        ...routeAt(HTTP.number),
        rules: [{ filters: [{ type: 'RequestRedirect', requestRedirect: { scheme: 'https', statusCode: 301 } }] }],
      },
    });
  }

  /**
   * Limits how many requests it takes; several limits hold together. What is too much is answered with 429.
   * @throws when the limit cannot be counted so.
   */
  addLimit(id: string, props: LimitProps): void {
    new RateLimit(this, id, this.labels, props);
  }

  private addVirtualService(): void {
    new ApiObject(this, 'VirtualService', {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: this.name, namespace: this.namespace },
      spec: {
        hosts: [...this.hosts],
        gateways: [`${this.namespace}/${this.name}`],
        http: Lazy.any({ produce: () => this.httpRoutes() }),
      },
    });
  }

  private httpRoutes(): HTTPRoute[] {
    return this.exposures.flatMap(({ service, options }) => {
      const paths = (options.paths ?? []).map(Match.pathPrefix);
      const conditions: HTTPMatchRequest[] = Match.all([
        ...(paths.length > 0 ? [Match.any(...paths)] : []),
        ...(options.match ?? []),
      ]);
      return exposedRoutes(service, conditions, options.port!);
    });
  }

  private addProxy(props: GatewayProps, ports: readonly (typeof HTTP)[]): void {
    const metadata = { name: this.name, namespace: this.namespace, labels: this.labels };
    const account = new ServiceAccount(this, 'ServiceAccount', { metadata, automountToken: false });
    const replicas = props.replicas ?? 2;
    const isScaled = (props.maxReplicas ?? 0) > replicas;
    const deployment = new Deployment(this, 'Deployment', {
      metadata,
      replicas,
      select: false,
      serviceAccount: account,
      podMetadata: { labels: { ...this.labels, 'sidecar.istio.io/inject': 'false' } },
      containers: [{ name: 'istio-proxy', image: ENVOY_IMAGE }],
    });
    deployment.scheduling.spread({ topology: Topology.HOSTNAME, weight: 100 });
    // Envoy's own arguments, probes and identity are the injector's to know.
    onRendered<WorkloadController>(ApiObject.of(deployment), (rendered) => {
      const injection = this.mesh.injectionFor(this.namespace);
      const proxy = gatewayContainer({
        ...injection,
        workload: this.name,
        labels: this.labels,
        ports: ports.map(({ name, containerPort }) => ({ name, containerPort })),
      });
      const identified = withIdentity(rendered, injection);
      const changed = withPodSpec(identified, (pod) => ({
        ...pod,
        securityContext: { ...pod.securityContext, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [unshared(proxy)],
      }));
      const spec = { ...changed.spec!, selector: { matchLabels: this.labels } };
      // How many there are is then the autoscaler's to say: written here, each apply would undo it.
      return { ...changed, spec: isScaled ? { ...spec, replicas: undefined } : spec };
    });
    if (isScaled) {
      new ApiObject(this, 'HorizontalPodAutoscaler', {
        apiVersion: 'autoscaling/v2',
        kind: 'HorizontalPodAutoscaler',
        metadata,
        spec: autoscaling(this.name, { minReplicas: replicas, maxReplicas: props.maxReplicas! }),
      });
    }

    const service = new Service(this, 'Service', {
      metadata,
      type: SERVICE_TYPES[props.serviceType ?? this.mesh.platform.gatewayServiceType ?? 'LoadBalancer'],
      ports: ports.map(({ name, number, containerPort }) => ({ name, port: number, targetPort: containerPort })),
    });
    for (const [label, value] of Object.entries(this.labels)) service.selectLabel(label, value);
    onRendered<KubeService>(ApiObject.of(service), (rendered) => {
      const { externalIPs: _, ...spec } = rendered.spec as KubeService['spec'] & { externalIPs?: string[] };
      return {
        ...rendered,
        spec: { ...spec, ports: spec.ports?.map((port) => ({ ...port, appProtocol: port.name })) },
      };
    });
    this.mesh.platform.gateway?.(this, { deployment, service, account, isTls: this.tls !== undefined });
    new ApiObject(this, 'PodDisruptionBudget', {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata,
      spec: {
        ...(replicas > 1 ? { minAvailable: 1 } : { maxUnavailable: 1 }),
        selector: { matchLabels: this.labels },
      },
    });
  }

  /** Clients outside have no identity in the mesh, and what is refused by default is refused here too. */
  private allowClients(ports: readonly (typeof HTTP)[]): void {
    new ApiObject(this, 'AuthorizationPolicy', {
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: `${this.name}-clients`, namespace: this.namespace },
      spec: {
        // Gateways of the Gateway API are meant by name: selectors do not hold for them.
        ...(this.api.isGatewayApi
          ? { targetRefs: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: this.name }] }
          : { selector: { matchLabels: this.labels } }),
        action: 'ALLOW',
        rules: [{ to: [{ operation: { ports: ports.map(({ containerPort }) => String(containerPort)) } }] }],
      },
    });
  }

  /** The control plane may read this one Secret, because it hands the certificate to this gateway. */
  private allowSecret(secretName: string): void {
    const labels = meshLabel(this.mesh.namespace);
    const metadata = { name: `${this.name}-certificate`, namespace: this.namespace, labels };
    const role = new Role(this, 'Role', { metadata });
    role.allowRead(Secret.fromSecretName(this, 'certificate', secretName));
    this.mesh.revisions.bind(new RoleBinding(this, 'RoleBinding', { metadata, role }));
  }

  /** Whatever a service is exposed under goes to it, so that what is exposed below that later gets nothing. */
  private unreachable(): Problem[] {
    const pathsOf = ({ paths = [] }: ExposeOptions) => (paths.length > 0 ? paths : ['/']);
    return this.exposures.flatMap(({ service, options }, index) =>
      pathsOf(options).flatMap((path): Problem[] => {
        const first = this.exposures
          .slice(0, index)
          .find((each) => !each.options.match?.length && pathsOf(each.options).some((prefix) => isBelow(path, prefix)));
        if (!first) return [];
        return [
          {
            code: 'MAL0105',
            what: `${service.name} never sees a request under '${path}'`,
            got: `${first.service.name} before it takes everything under ${pathsOf(first.options).join(', ')}`,
            allowed: 'what is narrower first',
            fix: `expose ${service.name} before ${first.service.name}, or under another path`,
          },
        ];
      }),
    );
  }

  private problems(): Problem[] {
    if (this.exposures.length > 0) {
      return this.api.isGatewayApi ? httpRouteProblems(this.httpRoutes()) : this.unreachable();
    }
    return [
      {
        code: 'MAL0106',
        what: 'the gateway answers every request with 404',
        got: 'no exposed service',
        allowed: 'at least one',
        fix: `gateway.expose(service, { paths: ['/'] })`,
      },
    ];
  }
}

/** Whether all that starts with `path` starts with `prefix` too, by whole elements of the path. */
function isBelow(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`);
}

function withIdentity(workload: WorkloadController, options: InjectOptions): WorkloadController {
  const { spec } = workload;
  return spec ? { ...workload, spec: { ...spec, template: injectIdentity(spec.template, options) } } : workload;
}

const SERVICE_TYPES = {
  LoadBalancer: ServiceType.LOAD_BALANCER,
  NodePort: ServiceType.NODE_PORT,
  ClusterIP: ServiceType.CLUSTER_IP,
};

function serversOf(hosts: readonly string[], tls: GatewayTls | undefined): Server[] {
  const http = { number: HTTP.number, name: HTTP.name, protocol: 'HTTP' };
  if (!tls) return [{ port: http, hosts: [...hosts] }];
  return [
    { port: http, hosts: [...hosts], tls: { httpsRedirect: true } },
    {
      port: { number: HTTPS.number, name: HTTPS.name, protocol: 'HTTPS' },
      hosts: [...hosts],
      tls: { mode: 'SIMPLE', credentialName: tls.secretName },
    },
  ];
}

function listenersOf(hosts: readonly string[], tls: GatewayTls | undefined): Listener[] {
  return hosts.flatMap((hostname, i): Listener[] => [
    { name: `${HTTP.name}-${i}`, hostname, port: HTTP.number, protocol: 'HTTP' },
    ...(tls
      ? [
          {
            name: `${HTTPS.name}-${i}`,
            hostname,
            port: HTTPS.number,
            protocol: 'HTTPS',
            tls: { certificateRefs: [{ name: tls.secretName }] },
          },
        ]
      : []),
  ]);
}

function hostsOf(gateway: Construct, hosts: readonly string[]): readonly string[] {
  const fail = (what: string, got: string, fix: string) =>
    problemAt(gateway, {
      code: 'MAL0119',
      what,
      got,
      allowed: "names such as 'shop.example.com' or '*.example.com'",
      fix,
    });
  if (hosts.length === 0)
    throw fail('a gateway answers for at least one host', 'none', "add hosts: ['shop.example.com']");
  const twice = hosts.find((host, index) => hosts.indexOf(host) !== index);
  if (twice !== undefined) throw fail('a gateway has each host once', `'${twice}' twice`, 'remove one of them');
  return [...hosts];
}
