/** Which headers proxies write of their own accord, which requests they take, and which they trace. */
import type { KubeObject } from '../../../../lib/api/object';
import { type Behaviour, get } from '../behaviour';
import { cast } from '../cast';
import { documents, edgeGateway, networking, toV1Port } from './objects';
import { parsed } from './parsed';

const topic = 'ProxyConfig';

const served = documents(
  edgeGateway('- { port: { number: 80, name: http, protocol: HTTP }, hosts: ["*"] }'),
  networking('VirtualService', 'edge', `hosts: ["*"]\ngateways: [edge]\nhttp:\n- ${toV1Port}`),
);

const connections = (settings: string) => `apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "defaultConfig: { connectionSettings: ${settings} }" }`;

const inMesh = (proxyHeaders: string) => `apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "defaultConfig: { proxyHeaders: ${proxyHeaders} }" }`;

/** A Pod of the cast with an annotation. */
function withConfig(name: string, config: string): KubeObject {
  const pod = cast().find(({ kind, metadata }) => kind === 'Pod' && metadata.name === name)!;
  const annotations = { ...pod.metadata.annotations, 'proxy.istio.io/config': config };
  return { ...pod, metadata: { ...pod.metadata, annotations } };
}

const url = 'http://reviews.shop:9080/';
const ask = get(url);
const fromEdge = get('http://shop.example/', { from: 'edge' });
const notSimulated = 'what proxies write of their own accord is not simulated';
const any = expect.any(String);
const traced = (sampled: string) => ({
  'x-b3-traceid': '463ac35c9f6413ad48485a3953bb6124',
  'x-b3-spanid': 'a2fb4a1d1a96d312',
  'x-b3-sampled': sampled,
});
const without = (header: string) => expect.not.objectContaining({ [header]: any });

export const proxyHeaderRows: Behaviour[] = [
  {
    topic,
    feature: 'proxyHeaders: server, a name of sidecars of servers and of gateways',
    objects: documents(served, inMesh('{ server: { value: shop } }')),
    cases: [
      [fromEdge, { who: 'v1', headers: { server: 'shop' } }],
      // What the client's own sidecar calls itself is no part of it.
      [ask, { headers: { server: 'envoy' } }],
      [get(url, { from: 'outside' }), { headers: { server: 'shop' } }],
    ],
    notSimulated,
    onlyTransparent: 'whoever is outside reaches a sidecar only where it is captured',
  },
  {
    topic,
    feature: 'proxyHeaders: server disabled, what the application says of itself stays',
    objects: documents(served, inMesh('{ server: { disabled: true } }')),
    cases: [
      [fromEdge, { who: 'v1', headers: without('server') }],
      [ask, { headers: without('server') }],
    ],
    notSimulated,
  },
  {
    topic,
    feature: 'proxyHeaders: requestId disabled, none is made and a given one stays',
    objects: documents(served, inMesh('{ requestId: { disabled: true } }')),
    cases: [
      [ask, { seen: { headers: without('x-request-id') } }],
      [fromEdge, { seen: { headers: without('x-request-id') } }],
      [get(url, { headers: { 'x-request-id': 'mine' } }), { seen: { headers: { 'x-request-id': 'mine' } } }],
    ],
    notSimulated,
  },
  {
    topic,
    feature: 'proxyHeaders: attemptCount disabled, by the annotation proxy.istio.io/config of one Pod',
    objects: [withConfig('client', 'proxyHeaders: { attemptCount: { disabled: true } }')],
    cases: [
      [ask, { seen: { headers: without('x-envoy-attempt-count') } }],
      [get(url, { from: 'stranger' }), { seen: { headers: { 'x-envoy-attempt-count': '1' } } }],
    ],
    notSimulated,
  },
  {
    topic,
    feature: 'proxyHeaders: attemptCount disabled at a gateway',
    objects: [...parsed(served), withConfig('edge', 'proxyHeaders: { attemptCount: { disabled: true } }')],
    cases: [
      [fromEdge, { who: 'v1', seen: { headers: without('x-envoy-attempt-count') } }],
      [ask, { seen: { headers: { 'x-envoy-attempt-count': '1' } } }],
    ],
    notSimulated,
  },
  {
    topic,
    feature: 'proxyHeaders: envoyDebugHeaders disabled',
    objects: [
      ...parsed(documents(served, inMesh('{ envoyDebugHeaders: { disabled: true } }'))),
      withConfig('stranger', 'proxyHeaders: { envoyDebugHeaders: { disabled: false } }'),
    ],
    cases: [
      [ask, { status: 200, headers: without('x-envoy-upstream-service-time') }],
      [fromEdge, { who: 'v1', headers: without('x-envoy-upstream-service-time') }],
      [get(url, { from: 'stranger' }), { headers: { 'x-envoy-upstream-service-time': any } }],
    ],
    notSimulated,
  },
  {
    topic,
    feature: 'proxyHeaders: xForwardedPort',
    objects: documents(served, inMesh('{ xForwardedPort: { enabled: true } }')),
    cases: [[fromEdge, { who: 'v1', seen: { headers: { 'x-forwarded-port': expect.stringMatching(/^\d+$/) } } }]],
    notSimulated,
  },
  {
    topic,
    feature: 'proxyHeaders: forwardedClientCert SANITIZE, applications see no certificates',
    identities: true,
    objects: inMesh('{ forwardedClientCert: SANITIZE }'),
    cases: [[ask, { status: 200, seen: { headers: without('x-forwarded-client-cert') } }]],
    notSimulated,
  },
  {
    topic,
    feature: 'proxyHeaders: setCurrentClientCertDetails, what is told of a client’s certificate',
    identities: true,
    objects: inMesh('{ setCurrentClientCertDetails: { uri: false, cert: true } }'),
    cases: [
      [ask, { seen: { headers: { 'x-forwarded-client-cert': expect.stringMatching(/;Cert="-----BEGIN/) } } }],
      [ask, { seen: { headers: { 'x-forwarded-client-cert': expect.not.stringMatching(/;URI=/) } } }],
    ],
    notSimulated,
  },
  {
    topic,
    feature: 'connectionSettings: profile EDGE at gateways: underscores, slashes that are escaped or doubled',
    objects: documents(served, connections('{ profile: EDGE }')),
    cases: [
      [get('http://shop.example/', { from: 'edge', headers: { a_b: '1' } }), { status: 400, who: undefined }],
      [
        get('http://shop.example/a%2Fb', { from: 'edge' }),
        { status: 307, headers: { location: expect.stringMatching(/\/a\/b$/) } },
      ],
      [get('http://shop.example//a//b', { from: 'edge' }), { who: 'v1', seen: { path: '/a/b' } }],
      [
        get(`${url}a%2F//b`, { headers: { a_b: '1' } }),
        { status: 200, seen: { path: '/a%2F//b', headers: { a_b: '1' } } },
      ],
    ],
    notSimulated: 'which requests are taken at all is not simulated',
  },
  {
    topic,
    feature: 'connectionSettings: what is set goes before the profile, and is for sidecars too',
    objects: [
      ...parsed(
        documents(
          served,
          connections('{ profile: EDGE, httpHeadersWithUnderscoresAction: HEADERS_WITH_UNDERSCORES_DROP_HEADER }'),
        ),
      ),
      withConfig(
        'stranger',
        'connectionSettings: { httpHeadersWithUnderscoresAction: HEADERS_WITH_UNDERSCORES_REJECT_REQUEST }',
      ),
    ],
    cases: [
      [
        get('http://shop.example/', { from: 'edge', headers: { a_b: '1' } }),
        { who: 'v1', seen: { headers: without('a_b') } },
      ],
      [get(url, { headers: { a_b: '1' } }), { status: 200, seen: { headers: without('a_b') } }],
      [get(url, { from: 'stranger', headers: { a_b: '1' } }), { status: 400, who: undefined }],
    ],
    notSimulated: 'which requests are taken at all is not simulated',
  },
  {
    topic,
    feature: 'tracing: sampling of the mesh, and of one Pod by its annotation; a caller that has decided goes before',
    objects: [
      ...parsed(`apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data:
  mesh: |
    enableTracing: true
    defaultConfig:
      tracing:
        sampling: 0
        zipkin: { address: "outside.outside:9080" }
        customTags: { team: { literal: { value: shop } }, user: { header: { name: end-user } } }`),
      withConfig(
        'stranger',
        'tracing: { sampling: 100, maxPathTagLength: 64, customTags: { zone: { environment: { name: ZONE } } } }',
      ),
    ],
    cases: [
      [ask, { seen: { headers: { 'x-b3-sampled': '0' } } }],
      [get(url, { from: 'stranger' }), { seen: { headers: { 'x-b3-sampled': '1' } } }],
      [get(url, { from: 'stranger', headers: traced('0') }), { seen: { headers: { 'x-b3-sampled': '0' } } }],
      [get(url, { headers: traced('1') }), { seen: { headers: { 'x-b3-sampled': '1' } } }],
    ],
    notSimulated: 'traces are not simulated',
  },
  {
    topic,
    feature: 'connectionSettings: httpStreamIdleTimeout',
    objects: documents(served, connections('{ httpStreamIdleTimeout: 250ms }')),
    cases: [
      [get('http://shop.example/?delay=2000', { from: 'edge' }), { status: 504, who: undefined }],
      [fromEdge, { who: 'v1', status: 200 }],
    ],
    notSimulated: 'how long services take is not simulated',
  },
];
