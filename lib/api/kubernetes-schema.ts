/**
 * The shape of the Kubernetes objects that the mesh reads, as far as it reads them. An API server has checked such objects
 * already; files have not been checked by anyone. Fields that are not listed here are let through.
 */
import { type TSchema, Type } from '@sinclair/typebox';

function open(fields: Record<string, TSchema>, required: string[] = []): TSchema {
  const properties = Object.entries(fields).map(([name, schema]) => [
    name,
    required.includes(name) ? schema : Type.Optional(schema),
  ]);
  return Type.Object(Object.fromEntries(properties), { additionalProperties: true });
}

const text = Type.String();
const texts = Type.Array(text);
const textMap = Type.Unsafe<Record<string, string>>({ type: 'object', additionalProperties: { type: 'string' } });
const number = Type.Integer();
const flag = Type.Boolean();
const port = Type.Integer({ minimum: 1, maximum: 65535 });

const metadata = open(
  {
    name: Type.String({ minLength: 1, maxLength: 253 }),
    namespace: Type.String({ maxLength: 253 }),
    labels: textMap,
    annotations: textMap,
    creationTimestamp: text,
    generation: number,
    resourceVersion: text,
    uid: text,
    deletionTimestamp: text,
    ownerReferences: Type.Array(open({ kind: text, name: text }, ['kind', 'name'])),
  },
  ['name'],
);

/** What every object has. */
export const ObjectSchema = open({ apiVersion: text, kind: text, metadata }, ['apiVersion', 'kind', 'metadata']);

const securityContext = open({ runAsUser: number });

const container = open(
  {
    securityContext,
    name: text,
    image: text,
    command: texts,
    args: texts,
    restartPolicy: text,
    env: Type.Array(open({ name: text, value: text }, ['name'])),
    ports: Type.Array(open({ name: text, containerPort: port, protocol: text }, ['containerPort'])),
  },
  ['name'],
);

const podSpec = open({
  serviceAccountName: text,
  nodeName: text,
  hostname: text,
  subdomain: text,
  hostNetwork: flag,
  containers: Type.Array(container),
  initContainers: Type.Array(container),
  volumes: Type.Array(open({ name: text }, ['name'])),
  securityContext,
});

const pod = open({
  spec: podSpec,
  status: open({
    phase: text,
    podIP: text,
    podIPs: Type.Array(open({ ip: text }, ['ip'])),
    conditions: Type.Array(open({ type: text, status: text }, ['type', 'status'])),
  }),
});

const service = open({
  spec: open({
    type: Type.Unsafe<string>({ type: 'string', enum: ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'] }),
    clusterIP: text,
    clusterIPs: texts,
    externalName: text,
    selector: textMap,
    publishNotReadyAddresses: flag,
    ports: Type.Array(
      open(
        {
          name: text,
          port,
          targetPort: Type.Unsafe<number | string>({ type: ['integer', 'string'] }),
          protocol: text,
          appProtocol: text,
          nodePort: number,
        },
        ['port'],
      ),
    ),
  }),
});

const workload = open({
  spec: open({
    replicas: Type.Integer({ minimum: 0 }),
    serviceName: text,
    selector: open({ matchLabels: textMap }),
    template: open({ metadata: open({ labels: textMap, annotations: textMap }), spec: podSpec }),
  }),
});

const endpointSlice = open(
  {
    addressType: Type.Unsafe<string>({ type: 'string', enum: ['IPv4', 'IPv6', 'FQDN'] }),
    ports: Type.Array(open({ name: text, port: number, protocol: text, appProtocol: text })),
    endpoints: Type.Array(
      open(
        {
          addresses: texts,
          conditions: open({ ready: flag, serving: flag, terminating: flag }),
          hostname: text,
          nodeName: text,
          zone: text,
          targetRef: open({ kind: text, name: text, namespace: text }),
        },
        ['addresses'],
      ),
    ),
  },
  ['addressType'],
);

const backend = open({
  service: open({ name: text, port: open({ name: text, number: port }) }, ['name']),
});

/** A host name, or one whose first label is a wildcard: API servers take no other. */
const ingressHost = Type.String({ pattern: '^(\\*\\.)?[a-zA-Z0-9]([-a-zA-Z0-9.]*[a-zA-Z0-9])?$', maxLength: 253 });

const ingress = open({
  spec: open({
    ingressClassName: text,
    defaultBackend: backend,
    tls: Type.Array(open({ hosts: Type.Array(ingressHost), secretName: text })),
    rules: Type.Array(
      open({
        host: ingressHost,
        http: open({
          paths: Type.Array(
            open({ path: Type.String({ pattern: '^(/.*)?$', maxLength: 2048 }), pathType: text, backend }, ['backend']),
          ),
        }),
      }),
    ),
  }),
});

const labelSelector = open({
  matchLabels: textMap,
  matchExpressions: Type.Array(open({ key: text, operator: text, values: texts }, ['key', 'operator'])),
});

const webhookConfiguration = open({
  webhooks: Type.Array(
    open(
      {
        name: text,
        clientConfig: open({ url: text, service: open({ name: text, namespace: text }, ['name', 'namespace']) }),
        namespaceSelector: labelSelector,
        objectSelector: labelSelector,
      },
      ['name', 'clientConfig'],
    ),
  ),
});

/** By group and kind, as in `apps/Deployment`; the core group is empty. */
export const kubernetesSchemas: ReadonlyMap<string, TSchema> = new Map([
  ['/Service', service],
  ['/Pod', pod],
  ['/Secret', open({ type: text, data: textMap, stringData: textMap })],
  ['/ConfigMap', open({ data: textMap })],
  ['apps/Deployment', workload],
  ['apps/StatefulSet', workload],
  ['apps/DaemonSet', workload],
  ['apps/ReplicaSet', workload],
  ['discovery.k8s.io/EndpointSlice', endpointSlice],
  ['networking.k8s.io/Ingress', ingress],
  ['networking.k8s.io/IngressClass', open({ spec: open({ controller: text }) })],
  ['admissionregistration.k8s.io/MutatingWebhookConfiguration', webhookConfiguration],
  ['admissionregistration.k8s.io/ValidatingWebhookConfiguration', webhookConfiguration],
]);
