/** Objects sorted into drawers, once per World: by kind, and by the key under which they are asked for. */
import type {
  AuthorizationPolicy,
  DestinationRule,
  EnvoyFilter,
  Gateway,
  PeerAuthentication,
  ProxyConfig,
  RateLimit,
  RequestAuthentication,
  ServiceEntry,
  Sidecar,
  Telemetry,
  TrafficExtension,
  VirtualService,
  WasmPlugin,
  WorkloadEntry,
} from '../api';
import type {
  BackendTLSPolicy,
  Gateway as GatewayApiGateway,
  GatewayClass,
  GRPCRoute,
  HTTPRoute,
  ListenerSet,
  ReferenceGrant,
  TCPRoute,
  TLSRoute,
} from '../api/gateway-api';
import type {
  ConfigMap,
  EndpointSlice,
  Ingress,
  IngressClass,
  KubeNode,
  Service as KubeService,
  Pod,
  Secret,
} from '../api/kubernetes';
import { groupOf, type KubeObject, objectKey } from '../api/object';
import { compareText, oldestFirst } from './age';
import { extensionOrder } from './envoy-filters';

/** The label by which an EndpointSlice names its Service. */
export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';

/** `namespace/name`. */
export function nameKey(namespace: string | undefined, name: string): string {
  return `${namespace ?? 'default'}/${name}`;
}

/** The namespace and the name in a `namespace/name`. */
export function partsOfName(key: string): [namespace: string, name: string] {
  const slash = key.indexOf('/');
  return [key.slice(0, slash), key.slice(slash + 1)];
}

export class Inventory {
  readonly services = new Map<string, KubeService>();
  readonly pods = new Map<string, Pod>();
  readonly podsByNamespace = new Map<string, Pod[]>();
  /** By name. */
  readonly nodes = new Map<string, KubeNode>();
  readonly secrets = new Map<string, Secret>();
  readonly configMaps = new Map<string, ConfigMap>();
  /** By the `namespace/name` of their Service. */
  readonly slices = new Map<string, EndpointSlice[]>();
  readonly workloadEntries = new Map<string, WorkloadEntry[]>();
  readonly telemetries = new Map<string, Telemetry[]>();
  readonly proxyConfigs = new Map<string, ProxyConfig[]>();
  readonly authorizationPolicies = new Map<string, AuthorizationPolicy[]>();
  readonly requestAuthentications = new Map<string, RequestAuthentication[]>();
  readonly peerAuthentications = new Map<string, PeerAuthentication[]>();
  readonly rateLimits = new Map<string, RateLimit[]>();
  /** EnvoyFilters, TrafficExtensions and WasmPlugins, in the order in which they are applied. */
  readonly extensions = new Map<string, (EnvoyFilter | TrafficExtension | WasmPlugin)[]>();
  readonly serviceEntries: ServiceEntry[] = [];
  readonly virtualServices: VirtualService[] = [];
  readonly destinationRules: DestinationRule[] = [];
  readonly gateways: Gateway[] = [];
  readonly sidecars: Sidecar[] = [];
  readonly namespaces = new Map<string, KubeObject>();
  readonly gatewayClasses = new Map<string, GatewayClass>();
  /** Gateways of the Gateway API, of whatever class. */
  readonly gatewayApiGateways: GatewayApiGateway[] = [];
  readonly listenerSets: ListenerSet[] = [];
  /** Routes of the Gateway API, of all kinds. */
  readonly routes: (HTTPRoute | GRPCRoute | TLSRoute | TCPRoute)[] = [];
  readonly backendTlsPolicies: BackendTLSPolicy[] = [];
  readonly referenceGrants = new Map<string, ReferenceGrant[]>();
  /** Of whatever class. */
  readonly ingresses: Ingress[] = [];
  readonly ingressClasses = new Map<string, IngressClass>();

  /** @param objects in any order; of several with one key the last counts. */
  constructor(objects: Iterable<KubeObject>) {
    const unique = new Map<string, KubeObject>();
    for (const object of objects) unique.set(objectKey(object), object);
    for (const object of unique.values()) this.file(object);
    this.sort();
  }

  private file(object: KubeObject): void {
    const { namespace, name } = object.metadata;
    const key = nameKey(namespace, name);
    switch (`${groupOf(object)}/${object.kind}`) {
      case '/Service':
        this.services.set(key, object as KubeService);
        break;
      case '/Pod':
        this.pods.set(key, object as Pod);
        append(this.podsByNamespace, namespace ?? 'default', object as Pod);
        break;
      case '/Node':
        this.nodes.set(name, object as KubeNode);
        break;
      case '/Secret':
        this.secrets.set(key, object as Secret);
        break;
      case '/ConfigMap':
        this.configMaps.set(key, object as ConfigMap);
        break;
      case 'discovery.k8s.io/EndpointSlice': {
        const service = object.metadata.labels?.[SERVICE_NAME_LABEL];
        if (service) append(this.slices, nameKey(namespace, service), object as EndpointSlice);
        break;
      }
      case 'networking.istio.io/ServiceEntry':
        this.serviceEntries.push(object as ServiceEntry);
        break;
      case 'networking.istio.io/WorkloadEntry':
        append(this.workloadEntries, namespace ?? 'default', object as WorkloadEntry);
        break;
      case 'networking.istio.io/VirtualService':
        this.virtualServices.push(object as VirtualService);
        break;
      case 'networking.istio.io/DestinationRule':
        this.destinationRules.push(object as DestinationRule);
        break;
      case 'networking.istio.io/Gateway':
        this.gateways.push(object as Gateway);
        break;
      case 'networking.istio.io/Sidecar':
        this.sidecars.push(object as Sidecar);
        break;
      case 'security.istio.io/AuthorizationPolicy':
        append(this.authorizationPolicies, namespace ?? 'default', object as AuthorizationPolicy);
        break;
      case 'security.istio.io/RequestAuthentication':
        append(this.requestAuthentications, namespace ?? 'default', object as RequestAuthentication);
        break;
      case 'security.istio.io/PeerAuthentication':
        append(this.peerAuthentications, namespace ?? 'default', object as PeerAuthentication);
        break;
      case 'malha.dev/RateLimit':
        append(this.rateLimits, namespace ?? 'default', object as RateLimit);
        break;
      case 'networking.istio.io/EnvoyFilter':
      case 'extensions.istio.io/TrafficExtension':
      case 'extensions.istio.io/WasmPlugin':
        append(this.extensions, namespace ?? 'default', object as EnvoyFilter);
        break;
      case '/Namespace':
        this.namespaces.set(name, object);
        break;
      case 'gateway.networking.k8s.io/GatewayClass':
        this.gatewayClasses.set(name, object as GatewayClass);
        break;
      case 'gateway.networking.k8s.io/Gateway':
        this.gatewayApiGateways.push(object as GatewayApiGateway);
        break;
      case 'gateway.networking.k8s.io/ListenerSet':
        this.listenerSets.push(object as ListenerSet);
        break;
      case 'gateway.networking.k8s.io/HTTPRoute':
      case 'gateway.networking.k8s.io/GRPCRoute':
      case 'gateway.networking.k8s.io/TLSRoute':
      case 'gateway.networking.k8s.io/TCPRoute':
        this.routes.push(object as HTTPRoute);
        break;
      case 'gateway.networking.k8s.io/BackendTLSPolicy':
        this.backendTlsPolicies.push(object as BackendTLSPolicy);
        break;
      case 'gateway.networking.k8s.io/ReferenceGrant':
        append(this.referenceGrants, namespace ?? 'default', object as ReferenceGrant);
        break;
      case 'networking.k8s.io/Ingress':
        this.ingresses.push(object as Ingress);
        break;
      case 'networking.k8s.io/IngressClass':
        this.ingressClasses.set(name, object as IngressClass);
        break;
      case 'networking.istio.io/ProxyConfig':
        append(this.proxyConfigs, namespace ?? 'default', object as ProxyConfig);
        break;
      case 'telemetry.istio.io/Telemetry':
        append(this.telemetries, namespace ?? 'default', object as Telemetry);
        break;
    }
  }

  private sort(): void {
    for (const list of [
      this.serviceEntries,
      this.virtualServices,
      this.destinationRules,
      this.gateways,
      this.sidecars,
      this.gatewayApiGateways,
      this.listenerSets,
      this.routes,
      this.backendTlsPolicies,
      this.ingresses,
    ]) {
      (list as KubeObject[]).sort(oldestFirst);
    }
    for (const lists of [this.podsByNamespace, this.slices, this.workloadEntries]) {
      for (const list of lists.values()) list.sort((a, b) => compareText(a.metadata.name, b.metadata.name));
    }
    for (const lists of [
      this.telemetries,
      this.proxyConfigs,
      this.authorizationPolicies,
      this.requestAuthentications,
      this.peerAuthentications,
      this.rateLimits,
    ]) {
      for (const list of lists.values()) (list as KubeObject[]).sort(oldestFirst);
    }
    for (const list of this.extensions.values()) list.sort(extensionOrder);
  }
}

function append<V>(lists: Map<string, V[]>, key: string, value: V): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
