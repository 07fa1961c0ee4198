/** PeerAuthentication, automatic mutual TLS, and policies about who calls: with certificates of the mesh. */
import { type Behaviour, get, tcp, tls } from '../behaviour';
import { castPod, PORTS } from '../cast';
import { addressOf, documents, edgeGateway, networking, reviewsRoutes, toV1Port, toV2 } from './objects';
import { parsed } from './parsed';

const topic = 'PeerAuthentication';
const identities = true;

/** @param spec YAML in one line. */
const peerAuthentication = (name: string, spec: string, namespace = 'shop') =>
  `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: ${name}, namespace: ${namespace} }
spec: { ${spec} }`;

const ofReviews = 'selector: { matchLabels: { app: reviews } }';
const ofV1 = 'selector: { matchLabels: { app: reviews, version: v1 } }';
const strict = peerAuthentication('default', 'mtls: { mode: STRICT }', 'istio-system');

/** The certificate of the caller, as the sidecar of the callee has seen it: the last one of the header. */
const from = (identity: string) =>
  expect.stringMatching(`URI=spiffe://cluster\\.local/ns/${identity.replace('/', '/sa/')}(;DNS=[^,]*)?$`);
const calledBy = (identity: string) => ({
  status: 200,
  seen: { headers: { 'x-forwarded-client-cert': from(identity) } },
});
const inPlaintext = {
  status: 200,
  seen: { headers: expect.not.objectContaining({ 'x-forwarded-client-cert': expect.anything() }) },
};
const refused = { who: undefined, refused: expect.any(String) };
const unreachable = { status: 503, who: undefined };

/** All other ports of the Pods are then declared by nobody. */
const onlyHttp = `apiVersion: v1
kind: Service
metadata: { name: reviews, namespace: shop }
spec: { selector: { app: reviews }, ports: [{ name: http, port: 9080, targetPort: ${PORTS.http} }] }`;

/** Of these ports nothing is declared. */
const open = (name: string, targetPort: number) => `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { selector: { app: reviews }, ports: [{ port: 7000, targetPort: ${targetPort} }] }`;

const undeclared = [open('open', PORTS.http), open('open-bytes', PORTS.tcp), open('open-grpc', PORTS.grpc)];

/** A Pod of v1, by its own address, as a client without a sidecar comes to it. */
const direct = (port: number) => `${addressOf('reviews-v1')}:${port}`;
const outside = { from: 'outside' } as const;
/** How a proxy of the mesh says that it speaks the mesh's TLS. */
const asMesh = (certificate?: string) => ({
  ...outside,
  certificate,
  sni: 'reviews.shop',
  alpn: ['istio', 'http/1.1'],
});

const byAddress = 'the addresses of Pods are those of transparent capture';
const noProxy = 'the caller has no proxy to ask';

/** As the sidecar of another network would come to the gateway. */
const throughEdge = (subset: string, host: string, certificate?: string, alpn = ['istio-http/1.1', 'http/1.1']) =>
  get('https://any:15443/', {
    from: 'edge',
    certificate,
    alpn,
    sni: `outbound_.9080_.${subset}.${host}.svc.cluster.local`,
  });

const peerHeader = { 'x-malha-peer': expect.anything() };

/** A line of a page of metrics with these labels among others, in whatever order. */
const series = (name: string, labels: Record<string, string>) =>
  `(?:^|\\n)${name}\\{${Object.entries(labels)
    .map(([label, value]) => `(?=[^}]*[{,]?${label}="${value.replaceAll('.', '\\.')}")`)
    .join('')}`;

const allow = (name: string, source: string) =>
  `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: ${name}, namespace: shop }
spec: { ${ofReviews}, rules: [{ from: [{ source: { ${source} } }] }] }`;

const url = 'http://reviews.shop:9080/';
const allowed = { status: 200 };
const forbidden = { status: 403, who: undefined, body: 'RBAC: access denied' };

const aliases = `apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "trustDomainAliases: [old.example]" }`;

export const mutualTls: Behaviour[] = [
  {
    topic,
    feature: 'STRICT for the mesh: callers with a certificate get in, by HTTP, gRPC and TCP',
    identities,
    objects: strict,
    cases: [
      [get(url), calledBy('shop/client')],
      [get(url, { from: 'stranger' }), calledBy('other/stranger')],
      [get('http://reviews.shop:9070/a.B/c', { http: 'grpc' }), { grpcStatus: 0 }],
      [get('http://stranger.other:9080/'), calledBy('shop/client')],
    ],
  },
  {
    topic,
    feature: 'STRICT: nothing in plaintext, also not on ports that no Service declares',
    identities,
    objects: documents(strict, onlyHttp),
    onlyTransparent: byAddress,
    cases: [
      [get(url), calledBy('shop/client')],
      [get(`http://${direct(PORTS.http)}/`, outside), refused],
      [tcp(direct(PORTS.tcp), outside), refused],
      [tls(direct(PORTS.tcp), asMesh('mesh-client')), { who: 'v1' }],
      // The application's own TLS is not the mesh's.
      [get(`https://${direct(PORTS.tls)}/`, outside), refused],
    ],
    notSimulated: noProxy,
  },
  {
    topic,
    feature: 'portLevelMtls of a port that no Service declares',
    identities,
    objects: documents(
      strict,
      onlyHttp,
      peerAuthentication('ports', `${ofReviews}, portLevelMtls: { ${PORTS.tcp}: { mode: DISABLE } }`),
    ),
    onlyTransparent: byAddress,
    cases: [
      [tcp(direct(PORTS.tcp), outside), { who: 'v1' }],
      [get(`https://${direct(PORTS.tls)}/`, outside), refused],
    ],
    notSimulated: noProxy,
  },
  {
    topic,
    feature: 'STRICT: no certificate, one of another trust domain, an expired one and a forged one are refused',
    identities,
    objects: strict,
    onlyTransparent: byAddress,
    cases: [
      [get(`https://${direct(PORTS.http)}/`, asMesh('mesh-client')), calledBy('shop/client')],
      [get(`https://${direct(PORTS.http)}/`, asMesh()), refused],
      [get(`https://${direct(PORTS.http)}/`, asMesh('mesh-elsewhere')), refused],
      [get(`https://${direct(PORTS.http)}/`, asMesh('mesh-expired')), refused],
      [get(`https://${direct(PORTS.http)}/`, asMesh('mesh-forged')), refused],
      [get(`https://${direct(PORTS.http)}/`, asMesh('partner')), refused],
    ],
    notSimulated: noProxy,
  },
  {
    topic,
    feature: 'PERMISSIVE, the default: mutual TLS and plaintext side by side, and an application’s own TLS passes',
    identities,
    objects: onlyHttp,
    onlyTransparent: byAddress,
    cases: [
      [get(url), calledBy('shop/client')],
      [get(`http://${direct(PORTS.http)}/`, outside), inPlaintext],
      [tcp(direct(PORTS.tcp), outside), { who: 'v1' }],
      [get(`https://${direct(PORTS.http)}/`, asMesh('mesh-client')), calledBy('shop/client')],
      // Who speaks the mesh's TLS has to show the mesh's certificate.
      [get(`https://${direct(PORTS.http)}/`, asMesh('mesh-elsewhere')), refused],
      [
        get(`https://${direct(PORTS.tls)}/`, outside),
        { status: 200, tls: { subject: expect.stringContaining('DNS:') } },
      ],
    ],
    notSimulated: noProxy,
  },
  {
    topic,
    feature: 'a certificate that a caller writes into the header is not believed',
    identities,
    objects: '',
    onlyTransparent: byAddress,
    cases: [
      [
        get(`http://${direct(PORTS.http)}/`, {
          ...outside,
          headers: { 'x-forwarded-client-cert': 'By=x;URI=spiffe://cluster.local/ns/shop/sa/admin' },
        }),
        inPlaintext,
      ],
      [
        get(url, { headers: { 'x-forwarded-client-cert': 'By=x;URI=spiffe://cluster.local/ns/shop/sa/admin' } }),
        {
          status: 200,
          seen: { headers: { 'x-forwarded-client-cert': expect.not.stringContaining('admin') } },
        },
      ],
    ],
    notSimulated: noProxy,
  },
  {
    topic,
    feature: 'DISABLE: plaintext, and callers of the mesh know it',
    identities,
    objects: documents(strict, peerAuthentication('plain', 'mtls: { mode: DISABLE }')),
    cases: [
      [get(url), inPlaintext],
      [get('http://stranger.other:9080/'), calledBy('shop/client')],
    ],
  },
  {
    topic,
    feature: 'portLevelMtls, by the port of the workload',
    identities,
    objects: documents(
      strict,
      peerAuthentication('ports', `${ofReviews}, portLevelMtls: { ${PORTS.http}: { mode: DISABLE } }`),
    ),
    cases: [
      [get(url), inPlaintext],
      [get('http://reviews:9070/a.B/c', { http: 'grpc' }), { grpcStatus: 0 }],
    ],
  },
  {
    topic,
    feature: 'the workload’s goes before the namespace’s, that before the mesh’s; UNSET inherits; the oldest of a kind',
    identities,
    onlyTransparent: byAddress,
    objects: documents(
      strict,
      peerAuthentication('namespace', 'mtls: { mode: PERMISSIVE }'),
      peerAuthentication('unset', `${ofReviews}, mtls: { mode: UNSET }`),
      peerAuthentication('workload', 'selector: { matchLabels: { app: client } }, mtls: { mode: STRICT }'),
    ),
    cases: [
      [get(`http://${direct(PORTS.http)}/`, outside), inPlaintext],
      [get(`http://${addressOf('client')}:${PORTS.http}/`, outside), refused],
      [get(`http://${addressOf('stranger')}:${PORTS.http}/`, outside), refused],
    ],
    notSimulated: noProxy,
  },
  {
    topic,
    feature: 'automatic mutual TLS: endpoint by endpoint, only to those that take it',
    identities,
    objects: documents(
      peerAuthentication('plain', `${ofV1}, mtls: { mode: DISABLE }`),
      reviewsRoutes(`- match: [{ headers: { end-user: { exact: jason } } }]\n  ${toV2}`),
    ),
    cases: [
      [get(url), { who: 'v1', ...inPlaintext }],
      [get(url, { headers: { 'end-user': 'jason' } }), { who: 'v2', ...calledBy('shop/client') }],
      [get('http://client:9080/', { from: 'reviews-v1' }), calledBy('shop/reviews-v1')],
      [get('http://outside.outside:9080/'), inPlaintext],
    ],
  },
  {
    topic,
    feature: 'a workload without an identity: called in plaintext; refuses everything where STRICT holds',
    identities,
    objects: [
      castPod('reviews-v1', { identity: 'none' }),
      ...parsed(peerAuthentication('v1', `${ofV1}, mtls: { mode: STRICT }`)),
    ],
    cases: [
      [get(url, { times: 40 }), { shares: { 503: 0.5, v2: 0.5 } }],
      // As a client it has nothing to show.
      [get('http://client:9080/', { from: 'reviews-v1' }), inPlaintext],
    ],
    notSimulated: 'one in two requests is retried',
  },
  {
    topic,
    feature: 'a server that shows the certificate of a neighbour is not spoken to',
    identities,
    objects: [castPod('reviews-v1', { account: 'somebody' }), castPod('reviews-v2', { account: 'somebody' })],
    cases: [
      [get(url), unreachable],
      [tcp('reviews:9000'), { who: undefined, refused: expect.any(String) }],
    ],
    notSimulated: 'which certificate a server shows is no configuration',
  },
  {
    topic: 'Telemetry',
    feature:
      'metrics over mutual TLS name the caller by its certificate and its own proxy, and say that it was mutual TLS',
    identities,
    objects: reviewsRoutes(`- match: [{ headers: { end-user: { exact: jason } } }]\n  ${toV2}`),
    onlyTransparent: byAddress,
    onlyNewest: 'before 1.40 Envoy has no access logger that counts',
    cases: [
      [get(url, { headers: { 'x-malha-peer': 'forged' } }), { who: 'v1', status: 200 }],
      [tcp('reviews:9000', { times: 4 }), { who: expect.any(String) }],
      [get(url, { from: 'stranger' }), { who: 'v1', seen: { headers: expect.not.objectContaining(peerHeader) } }],
      [
        get(`http://${direct(15090)}/stats/prometheus`, outside),
        {
          status: 200,
          body: expect.stringMatching(
            series('istio_requests_total', {
              reporter: 'destination',
              source_workload: 'client',
              source_workload_namespace: 'shop',
              source_principal: 'spiffe://cluster.local/ns/shop/sa/client',
              source_canonical_service: 'client',
              destination_principal: 'spiffe://cluster.local/ns/shop/sa/reviews-v1',
              connection_security_policy: 'mutual_tls',
            }),
          ),
        },
      ],
      [
        get(`http://${direct(15090)}/stats/prometheus`, outside),
        {
          body: expect.stringMatching(
            series('istio_requests_total', {
              source_workload: 'stranger',
              source_workload_namespace: 'other',
              connection_security_policy: 'mutual_tls',
            }),
          ),
        },
      ],
      [
        get(`http://${addressOf('client')}:15090/stats/prometheus`, outside),
        {
          body: expect.stringMatching(
            series('istio_requests_total', {
              reporter: 'source',
              source_principal: 'spiffe://cluster.local/ns/shop/sa/client',
              destination_principal: 'spiffe://cluster.local/ns/shop/sa/reviews-v1',
              connection_security_policy: 'unknown',
            }),
          ),
        },
      ],
    ],
    notSimulated: 'the page of metrics is no service of the mesh',
  },
  ...(['PERMISSIVE', 'STRICT'] as const).map(
    (mode): Behaviour => ({
      topic,
      feature: `${mode}, ports of which nothing is declared: HTTP is known for HTTP, by whichever route, and bytes for bytes`,
      identities,
      onlyTransparent: 'without redirection there is nothing but HTTP on the way out',
      objects: documents(
        peerAuthentication('default', `mtls: { mode: ${mode} }`),
        ...undeclared,
        networking(
          'VirtualService',
          'split',
          `hosts: [client]
http:
- route:
  - { destination: { host: open }, weight: 50 }
  - { destination: { host: stranger.other.svc.cluster.local, port: { number: 9080 } }, weight: 50 }`,
        ),
        networking('DestinationRule', 'bytes', 'host: open-bytes\ntrafficPolicy: { tls: { mode: ISTIO_MUTUAL } }'),
        allow('who', 'principals: [cluster.local/ns/shop/sa/client]'),
      ),
      cases: [
        [get('http://open:7000/'), calledBy('shop/client')],
        [get('http://open.shop:7000/', { from: 'stranger' }), forbidden],
        [get('http://client:9080/', { times: 20 }), calledBy('shop/client')],
        [get('http://open-grpc:7000/a.B/c', { http: 'grpc' }), { grpcStatus: 0 }],
        [tcp('open-bytes:7000', { body: '\0bytes' }), { who: expect.any(String) }],
        [tcp('open-bytes.shop:7000', { from: 'stranger', body: '\0bytes' }), refused],
      ],
    }),
  ),
  {
    topic: 'MeshConfig',
    feature: 'enableAutoMtls: false, without a DestinationRule calls are in plaintext',
    identities,
    objects: `apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "enableAutoMtls: false" }`,
    cases: [[get(url), inPlaintext]],
  },
  {
    topic: 'DestinationRule',
    feature: 'tls ISTIO_MUTUAL and DISABLE go before automatic mutual TLS; subjectAltNames',
    identities,
    objects: documents(
      strict,
      networking('DestinationRule', 'reviews', 'host: reviews\ntrafficPolicy: { tls: { mode: ISTIO_MUTUAL } }'),
      networking('DestinationRule', 'client', 'host: client\ntrafficPolicy: { tls: { mode: DISABLE } }'),
      networking(
        'DestinationRule',
        'stranger',
        'host: stranger.other.svc.cluster.local\ntrafficPolicy: { tls: { mode: ISTIO_MUTUAL, subjectAltNames: ["spiffe://cluster.local/ns/other/sa/nobody"] } }',
      ),
    ),
    cases: [
      [get(url), calledBy('shop/client')],
      [get('http://client:9080/', { from: 'reviews-v1' }), unreachable],
      [get('http://stranger.other:9080/'), unreachable],
    ],
    notSimulated: 'a failing TLS handshake depends on the service',
  },
  {
    topic,
    feature: 'what is refused in plaintext, the simulator knows',
    identities,
    objects: documents(
      strict,
      networking('DestinationRule', 'client', 'host: client\ntrafficPolicy: { tls: { mode: DISABLE } }'),
    ),
    cases: [[get('http://client:9080/', { from: 'reviews-v1' }), unreachable]],
  },
  ...(
    [
      ['principals', 'principals: [cluster.local/ns/shop/sa/client]'],
      ['namespaces', 'namespaces: [shop]'],
      ['serviceAccounts', 'serviceAccounts: [client]'],
      ['trustDomains with notPrincipals', 'trustDomains: [cluster.local], notPrincipals: ["*/sa/stranger"]'],
      ['principals of an alias of the trust domain', 'principals: [old.example/ns/shop/sa/client]'],
    ] as const
  ).map(
    ([what, source]): Behaviour => ({
      topic: 'AuthorizationPolicy',
      feature: `over mutual TLS: ${what}`,
      identities,
      objects: documents(allow('who', source), aliases),
      cases: [
        [get(url), allowed],
        [get(url, { from: 'stranger' }), forbidden],
      ],
    }),
  ),
  {
    topic: 'AuthorizationPolicy',
    feature: 'over mutual TLS: callers in plaintext have no principal; a certificate of an alias has',
    identities,
    objects: documents(allow('who', 'principals: [cluster.local/ns/shop/sa/client]'), aliases),
    onlyTransparent: byAddress,
    cases: [
      [get(`http://${direct(PORTS.http)}/`, outside), forbidden],
      [get(`https://${direct(PORTS.http)}/`, asMesh('mesh-alias')), { status: 200 }],
      [tcp('reviews:9000'), { who: expect.any(String) }],
      [tcp('reviews.shop:9000', { from: 'stranger' }), refused],
    ],
    notSimulated: noProxy,
  },
  {
    topic: 'Gateway',
    feature:
      'to services by mutual TLS: the gateway shows its own identity, and says who called it only where it knows',
    identities,
    objects: documents(
      strict,
      edgeGateway('- { port: { number: 80, name: http, protocol: HTTP }, hosts: ["*"] }'),
      networking('VirtualService', 'edge', `hosts: ["*"]\ngateways: [edge]\nhttp:\n- ${toV1Port}`),
    ),
    cases: [
      [get('http://shop.example/', { from: 'edge' }), calledBy('shop/edge')],
      [
        get('http://shop.example/', {
          from: 'edge',
          headers: { 'x-forwarded-client-cert': 'By=x;URI=spiffe://cluster.local/ns/shop/sa/admin' },
        }),
        { seen: { headers: { 'x-forwarded-client-cert': expect.not.stringContaining('admin') } } },
      ],
    ],
  },
  {
    topic: 'Gateway',
    feature: 'tls ISTIO_MUTUAL: takes clients of the mesh only, and shows the certificate of its workload',
    identities,
    objects: documents(
      edgeGateway(`
- { port: { number: 443, name: https, protocol: HTTPS }, hosts: [shop.example], tls: { mode: ISTIO_MUTUAL } }
- { port: { number: 443, name: admin, protocol: HTTPS }, hosts: [third.example], tls: { mode: ISTIO_MUTUAL, subjectAltNames: ["spiffe://cluster.local/ns/shop/sa/admin"] } }`),
      networking('VirtualService', 'edge', `hosts: ["*"]\ngateways: [edge]\nhttp:\n- ${toV1Port}`),
    ),
    cases: [
      [
        get('https://shop.example/', { from: 'edge', certificate: 'mesh-client' }),
        {
          who: 'v1',
          seen: {
            headers: {
              'x-forwarded-client-cert': expect.stringMatching(/URI=spiffe:\/\/cluster.local\/ns\/shop\/sa\/client,By/),
            },
          },
          tls: { subject: 'URI:spiffe://cluster.local/ns/shop/sa/edge' },
        },
      ],
      [get('https://shop.example/', { from: 'edge' }), refused],
      [get('https://shop.example/', { from: 'edge', certificate: 'partner' }), refused],
      [get('https://shop.example/', { from: 'edge', certificate: 'mesh-elsewhere' }), refused],
      [get('https://third.example/', { from: 'edge', certificate: 'mesh-client' }), refused],
    ],
    notSimulated: 'a failing TLS handshake depends on the client',
  },
  {
    topic: 'Gateway',
    feature: 'tls AUTO_PASSTHROUGH: the mesh’s own TLS goes on to the service in its server name',
    identities,
    objects: documents(
      strict,
      peerAuthentication('plain', 'selector: { matchLabels: { app: client } }, mtls: { mode: DISABLE }'),
      edgeGateway(
        '- { port: { number: 15443, name: tls, protocol: TLS }, hosts: ["*.local"], tls: { mode: AUTO_PASSTHROUGH } }',
      ),
    ),
    cases: [
      [throughEdge('_', 'reviews.shop', 'mesh-client'), { ...calledBy('shop/client') }],
      [throughEdge('v2_', 'reviews.shop', 'mesh-client'), { who: 'v2' }],
      // The service itself asks for the certificate.
      [throughEdge('_', 'reviews.shop'), refused],
      [throughEdge('_', 'reviews.shop', 'mesh-elsewhere'), refused],
      // What takes plaintext cannot be reached, nor what is no service, nor by other TLS.
      [throughEdge('_', 'client.shop', 'mesh-client'), refused],
      [throughEdge('_', 'nobody.shop', 'mesh-client'), refused],
      [throughEdge('_', 'reviews.shop', 'mesh-client', ['http/1.1']), refused],
    ],
    notSimulated: 'the client speaks TLS that only the mesh does',
  },
];
