/**
 * The mesh that all rows share. Namespace `shop`: `client`, `reviews` in two versions, the gateways `edge` and `egress`.
 * Namespace `other`: `stranger`. Namespace `outside`, beyond the mesh: `outside`, without a sidecar. Rows add to these.
 */
import type { KubeObject } from '../../../lib/api/object';
import {
  gatewayContainer,
  identityAnnotations,
  identityVolume,
  injectObject,
  type ProxyIdentity,
} from '../../../lib/injector';

/** What every Pod listens on: HTTP/1.1, HTTP/2 without TLS (and gRPC), bytes, and HTTP/1.1 within TLS. */
export const PORTS = { http: 8080, grpc: 8070, tcp: 8090, tls: 8443 } as const;

/** Of the gateways: the port of the Service, and where the Pod listens. */
const EDGE_PORTS = [
  { name: 'http2', port: 80, targetPort: 8081 },
  { name: 'https', port: 443, targetPort: 8444 },
  { name: 'tls', port: 15443, targetPort: 15443 },
  { name: 'tcp', port: 31400, targetPort: 31400 },
] as const;

interface Member {
  namespace: string;
  labels: Record<string, string>;
}

const APPS: Record<string, Member> = {
  client: { namespace: 'shop', labels: { app: 'client', version: 'v1' } },
  'reviews-v1': { namespace: 'shop', labels: { app: 'reviews', version: 'v1' } },
  'reviews-v2': { namespace: 'shop', labels: { app: 'reviews', version: 'v2' } },
  stranger: { namespace: 'other', labels: { app: 'stranger', version: 'v1' } },
  outside: { namespace: 'outside', labels: { app: 'outside', 'sidecar.istio.io/inject': 'false' } },
};

/** Labels of the gateways' Pods, as Istio's. */
export const GATEWAYS = { edge: { istio: 'ingressgateway' }, egress: { istio: 'egressgateway' } } as const;

/** The Pods of the cast, by name: their namespaces. */
export const NAMESPACE_OF: Record<string, string> = {
  ...Object.fromEntries(Object.entries(APPS).map(([name, { namespace }]) => [name, namespace])),
  edge: 'shop',
  egress: 'shop',
};

/** What a Pod's program calls itself. */
export function answererOf(pod: string): string {
  return /^reviews-(v\d)$/.exec(pod)?.[1] ?? pod;
}

/** The address in a node id. */
export function addressOfNode(id: string): string {
  return id.split('~')[1]!;
}

/**
 * All objects of the cast; Pods have their sidecars, and get addresses from `complete`.
 * @param identityOf how each Pod's proxy comes by its certificate. Default: it has none.
 */
export function cast(identityOf: (pod: string) => ProxyIdentity = () => 'none'): KubeObject[] {
  return [
    ...['shop', 'other'].map((name) => namespace(name, { 'istio-injection': 'enabled' })),
    namespace('outside', {}),
    ...Object.entries(APPS).map(([name, member]) => app(name, member, identityOf(name))),
    ...Object.entries(GATEWAYS).flatMap(([name, labels]) => gateway(name, labels, identityOf(name))),
    ...['client', 'reviews', 'stranger', 'outside'].map((name) => appService(name)),
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'DestinationRule',
      metadata: { name: 'reviews', namespace: 'shop' },
      spec: { host: 'reviews', subsets: ['v1', 'v2'].map((version) => ({ name: version, labels: { version } })) },
    },
  ];
}

function namespace(name: string, labels: Record<string, string>): KubeObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

/** A Pod of the cast as a row may want it: under another account, with another identity or other labels. */
export function castPod(
  name: string,
  {
    identity = 'podCertificate',
    account,
    labels,
  }: { identity?: ProxyIdentity; account?: string; labels?: Record<string, string> } = {},
): KubeObject {
  const member = APPS[name]!;
  return app(name, { ...member, labels: { ...member.labels, ...labels } }, identity, account);
}

function app(
  name: string,
  { namespace: owner, labels }: Member,
  identity: ProxyIdentity,
  serviceAccountName = name,
): KubeObject {
  const pod: KubeObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: owner, labels },
    spec: {
      serviceAccountName,
      containers: [
        {
          name: 'app',
          image: `cast/${name}`,
          ports: Object.entries(PORTS).map(([port, containerPort]) => ({ name: port, containerPort })),
        },
      ],
    },
  };
  return injectObject(pod, { identity });
}

/** 9080 is HTTP, 9070 gRPC, 9000 bytes, 9443 TLS that the application ends. */
function appService(name: string): KubeObject {
  const selector = { app: name };
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: NAMESPACE_OF[name] ?? 'shop' },
    spec: {
      selector,
      ports: [
        { name: 'http', port: 9080, targetPort: PORTS.http },
        { name: 'grpc', port: 9070, targetPort: PORTS.grpc },
        { name: 'tcp', port: 9000, targetPort: PORTS.tcp },
        { name: 'tls', port: 9443, targetPort: PORTS.tls },
      ],
    },
  };
}

function gateway(name: string, labels: Record<string, string>, identity: ProxyIdentity): KubeObject[] {
  const volume = identityVolume(identity);
  const ports = EDGE_PORTS.map(({ name: port, targetPort }) => ({ name: port, containerPort: targetPort }));
  return [
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        namespace: 'shop',
        labels: { ...labels, app: name, 'gateway.networking.k8s.io/gateway-name': name },
        annotations: identityAnnotations(identity),
      },
      spec: {
        serviceAccountName: name,
        containers: [gatewayContainer({ workload: name, ports })],
        ...(volume && { volumes: [volume] }),
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'shop' },
      spec: {
        selector: labels,
        ports: [...EDGE_PORTS],
      },
    },
  ];
}
