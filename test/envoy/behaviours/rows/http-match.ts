/** VirtualService: which requests a route takes. */
import { type Behaviour, get } from '../behaviour';
import { documents, networking, reviewsRoutes, toV1, toV2, toV2Port } from './objects';

const topic = 'VirtualService';
const url = 'http://reviews:9080';

export const httpMatch: Behaviour[] = [
  {
    topic,
    feature: 'http match: uri exact, prefix, regex (RE2)',
    objects: reviewsRoutes(`
      - match: [{ uri: { exact: /exact } }, { uri: { prefix: /prefix/ } }, { uri: { regex: "/items/[0-9]+" } }]
        ${toV2}`),
    cases: [
      [get(`${url}/exact`), { who: 'v2' }],
      [get(`${url}/exact?x=1`), { who: 'v2' }],
      [get(`${url}/exact/`), { who: 'v1' }],
      [get(`${url}/Exact`), { who: 'v1' }],
      [get(`${url}/prefix/a`), { who: 'v2' }],
      [get(`${url}/prefix`), { who: 'v1' }],
      [get(`${url}/items/42?a`), { who: 'v2' }],
      [get(`${url}/items/42/`), { who: 'v1' }],
    ],
  },
  {
    topic,
    feature: 'http match: expressions far above the bound that Envoy has by itself',
    objects: reviewsRoutes(`
      - match: [{ uri: { regex: "/[a-z0-9-]{1,200}/[a-z0-9-]{1,200}" } }]
        ${toV2}`),
    cases: [
      [get(`${url}/users/${'a'.repeat(200)}`), { who: 'v2' }],
      [get(`${url}/users/${'a'.repeat(201)}`), { who: 'v1' }],
    ],
  },
  {
    topic,
    feature: 'http match: ignoreUriCase',
    objects: reviewsRoutes(`
      - match: [{ uri: { exact: /Exact }, ignoreUriCase: true }, { uri: { prefix: /Pre }, ignoreUriCase: true }]
        ${toV2}`),
    cases: [
      [get(`${url}/eXACT`), { who: 'v2' }],
      [get(`${url}/pREfix`), { who: 'v2' }],
      [get(`${url}/other`), { who: 'v1' }],
    ],
  },
  {
    topic,
    feature: 'http match: method, scheme, authority',
    objects: reviewsRoutes(`
      - match: [{ uri: { prefix: /m }, method: { regex: "PUT|POST" } }, { uri: { prefix: /s }, scheme: { exact: https } }]
        ${toV2}
      - match: [{ uri: { prefix: /a }, authority: { prefix: reviews.shop.svc } }]
        ${toV2}`),
    cases: [
      [get(`${url}/m`, { method: 'POST' }), { who: 'v2' }],
      [get(`${url}/m`), { who: 'v1' }],
      [get(`${url}/s`), { who: 'v1' }],
      [get('http://reviews.shop.svc.cluster.local:9080/a'), { who: 'v2' }],
      [get(`${url}/a`), { who: 'v1' }],
    ],
  },
  {
    topic,
    feature: 'http match: headers exact, prefix, regex, present',
    objects: reviewsRoutes(`
      - match:
        - { uri: { prefix: /one }, headers: { end-user: { exact: jason } } }
        - { uri: { prefix: /two }, headers: { x-v: { prefix: "2." } } }
        - { uri: { prefix: /three }, headers: { x-v: { regex: "[a-c]+" } } }
        - { uri: { prefix: /four }, headers: { x-any: {} } }
        ${toV2}`),
    cases: [
      [get(`${url}/one`, { headers: { 'End-User': 'jason' } }), { who: 'v2' }],
      [get(`${url}/one`, { headers: { 'end-user': 'Jason' } }), { who: 'v1' }],
      [get(`${url}/one`), { who: 'v1' }],
      [get(`${url}/two`, { headers: { 'x-v': '2.1' } }), { who: 'v2' }],
      [get(`${url}/two`, { headers: { 'x-v': '12.1' } }), { who: 'v1' }],
      [get(`${url}/three`, { headers: { 'x-v': 'abcabc' } }), { who: 'v2' }],
      [get(`${url}/three`, { headers: { 'x-v': 'abcd' } }), { who: 'v1' }],
      [get(`${url}/four`, { headers: { 'x-any': '' } }), { who: 'v2' }],
      [get(`${url}/four`), { who: 'v1' }],
    ],
  },
  {
    topic,
    feature: 'http match: withoutHeaders',
    objects: reviewsRoutes(`
      - match:
        - { uri: { prefix: /w }, withoutHeaders: { x-bad: {}, x-canary: { exact: "on" }, x-number: { regex: "[0-9]+" } } }
        ${toV2}`),
    cases: [
      [get(`${url}/w`), { who: 'v2' }],
      [get(`${url}/w`, { headers: { 'x-bad': 'yes' } }), { who: 'v1' }],
      [get(`${url}/w`, { headers: { 'x-canary': 'on' } }), { who: 'v1' }],
      [get(`${url}/w`, { headers: { 'x-canary': 'off' } }), { who: 'v2' }],
      [get(`${url}/w`, { headers: { 'x-number': '7' } }), { who: 'v1' }],
    ],
  },
  {
    topic,
    feature: 'http match: queryParams',
    objects: reviewsRoutes(`
      - match: [{ queryParams: { v: { exact: "2" }, debug: {} } }, { queryParams: { w: { regex: "a|b" } } }]
        ${toV2}`),
    cases: [
      [get(`${url}/?debug=&v=2`), { who: 'v2' }],
      [get(`${url}/?v=2`), { who: 'v1' }],
      [get(`${url}/?w=b`), { who: 'v2' }],
      [get(`${url}/?w=abc`), { who: 'v1' }],
    ],
  },
  {
    topic,
    feature: 'AND inside a match, OR between matches, first rule wins',
    objects: reviewsRoutes(`
      - match: [{ uri: { prefix: /and }, headers: { a: { exact: "1" } } }, { headers: { b: { exact: "1" } } }]
        ${toV2}
      - match: [{ uri: { prefix: /and } }]
        directResponse: { status: 299 }`),
    cases: [
      [get(`${url}/and`, { headers: { a: '1' } }), { who: 'v2' }],
      [get(`${url}/and`), { status: 299 }],
      [get(`${url}/else`, { headers: { b: '1' } }), { who: 'v2' }],
      [get(`${url}/else`, { headers: { a: '1' } }), { who: 'v1' }],
    ],
  },
  {
    topic,
    feature: 'http match: port',
    objects: documents(
      reviewsRoutes(`
      - match: [{ port: 9081 }]
        ${toV2}`),
      `
apiVersion: v1
kind: Service
metadata: { name: reviews, namespace: shop }
spec:
  selector: { app: reviews }
  ports: [{ name: http, port: 9080, targetPort: 8080 }, { name: http-alt, port: 9081, targetPort: 8080 }]`,
    ),
    cases: [
      [get('http://reviews:9081/'), { who: 'v2' }],
      [get('http://reviews:9080/'), { who: 'v1' }],
    ],
  },
  {
    topic,
    feature: 'http match: sourceLabels, sourceNamespace',
    objects: networking(
      'VirtualService',
      'reviews',
      `
      hosts: [reviews]
      http:
      - match: [{ uri: { prefix: /l }, sourceLabels: { app: stranger } }, { uri: { prefix: /n }, sourceNamespace: other }]
        ${toV2}
      - ${toV1}`,
    ),
    cases: [
      [get('http://reviews.shop:9080/l', { from: 'stranger' }), { who: 'v2' }],
      [get('http://reviews.shop:9080/l'), { who: 'v1' }],
      [get('http://reviews.shop:9080/n', { from: 'stranger' }), { who: 'v2' }],
      [get('http://reviews.shop:9080/n'), { who: 'v1' }],
    ],
  },
  {
    topic,
    feature: 'hosts: short and full names, wildcards, longest match',
    objects: documents(
      networking(
        'VirtualService',
        'all',
        `hosts: ["*.shop.svc.cluster.local"]\nhttp: [{ directResponse: { status: 290 } }]`,
      ),
      networking('VirtualService', 'reviews', `hosts: [reviews]\nhttp: [{ ${toV2} }]`),
    ),
    cases: [
      [get(`${url}/`), { who: 'v2' }],
      [get('http://reviews.shop:9080/'), { who: 'v2' }],
      [get('http://reviews.shop.svc:9080/'), { who: 'v2' }],
      [get('http://reviews.shop.svc.cluster.local:9080/'), { who: 'v2' }],
      [get('http://REVIEWS.shop:9080/'), { who: 'v2' }],
      [get('http://client:9080/'), { status: 290 }],
    ],
  },
  {
    topic,
    feature: 'hosts of several objects: the oldest wins for sidecars',
    objects: documents(
      networking('VirtualService', 'young', `hosts: [reviews]\nhttp: [{ ${toV1} }]`, 'shop', '2025-01-02T00:00:00Z'),
      networking('VirtualService', 'old', `hosts: [reviews]\nhttp: [{ ${toV2} }]`, 'shop', '2025-01-01T00:00:00Z'),
    ),
    cases: [[get(`${url}/`), { who: 'v2' }]],
  },
  {
    topic,
    feature: 'hosts that no service has, on port 80, and addresses',
    objects: documents(
      networking('VirtualService', 'made-up', `hosts: [made-up.example]\nhttp: [{ ${toV2Port} }]`),
      networking('VirtualService', 'address', `hosts: ["198.19.7.7"]\nhttp: [{ ${toV2Port} }]`),
    ),
    cases: [
      [get('http://made-up.example/', { address: '198.19.7.6' }), { who: 'v2' }],
      [get('http://198.19.7.7/'), { who: 'v2' }],
    ],
  },
  {
    topic,
    feature: 'exportTo: own namespace, others, none',
    objects: documents(
      networking('VirtualService', 'reviews', `hosts: [reviews]\nexportTo: ["."]\nhttp: [{ ${toV2} }]`),
      networking(
        'VirtualService',
        'client',
        `hosts: [client]\nexportTo: [other]\nhttp: [{ directResponse: { status: 290 } }]`,
      ),
    ),
    cases: [
      [get('http://reviews.shop:9080/'), { who: 'v2' }],
      [get('http://reviews.shop:9080/', { from: 'stranger', times: 40 }), { shares: { v1: 0.5, v2: 0.5 } }],
      [get('http://client.shop:9080/', { from: 'stranger' }), { status: 290 }],
      [get('http://client.shop:9080/'), { who: 'client' }],
    ],
  },
  {
    topic,
    feature: 'gateways: mesh by default, others by name; a match may name its own',
    objects: documents(
      networking(
        'Gateway',
        'edge',
        `selector: { istio: ingressgateway }\nservers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ["*"] }]`,
      ),
      networking(
        'VirtualService',
        'reviews',
        `
        hosts: [reviews.shop.svc.cluster.local]
        gateways: [mesh, edge]
        http:
        - match: [{ gateways: [edge] }]
          ${toV2Port}
        - match: [{ gateways: [mesh] }]
          ${toV1}`,
      ),
    ),
    cases: [
      [get('http://reviews.shop.svc.cluster.local:9080/'), { who: 'v1' }],
      [get('http://reviews.shop.svc.cluster.local/', { from: 'edge' }), { who: 'v2' }],
    ],
  },
];
