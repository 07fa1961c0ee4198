/** VirtualService: connections that are not HTTP, and routes of other objects. */
import { type Behaviour, get, tcp } from '../behaviour';
import { documents, networking, toV1, toV2 } from './objects';

const topic = 'VirtualService';
const NO_PROXY = 'without redirection there is nothing but HTTP on the way out';

/** Routes of `reviews`. @param spec lines of YAML. */
const reviews = (spec: string) => networking('VirtualService', 'reviews', `hosts: [reviews]\n${spec}`);

export const connections: Behaviour[] = [
  {
    topic,
    feature: 'tcp: port, weights',
    onlyTransparent: NO_PROXY,
    objects: reviews(`tcp:
- match: [{ port: 9000 }]
  route:
  - { destination: { host: reviews, subset: v1, port: { number: 9000 } }, weight: 30 }
  - { destination: { host: reviews, subset: v2, port: { number: 9000 } }, weight: 70 }`),
    cases: [[tcp('reviews:9000', { times: 300 }), { shares: { v1: 0.3, v2: 0.7 } }]],
  },
  {
    topic,
    feature: 'tcp: sourceLabels, sourceNamespace; servers that speak first',
    onlyTransparent: NO_PROXY,
    objects: reviews(`tcp:
- match: [{ sourceLabels: { app: stranger } }]
  route: [{ destination: { host: reviews, subset: v2, port: { number: 9000 } } }]
- match: [{ sourceNamespace: shop }]
  route: [{ destination: { host: reviews, subset: v1, port: { number: 9000 } } }]`),
    cases: [
      [tcp('reviews.shop:9000', { from: 'stranger', times: 10 }), { who: 'v2', body: 'v2\nhello' }],
      [tcp('reviews.shop:9000', { times: 10 }), { who: 'v1' }],
    ],
  },
  {
    topic,
    feature: 'tcp: destinationSubnets',
    objects: documents(
      networking(
        'ServiceEntry',
        'block',
        `hosts: [block.example]
addresses: [198.19.128.0/24]
ports: [{ number: 9000, name: tcp, protocol: TCP }]
resolution: NONE`,
      ),
      networking(
        'VirtualService',
        'block',
        `hosts: [block.example]
tcp:
- match: [{ destinationSubnets: [198.19.128.8/29] }]
  route: [{ destination: { host: reviews, subset: v2, port: { number: 9000 } } }]
- route: [{ destination: { host: reviews, subset: v1, port: { number: 9000 } } }]`,
      ),
    ),
    cases: [
      [tcp('block.example:9000', { address: '198.19.128.9' }), { who: 'v2' }],
      [tcp('block.example:9000', { address: '198.19.128.99' }), { who: 'v1' }],
    ],
    onlyTransparent: NO_PROXY,
  },
  {
    topic,
    feature: 'tls: sniHosts, weights',
    onlyTransparent: NO_PROXY,
    objects: documents(
      networking(
        'ServiceEntry',
        'outside',
        `hosts: ["*.wild.example"]
ports: [{ number: 9443, name: tls, protocol: TLS }]
resolution: NONE`,
      ),
      networking(
        'VirtualService',
        'outside',
        `hosts: ["*.wild.example"]
tls:
- match: [{ port: 9443, sniHosts: [one.wild.example] }]
  route: [{ destination: { host: reviews, subset: v1 , port: { number: 9443 } } }]
- match: [{ sniHosts: ["*.wild.example"] }]
  route:
  - { destination: { host: reviews, subset: v1, port: { number: 9443 } }, weight: 50 }
  - { destination: { host: reviews, subset: v2, port: { number: 9443 } }, weight: 50 }`,
      ),
    ),
    cases: [
      [get('https://one.wild.example:9443/'), { who: 'v1', seen: { sni: 'one.wild.example' } }],
      [get('https://two.wild.example:9443/', { times: 60 }), { shares: { v1: 0.5, v2: 0.5 } }],
    ],
    notSimulated: 'TLS is passed through: the proxy sees no request',
  },
  {
    topic,
    feature: 'tls: a service of the mesh by its own name; TLS that the application ends',
    onlyTransparent: NO_PROXY,
    objects: reviews(`tls:
- match: [{ sniHosts: [reviews.shop.svc.cluster.local] }]
  route: [{ destination: { host: reviews, subset: v2, port: { number: 9443 } } }]`).replace(
      'hosts: [reviews]',
      'hosts: [reviews.shop.svc.cluster.local]',
    ),
    cases: [
      [get('https://reviews.shop.svc.cluster.local:9443/'), { who: 'v2' }],
      [get('https://reviews.shop:9443/', { times: 30 }), { shares: { v1: 0.5, v2: 0.5 } }],
    ],
    notSimulated: 'TLS is passed through: the proxy sees no request',
  },
  {
    topic,
    feature: 'delegate: routes of another object, in their place and order; matches that meet',
    objects: documents(
      reviews(`http:
- match: [{ uri: { prefix: /api } }]
  delegate: { name: api, namespace: other }
  headers: { request: { set: { x-root: "yes" } } }
- ${toV1}`),
      networking(
        'VirtualService',
        'api',
        `exportTo: [shop]
http:
- match: [{ uri: { exact: /api/direct } }]
  directResponse: { status: 291 }
- match: [{ uri: { prefix: /elsewhere } }]
  directResponse: { status: 292 }
- route: [{ destination: { host: stranger, port: { number: 9080 } } }]`,
        'other',
      ),
    ),
    cases: [
      [get('http://reviews:9080/api/direct'), { status: 291 }],
      [get('http://reviews:9080/api/x'), { who: 'stranger', seen: { headers: { 'x-root': 'yes' } } }],
      [get('http://reviews:9080/elsewhere'), { who: 'v1' }],
      [get('http://reviews:9080/'), { who: 'v1' }],
    ],
  },
  {
    topic,
    feature: 'older spellings: mirrorPercent, allowOrigin, fault.delay.percent',
    objects: reviews(`http:
- match: [{ uri: { prefix: /mirror } }]
  mirror: { host: reviews, subset: v2 }
  mirrorPercent: 100
  ${toV1}
- match: [{ uri: { prefix: /cors } }]
  corsPolicy: { allowOrigin: ["https://shop.example"] }
  ${toV1}
- match: [{ uri: { prefix: /delay } }]
  fault: { delay: { fixedDelay: 200ms, percent: 100 } }
  ${toV2}
- ${toV1}`),
    cases: [
      [get('http://reviews:9080/mirror'), { who: 'v1', heard: { v2: { '/mirror': 1 } } }],
      [
        get('http://reviews:9080/cors', { headers: { origin: 'https://shop.example' } }),
        { headers: { 'access-control-allow-origin': 'https://shop.example' } },
      ],
      [get('http://reviews:9080/delay'), { who: 'v2', milliseconds: expect.closeTo(700, -3) }],
    ],
  },
];
