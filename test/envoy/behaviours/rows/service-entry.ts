/** ServiceEntry, and the kinds of Services that have no address of their own; destinations that nobody knows. */
import { type Behaviour, get, tcp } from '../behaviour';
import { addressOf, documents, networking } from './objects';

const topic = 'ServiceEntry';
const BY_ADDRESS = 'the addresses of Pods are those of transparent capture';

const registryOnly = `
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "outboundTrafficPolicy: { mode: REGISTRY_ONLY }" }`;

const service = (name: string, spec: string) =>
  `apiVersion: v1\nkind: Service\nmetadata: { name: ${name}, namespace: shop }\nspec: ${spec}`;

export const serviceEntry: Behaviour[] = [
  {
    topic,
    feature: 'resolution STATIC: endpoints with ports and weights of their own, targetPort',
    onlyTransparent: BY_ADDRESS,
    objects: networking(
      'ServiceEntry',
      'api',
      `hosts: [api.example]
ports: [{ number: 80, name: http, protocol: HTTP, targetPort: 8080 }, { number: 82, name: http2, protocol: HTTP2 }]
resolution: STATIC
endpoints:
- { address: ${addressOf('reviews-v1')}, ports: { http2: 8070 }, weight: 3 }
- { address: ${addressOf('reviews-v2')}, ports: { http2: 8070 }, weight: 1 }`,
    ),
    cases: [
      [get('http://api.example/', { times: 200 }), { shares: { v1: 0.75, v2: 0.25 } }],
      [get('http://api.example:82/'), { status: 200, seen: { httpVersion: '2.0' } }],
    ],
  },
  {
    topic,
    feature: 'workloadSelector: Pods and WorkloadEntries, with subsets by their labels',
    onlyTransparent: BY_ADDRESS,
    objects: documents(
      networking(
        'ServiceEntry',
        'inside',
        `hosts: [inside.example]
ports: [{ number: 80, name: http, protocol: HTTP, targetPort: 8080 }]
resolution: STATIC
location: MESH_INTERNAL
workloadSelector: { labels: { app: reviews } }`,
      ),
      networking(
        'WorkloadEntry',
        'machine',
        `address: ${addressOf('outside')}\nlabels: { app: reviews, version: vm }\nports: { http: 8080 }`,
      ),
      networking(
        'DestinationRule',
        'inside',
        `host: inside.example
trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN } }
subsets: [{ name: vm, labels: { version: vm } }]`,
      ),
      networking(
        'VirtualService',
        'inside',
        `hosts: [inside.example]
http:
- match: [{ uri: { prefix: /vm } }]
  route: [{ destination: { host: inside.example, subset: vm } }]
- route: [{ destination: { host: inside.example } }]`,
      ),
    ),
    cases: [
      [get('http://inside.example/vm', { times: 5 }), { who: 'outside' }],
      [get('http://inside.example/', { times: 240 }), { shares: { v1: 1 / 3, v2: 1 / 3, outside: 1 / 3 } }],
    ],
  },
  {
    topic,
    feature: 'addresses: TCP by virtual address; hosts with the same port beside each other',
    onlyTransparent: 'without redirection there is no TCP on the way out',
    objects: documents(
      ...['v1', 'v2'].map((version, i) =>
        networking(
          'ServiceEntry',
          `db-${version}`,
          `hosts: [${version}.db.example]
addresses: [198.19.77.${i + 1}]
ports: [{ number: 5432, name: tcp, protocol: TCP, targetPort: 8090 }]
resolution: STATIC
endpoints: [{ address: ${addressOf(`reviews-${version}`)} }]`,
        ),
      ),
    ),
    cases: [
      [tcp('v1.db.example:5432'), { who: 'v1' }],
      [tcp('v2.db.example:5432'), { who: 'v2' }],
    ],
  },
  {
    topic,
    feature: 'resolution NONE: wildcard hosts, to the address that the client asked for',
    onlyTransparent: BY_ADDRESS,
    notSimulated: 'the address decides',
    objects: documents(
      registryOnly,
      networking(
        'ServiceEntry',
        'wild',
        'hosts: ["*.wild.example"]\nports: [{ number: 8080, name: http, protocol: HTTP }]\nresolution: NONE',
      ),
    ),
    cases: [
      [get('http://one.wild.example:8080/', { address: addressOf('outside') }), { who: 'outside' }],
      [get('http://other.example:8080/', { address: addressOf('outside') }), { status: 502, who: undefined }],
    ],
  },
  {
    topic,
    feature: 'exportTo: seen in some namespaces only',
    objects: documents(
      registryOnly,
      networking(
        'ServiceEntry',
        'inside',
        `hosts: [inside.example]
exportTo: ["."]
ports: [{ number: 9080, name: http, protocol: HTTP, targetPort: 8080 }]
resolution: STATIC
workloadSelector: { labels: { app: reviews } }`,
      ),
    ),
    cases: [
      [get('http://inside.example:9080/'), { status: 200 }],
      [get('http://inside.example:9080/', { from: 'stranger' }), { status: 502, who: undefined }],
    ],
  },
  {
    topic: 'MeshConfig',
    feature: 'outboundTrafficPolicy: ALLOW_ANY passes on what nobody knows, REGISTRY_ONLY does not',
    onlyTransparent: BY_ADDRESS,
    notSimulated: 'the address decides',
    objects: networking(
      'Sidecar',
      'reviews',
      `workloadSelector: { labels: { version: v2, app: reviews } }
egress: [{ hosts: ["*/*"] }]
outboundTrafficPolicy: { mode: REGISTRY_ONLY }`,
    ),
    cases: [
      [get('http://nobody.example:8080/', { address: addressOf('outside') }), { who: 'outside' }],
      [tcp('nobody.example:8090', { address: addressOf('outside') }), { who: 'outside' }],
      [
        get('http://nobody.example:8080/', { address: addressOf('outside'), from: 'reviews-v2' }),
        { who: undefined, refused: expect.any(String) },
      ],
    ],
  },
  {
    topic: 'Services',
    feature: 'headless: to the endpoint that the client chose, HTTP and TCP',
    onlyTransparent: BY_ADDRESS,
    notSimulated: 'the address decides',
    objects: service(
      'each',
      '{ clusterIP: None, selector: { app: reviews }, ports: [{ name: http, port: 8080 }, { name: tcp, port: 8090 }] }',
    ),
    cases: [
      [get('http://each:8080/', { address: addressOf('reviews-v1'), times: 5 }), { who: 'v1' }],
      [get('http://each:8080/', { address: addressOf('reviews-v2'), times: 5 }), { who: 'v2' }],
      [get('http://pod-0.each:8080/', { address: addressOf('reviews-v2') }), { who: 'v2' }],
      [tcp('each:8090', { address: addressOf('reviews-v2') }), { who: 'v2' }],
    ],
  },
  {
    topic: 'Services',
    feature: 'ExternalName of a service of the mesh: another name for it, with its policies',
    objects: documents(
      service(
        'alias',
        '{ type: ExternalName, externalName: reviews.shop.svc.cluster.local, ports: [{ name: http, port: 9080 }] }',
      ),
      networking(
        'VirtualService',
        'alias',
        `hosts: [alias]
http:
- match: [{ uri: { prefix: /v2 } }]
  route: [{ destination: { host: alias, subset: v2 } }]
- route: [{ destination: { host: alias } }]`,
      ),
    ),
    cases: [
      [get('http://alias:9080/', { times: 20 }), { status: 200 }],
      [get('http://alias:9080/v2', { times: 5 }), { who: 'v2' }],
    ],
  },
];
