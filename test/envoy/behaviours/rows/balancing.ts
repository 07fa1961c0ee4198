/** DestinationRule: which endpoint a request goes to. */
import { type Behaviour, get, tcp } from '../behaviour';
import { addressOf, documents, networking } from './objects';

const topic = 'DestinationRule';
const url = 'http://reviews:9080';

/** Takes the place of the cast's rule for `reviews`. @param policy YAML in flow style. */
const rule = (policy: string) => networking('DestinationRule', 'reviews', `host: reviews\ntrafficPolicy: ${policy}`);

/** By subsets, so that all are seen side by side. */
const ALGORITHMS = { 'in-turn': 'ROUND_ROBIN', random: 'RANDOM', least: 'LEAST_REQUEST' };

export const balancing: Behaviour[] = [
  {
    topic,
    feature: 'loadBalancer simple: ROUND_ROBIN, RANDOM, LEAST_REQUEST',
    objects: documents(
      networking(
        'DestinationRule',
        'reviews',
        `host: reviews
subsets:
${Object.entries(ALGORITHMS)
  .map(
    ([name, simple]) =>
      `- { name: ${name}, labels: { app: reviews }, trafficPolicy: { loadBalancer: { simple: ${simple} } } }`,
  )
  .join('\n')}`,
      ),
      networking(
        'VirtualService',
        'reviews',
        `hosts: [reviews]
http:
${Object.entries(ALGORITHMS)
  .map(
    ([name]) =>
      `- { match: [{ uri: { prefix: /${name} } }], route: [{ destination: { host: reviews, subset: ${name} } }] }`,
  )
  .join('\n')}`,
      ),
    ),
    cases: [
      [get(`${url}/in-turn`, { times: 50 }), { status: 200, heard: { v1: { '/in-turn': 25 } } }],
      [get(`${url}/random`, { times: 200 }), { shares: { v1: 0.5, v2: 0.5 } }],
      [get(`${url}/least`, { times: 200 }), { shares: { v1: 0.5, v2: 0.5 } }],
    ],
  },
  {
    topic,
    feature: 'loadBalancer simple: PASSTHROUGH, to the endpoint that the client chose',
    onlyTransparent: 'the address that the client chose is that of its connection',
    notSimulated: 'the address decides',
    objects: documents(
      `apiVersion: v1
kind: Service
metadata: { name: direct, namespace: shop }
spec: { selector: { app: reviews }, ports: [{ name: http, port: 8080 }] }`,
      networking('DestinationRule', 'direct', 'host: direct\ntrafficPolicy: { loadBalancer: { simple: PASSTHROUGH } }'),
    ),
    cases: [
      [get('http://direct:8080/', { address: addressOf('reviews-v1'), times: 10 }), { who: 'v1' }],
      [get('http://direct:8080/', { address: addressOf('reviews-v2'), times: 10 }), { who: 'v2' }],
    ],
  },
  {
    topic,
    feature: 'consistentHash: httpHeaderName, by ringHash',
    objects: rule(
      '{ loadBalancer: { consistentHash: { httpHeaderName: x-user, ringHash: { minimumRingSize: 4096 } } } }',
    ),
    cases: [
      [get(`${url}/`, { headers: { 'x-user': 'ana' }, times: 50 }), { alike: true }],
      [get(`${url}/`, { headers: { 'x-user': 'user-{n}' }, times: 200 }), { shares: { v1: 0.5, v2: 0.5 } }],
    ],
  },
  {
    topic,
    feature: 'consistentHash: httpQueryParameterName, by maglev',
    objects: rule(
      '{ loadBalancer: { consistentHash: { httpQueryParameterName: user, maglev: { tableSize: 65537 } } } }',
    ),
    cases: [
      [get(`${url}/?user=ana&page={n}`, { times: 50 }), { alike: true }],
      [get(`${url}/?user={n}`, { times: 200 }), { shares: { v1: 0.5, v2: 0.5 } }],
    ],
  },
  {
    topic,
    feature: 'consistentHash: httpCookie, made where there is none, with path, ttl and attributes',
    objects: rule(
      '{ loadBalancer: { consistentHash: { httpCookie: { name: session, path: /shop, ttl: 60s, attributes: [{ name: SameSite, value: Strict }] } } } }',
    ),
    cases: [
      [get(`${url}/shop`, { headers: { cookie: 'other=1; session=ana' }, times: 50 }), { alike: true }],
      [get(`${url}/shop`, { headers: { cookie: 'session=user-{n}' }, times: 200 }), { shares: { v1: 0.5, v2: 0.5 } }],
      [
        get(`${url}/shop`),
        {
          headers: {
            'set-cookie': [expect.stringMatching(/^session="[0-9a-f]+"; Max-Age=60; Path=\/shop; SameSite=Strict/)],
          },
        },
      ],
      // What has the cookie gets no other one.
      [get(`${url}/shop`, { headers: { cookie: 'session=ana' } }), { headers: { 'content-type': 'application/json' } }],
    ],
  },
  {
    topic,
    feature: 'consistentHash: useSourceIp, for HTTP and TCP',
    onlyTransparent: 'without redirection there is nothing but HTTP on the way out',
    objects: rule('{ loadBalancer: { consistentHash: { useSourceIp: true } } }'),
    cases: [
      [get(`${url}/`, { times: 50 }), { alike: true }],
      [tcp('reviews:9000', { times: 50 }), { alike: true }],
    ],
  },
  {
    topic,
    feature: 'several rules of one host: subsets of all, the policy of the oldest',
    objects: documents(
      networking(
        'DestinationRule',
        'reviews',
        'host: reviews\ntrafficPolicy: { tls: { mode: DISABLE } }\nsubsets: [{ name: v1, labels: { version: v1 } }]',
        'shop',
        '2024-01-01T00:00:00Z',
      ),
      networking(
        'DestinationRule',
        'more',
        'host: reviews.shop.svc.cluster.local\ntrafficPolicy: { tls: { mode: SIMPLE } }\nsubsets: [{ name: v2, labels: { version: v2 } }]',
        'shop',
        '2024-02-01T00:00:00Z',
      ),
      networking(
        'VirtualService',
        'reviews',
        `hosts: [reviews]
http:
- { match: [{ uri: { prefix: /v2 } }], route: [{ destination: { host: reviews, subset: v2 } }] }
- { route: [{ destination: { host: reviews, subset: v1 } }] }`,
      ),
    ),
    cases: [
      [get(`${url}/v2`, { times: 10 }), { who: 'v2' }],
      [get(`${url}/`, { times: 10 }), { who: 'v1' }],
    ],
  },
  {
    topic,
    feature: 'exportTo: own namespace only, others, all; wildcard hosts',
    objects: documents(
      networking(
        'DestinationRule',
        'private',
        'host: "*.shop.svc.cluster.local"\nexportTo: ["."]\ntrafficPolicy: { tls: { mode: SIMPLE } }',
      ),
      networking('DestinationRule', 'reviews', 'host: reviews\nexportTo: ["other"]'),
    ),
    cases: [
      [get('http://client:9080/', { from: 'reviews-v1' }), { status: 503, who: undefined }],
      [get('http://client.shop:9080/', { from: 'stranger' }), { status: 200, who: 'client' }],
    ],
    notSimulated: 'a failing TLS handshake depends on the service',
  },
];
