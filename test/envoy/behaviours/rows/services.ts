/** Services: which protocol a port speaks, and what a Sidecar leaves of the mesh. */
import { type Behaviour, get, tcp } from '../behaviour';
import { documents, networking } from './objects';

/** One of the versions of reviews. */
const EITHER = expect.stringMatching(/^v[12]$/) as never;

const undeclared = `
      apiVersion: v1
      kind: Service
      metadata: { name: reviews, namespace: shop }
      spec:
        selector: { app: reviews }
        ports:
        - { name: anything, port: 9080, targetPort: 8080 }
        - { name: more, port: 9070, targetPort: 8070 }
        - { name: tcp, port: 9000, targetPort: 8090 }`;

const protocolSelection: Behaviour[] = [
  {
    topic: 'Protocol selection',
    feature: 'by the prefix of the name, or appProtocol: HTTP/1.1 and HTTP/2',
    objects: `
      apiVersion: v1
      kind: Service
      metadata: { name: reviews, namespace: shop }
      spec:
        selector: { app: reviews }
        ports:
        - { name: http-web, port: 9080, targetPort: 8080 }
        - { name: two, port: 9070, targetPort: 8070, appProtocol: kubernetes.io/h2c }
        - { name: tcp-first, port: 9000, targetPort: 8090 }
---
      apiVersion: networking.istio.io/v1
      kind: VirtualService
      metadata: { name: reviews, namespace: shop }
      spec:
        hosts: [reviews]
        http: [{ route: [{ destination: { host: reviews, subset: v2 } }] }]`,
    cases: [
      [get('http://reviews:9080/'), { who: 'v2', seen: { httpVersion: '1.1' } }],
      [get('http://reviews:9070/'), { who: 'v2', seen: { httpVersion: '2.0' } }],
    ],
  },
  {
    topic: 'Protocol selection',
    feature: 'sniffing where nothing is declared: requests are routed',
    objects: `${undeclared}
---
      apiVersion: networking.istio.io/v1
      kind: VirtualService
      metadata: { name: reviews, namespace: shop }
      spec:
        hosts: [reviews]
        http:
        - match: [{ uri: { prefix: /v2 } }]
          route: [{ destination: { host: reviews, subset: v2 } }]
        - route: [{ destination: { host: reviews, subset: v1 } }]`,
    cases: [
      [get('http://reviews:9080/v2'), { who: 'v2', seen: { httpVersion: '1.1' } }],
      [get('http://reviews:9080/other'), { who: 'v1' }],
    ],
  },
  {
    topic: 'Protocol selection',
    feature:
      'TCP where the server speaks first: declared, or undeclared after protocolDetectionTimeout; HTTP/2 without TLS',
    onlyTransparent: 'without redirection there is no TCP on the way out',
    objects: `
      apiVersion: v1
      kind: ConfigMap
      metadata: { name: istio, namespace: istio-system }
      data: { mesh: "protocolDetectionTimeout: 100ms" }
---
      apiVersion: v1
      kind: Service
      metadata: { name: first, namespace: shop }
      spec:
        selector: { app: reviews }
        ports: [{ name: first, port: 9001, targetPort: 8090 }, { name: two, port: 9002, targetPort: 8070 }]`,
    cases: [
      [tcp('first:9001'), { who: EITHER }],
      [get('http://first:9002/', { http: '2' }), { status: 200, seen: { httpVersion: '2.0' } }],
      [tcp('reviews:9000'), { who: EITHER }],
    ],
  },
];

const scope = (hosts: string, more = '') => `
      apiVersion: networking.istio.io/v1
      kind: Sidecar
      metadata: { name: client, namespace: shop }
      spec:
        workloadSelector: { labels: { app: client } }
        egress: [{ hosts: [${hosts}] }]
        ${more}`;

const sidecar: Behaviour[] = [
  {
    topic: 'Sidecar',
    feature: 'egress hosts: what is not named cannot be reached, under REGISTRY_ONLY',
    objects: scope('"./reviews.shop.svc.cluster.local"', 'outboundTrafficPolicy: { mode: REGISTRY_ONLY }'),
    cases: [
      [get('http://reviews:9080/'), { status: 200 }],
      [get('http://stranger.other:9080/'), { status: 502, who: undefined }],
      [get('http://stranger.other:9080/', { from: 'reviews-v1' }), { status: 200 }],
    ],
  },
  {
    topic: 'Sidecar',
    feature: 'selection: by workload before the namespace, the namespace before the root',
    objects: `
      apiVersion: networking.istio.io/v1
      kind: Sidecar
      metadata: { name: default, namespace: istio-system }
      spec:
        egress: [{ hosts: ["~/*"] }]
        outboundTrafficPolicy: { mode: REGISTRY_ONLY }
---
      apiVersion: networking.istio.io/v1
      kind: Sidecar
      metadata: { name: default, namespace: shop }
      spec:
        egress: [{ hosts: ["./*"] }]
        outboundTrafficPolicy: { mode: REGISTRY_ONLY }
---${scope('"other/*"', 'outboundTrafficPolicy: { mode: REGISTRY_ONLY }')}`,
    cases: [
      [get('http://reviews.shop:9080/', { from: 'stranger' }), { who: undefined }],
      [get('http://reviews:9080/', { from: 'reviews-v1' }), { status: 200 }],
      [get('http://stranger.other:9080/', { from: 'reviews-v1' }), { status: 502 }],
      [get('http://stranger.other:9080/'), { status: 200 }],
      [get('http://reviews:9080/'), { status: 502 }],
    ],
  },
  {
    topic: 'Sidecar',
    feature: 'egress listeners with a port, a bind address and captureMode NONE; an HTTP proxy among them',
    onlyTransparent: 'the Pods of explicit capture share the loopback addresses that listeners would bind',
    notSimulated: 'the client connects to its own proxy',
    objects: `
      apiVersion: networking.istio.io/v1
      kind: Sidecar
      metadata: { name: client, namespace: shop }
      spec:
        workloadSelector: { labels: { app: client } }
        egress:
        - port: { number: 9000, protocol: TCP, name: bytes }
          bind: 127.0.0.9
          captureMode: NONE
          hosts: ["./reviews.shop.svc.cluster.local"]
        - port: { number: 9070, protocol: HTTP_PROXY, name: proxy }
          bind: 127.0.0.10
          captureMode: NONE
          hosts: ["./reviews.shop.svc.cluster.local"]
        - hosts: ["other/*"]`,
    cases: [
      [tcp('reviews:9000', { address: '127.0.0.9' }), { who: EITHER }],
      [get('http://reviews:9070/', { address: '127.0.0.10', http: '2' }), { status: 200 }],
      [get('http://stranger.other:9080/'), { status: 200 }],
    ],
  },
];

const HANDSHAKE = 'the handshake decides';
const BY_SERVICE = 'without redirection, a client without a sidecar does not get from a Service to its Pods';

/** Straight to the Pod, from a workload without a sidecar. */
const OUTSIDE = { from: 'outside' as const };

const withoutMutualTls = `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: reviews, namespace: shop }
spec: { selector: { matchLabels: { app: reviews } }, mtls: { mode: PERMISSIVE }, portLevelMtls: { 8443: { mode: DISABLE } } }`;

const ingressTls = (tls: string) =>
  networking(
    'Sidecar',
    'reviews',
    `workloadSelector: { labels: { app: reviews } }
ingress:
- port: { number: 8443, protocol: HTTPS, name: web }
  defaultEndpoint: 127.0.0.1:8080
  tls: { ${tls} }`,
  );

const ingress: Behaviour[] = [
  {
    topic: 'Sidecar',
    feature: 'ingress listeners with a defaultEndpoint; inboundConnectionPool',
    objects: `
      apiVersion: networking.istio.io/v1
      kind: Sidecar
      metadata: { name: reviews, namespace: shop }
      spec:
        workloadSelector: { labels: { app: reviews } }
        ingress:
        - port: { number: 8080, protocol: HTTP2, name: web }
          defaultEndpoint: 0.0.0.0:8070
        inboundConnectionPool: { http: { http2MaxRequests: 50, maxRequestsPerConnection: 10 } }
        outboundTrafficPolicy: { mode: ALLOW_ANY }`,
    cases: [[get('http://reviews:9080/', { times: 5 }), { status: 200, seen: { httpVersion: '2.0' } }]],
  },
  {
    topic: 'Sidecar',
    feature: 'ingress tls SIMPLE: ends at the sidecar, plaintext is not taken',
    notSimulated: HANDSHAKE,
    onlyTransparent: BY_SERVICE,
    objects: (given) =>
      documents(
        withoutMutualTls,
        ingressTls(
          `mode: SIMPLE, minProtocolVersion: TLSV1_3, serverCertificate: ${given.file('pod.crt')}, privateKey: ${given.file('pod.key')}`,
        ),
      ),
    cases: [
      [
        get('https://reviews.shop:9443/', { ...OUTSIDE, alpn: ['h2', 'http/1.1'] }),
        { status: 200, tls: { protocol: 'TLSv1.3', alpn: 'http/1.1' } },
      ],
      [get('https://reviews.shop:9443/', { ...OUTSIDE, maxVersion: 'TLSv1.2' }), { refused: expect.any(String) }],
      [get('http://reviews.shop:9443/', OUTSIDE), { refused: expect.any(String) }],
    ],
  },
  {
    topic: 'Sidecar',
    feature:
      'ingress tls MUTUAL: clients with a certificate of that authority, none that claims an identity of the mesh',
    notSimulated: HANDSHAKE,
    onlyTransparent: BY_SERVICE,
    objects: (given) =>
      documents(
        withoutMutualTls,
        ingressTls(
          `mode: MUTUAL, serverCertificate: ${given.file('pod.crt')}, privateKey: ${given.file('pod.key')}, caCertificates: ${given.file('ca.crt')}`,
        ),
      ),
    cases: [
      [get('https://reviews.shop:9443/', { ...OUTSIDE, certificate: 'partner' }), { status: 200 }],
      [get('https://reviews.shop:9443/', { ...OUTSIDE, certificate: 'claimant' }), { refused: expect.any(String) }],
      [get('https://reviews.shop:9443/', { ...OUTSIDE, certificate: 'foreign' }), { refused: expect.any(String) }],
      [get('https://reviews.shop:9443/', OUTSIDE), { refused: expect.any(String) }],
    ],
  },
];

export const services: Behaviour[] = [...protocolSelection, ...sidecar, ...ingress];
