/**
 * RateLimit. The first case of each row asks until it is refused, which shows that the limits are in force; the others count
 * exactly, each with values of its own. The first path is each row's own, or the row before would answer for it.
 */
import { type Asker, type Behaviour, get } from '../behaviour';
import { documents, edgeGateway, networking, reviewsRoutes, toV1, toV2 } from './objects';

const topic = 'RateLimit';
const notSimulated = 'depends on what was asked before';

/** @param rules a list of YAML in one line, behind the one of the first case. @param more fields of the spec. */
const limit = (app: string, rules: string, more = 'mode: local') =>
  `apiVersion: malha.dev/v1alpha1
kind: RateLimit
metadata: { name: limit, namespace: ${app === 'stranger' ? 'other' : 'shop'} }
spec:
  selector: { matchLabels: { ${app === 'edge' ? 'istio: ingressgateway' : `app: ${app}`} } }
  ${more}
  rules: [{ match: { path: { exact: /first } }, limit: { requests: 1, per: hour } }, ${rules}]`;

const url = (path: string) => `http://stranger.other:9080${path}`;
const limited = { status: 429, who: undefined };
/** Connections that are kept may still lead to the filters of the row before: all that are asked over have to know these. */
const inForce = (first: string, from: Asker = 'client') => [get(url(first), { from, times: 8 }), limited] as const;
const three = 'limit: { requests: 3, per: hour }';

export const rateLimitRows: Behaviour[] = [
  {
    topic,
    feature:
      'mode local: match by path (exact, prefix, regex), method, header and port; burst; answers tell what is left',
    objects: limit(
      'stranger',
      `{ match: { path: { prefix: /a }, methods: [GET, PUT] }, ${three} },
       { match: { path: { regex: "/b/[0-9]+" }, ports: [8080] }, ${three} },
       { match: { headers: { x-plan: { prefix: free } } }, limit: { requests: 2, per: hour, burst: 1 } },
       { match: { path: { prefix: /other-port }, ports: [8081] }, limit: { requests: 1, per: hour } }`,
    ).replace('/first', '/first/1'),
    cases: [
      inForce('/first/1'),
      [get(url('/a'), { times: 5 }), { heard: { stranger: { '/a': 3 } } }],
      [get(url('/a?b')), { ...limited, headers: { 'x-ratelimit-limit': '3', 'x-ratelimit-remaining': '0' } }],
      [get(url('/a'), { method: 'PUT' }), limited],
      [get(url('/a'), { method: 'POST', times: 5 }), { status: 200, heard: { stranger: { '/a': 5 } } }],
      [get(url('/b/1?{n}'), { times: 3 }), { status: 200 }],
      [get(url('/b/22')), limited],
      [get(url('/b/c')), { status: 200 }],
      [get(url('/p'), { headers: { 'x-plan': 'free-2' }, times: 5 }), { heard: { stranger: { '/p': 3 } } }],
      [get(url('/p'), { headers: { 'x-plan': 'paid' } }), { status: 200 }],
      [get(url('/other-port'), { times: 3 }), { status: 200 }],
    ],
    notSimulated,
  },
  {
    topic,
    feature: 'mode local: a count for each value of a header; requests without it, or with a long one, share one',
    objects: limit(
      'stranger',
      `{ match: { path: { prefix: /h } }, key: { by: header, header: x-user }, ${three} }`,
    ).replace('/first', '/first/2'),
    cases: [
      inForce('/first/2'),
      [get(url('/h'), { headers: { 'x-user': 'ana' }, times: 5 }), { heard: { stranger: { '/h': 3 } } }],
      [get(url('/h'), { headers: { 'x-user': 'bea' }, times: 5 }), { heard: { stranger: { '/h': 3 } } }],
      [get(url('/h'), { headers: { 'x-user': `${'c'.repeat(300)}{n}` }, times: 2 }), { status: 200 }],
      [get(url('/h'), { times: 3 }), { heard: { stranger: { '/h': 1 } } }],
      [get(url('/h'), { headers: { 'x-user': '\xff\xfe' }, times: 5 }), { heard: { stranger: { '/h': 3 } } }],
    ],
    notSimulated,
  },
  {
    topic,
    feature: 'mode local: a count for each path, whatever the query; for each address of a client',
    objects: limit(
      'stranger',
      `{ match: { path: { prefix: /each } }, key: { by: path }, ${three} },
       { match: { path: { prefix: /from } }, key: { by: remoteAddress }, ${three} }`,
    ).replace('/first', '/first/3'),
    onlyTransparent: 'with explicit capture all clients may come from one address',
    cases: [
      inForce('/first/3'),
      inForce('/first/3', 'reviews-v1'),
      [get(url('/each/1?{n}'), { times: 3 }), { status: 200 }],
      [get(url('/each/1?q')), limited],
      [get(url('/each/2'), { times: 5 }), { heard: { stranger: { '/each/2': 3 } } }],
      [get(url('/from'), { times: 5 }), { heard: { stranger: { '/from': 3 } } }],
      [get(url('/from'), { from: 'reviews-v1', times: 5 }), { heard: { stranger: { '/from': 3 } } }],
    ],
    notSimulated,
  },
  {
    topic,
    feature: 'mode local: gRPC is told RESOURCE_EXHAUSTED',
    objects: limit('stranger', `{ match: { path: { prefix: /call } }, limit: { requests: 1, per: hour } }`).replace(
      '/first',
      '/first/4',
    ),
    cases: [
      inForce('/first/4'),
      [get('http://stranger.other:9070/call/a', { http: 'grpc' }), { grpcStatus: 0 }],
      [get('http://stranger.other:9070/call/a', { http: 'grpc' }), { grpcStatus: 8 }],
    ],
    notSimulated,
  },
  {
    topic,
    feature: 'mode global: all Pods of a service share a count, for each value of a header, path or caller',
    objects: documents(
      limit(
        'reviews',
        `{ match: { path: { prefix: /h } }, key: { by: header, header: x-user }, ${three} },
         { match: { path: { prefix: /each } }, key: { by: path }, ${three} },
         { match: { path: { prefix: /anybody } }, key: { by: caller }, ${three} }`,
        'mode: global\n  onUnavailable: deny\n  timeout: 5s',
      ),
      reviewsRoutes(`- { match: [{ headers: { to: { exact: v1 } } }], ${toV1} }
- { match: [{ headers: { to: { exact: v2 } } }], ${toV2} }`),
    ),
    cases: [
      [get('http://reviews:9080/first'), limited],
      [get('http://reviews:9080/h', { headers: { to: 'v1', 'x-user': 'ana' }, times: 2 }), { who: 'v1', status: 200 }],
      [
        get('http://reviews:9080/h', { headers: { to: 'v2', 'x-user': 'ana' }, times: 4 }),
        { heard: { v2: { '/h': 1 } } },
      ],
      [
        get('http://reviews:9080/h', { headers: { to: 'v2', 'x-user': 'ana' } }),
        { ...limited, headers: { 'x-ratelimit-limit': '3, 3;w=3600', 'x-ratelimit-remaining': '0' } },
      ],
      [get('http://reviews:9080/h', { headers: { to: 'v2', 'x-user': 'bea' } }), { who: 'v2' }],
      [
        get('http://reviews:9080/h', { headers: { to: 'v2', 'x-user': '\xff\xfe' }, times: 5 }),
        { heard: { v2: { '/h': 3 } } },
      ],
      [get('http://reviews:9080/each/1?{n}', { headers: { to: 'v1' }, times: 3 }), { who: 'v1' }],
      [get('http://reviews:9080/each/1', { headers: { to: 'v2' } }), limited],
      [get('http://reviews:9080/each/2', { headers: { to: 'v2' } }), { who: 'v2' }],
      [get('http://reviews:9080/anybody', { headers: { to: 'v1' }, times: 2 }), { who: 'v1' }],
      [
        get('http://reviews.shop:9080/anybody', { from: 'stranger', headers: { to: 'v2' }, times: 3 }),
        { heard: { v2: { '/anybody': 1 } } },
      ],
    ],
    notSimulated,
  },
  {
    topic,
    feature: 'in front of a gateway: mode local and global, by the port of its server',
    objects: documents(
      edgeGateway('- { port: { number: 80, name: http, protocol: HTTP }, hosts: [shop.example] }'),
      networking(
        'VirtualService',
        'shop',
        `hosts: [shop.example]\ngateways: [edge]\nhttp: [{ route: [{ destination: { host: reviews, subset: v1, port: { number: 9080 } } }] }]`,
      ),
      limit('edge', `{ match: { path: { prefix: /l }, ports: [80] }, ${three} }`),
      limit(
        'edge',
        `{ match: { path: { prefix: /g } }, key: { by: header, header: x-user }, ${three} }`,
        'mode: global\n  onUnavailable: deny\n  timeout: 5s',
      ).replace('name: limit', 'name: shared'),
    ),
    cases: [
      [get('http://shop.example/first', { from: 'edge' }), limited],
      [get('http://shop.example/l', { from: 'edge', times: 5 }), { heard: { v1: { '/l': 3 } } }],
      [
        get('http://shop.example/g', { from: 'edge', headers: { 'x-user': 'ana' }, times: 5 }),
        { heard: { v1: { '/g': 3 } } },
      ],
      [get('http://shop.example/g', { from: 'edge', headers: { 'x-user': 'bea' } }), { who: 'v1' }],
    ],
    notSimulated,
  },
];
