/** GRPCRoute, TLSRoute, TCPRoute and ListenerSet of the Gateway API; features have the names that the API itself gives them. */
import { type Behaviour, tcp, tls } from '../behaviour';
import type { Given } from '../given';
import { api, documents, edge, fromEdge, http, toV1 } from './gateway-api-objects';
import { parsed } from './parsed';

const grpcV1 = 'backendRefs: [{ name: v1, port: 9070 }]';
const grpcV2 = 'backendRefs: [{ name: v2, port: 9070 }]';
const tlsV1 = 'backendRefs: [{ name: v1, port: 9443 }]';
const tlsV2 = 'backendRefs: [{ name: v2, port: 9443 }]';
const bytesV1 = 'backendRefs: [{ name: v1, port: 9000 }]';
const bytesV2 = 'backendRefs: [{ name: v2, port: 9000 }]';

const grpcRoute = (rules: string) => api('GRPCRoute', 'calls', `{ parentRefs: [{ name: edge }], rules: [${rules}] }`);
const call = (path: string, headers: Record<string, string> = {}) =>
  fromEdge(`http://shop.example${path}`, { http: 'grpc', headers });

const tlsRoute = (name: string, hostname: string, rest: string, section = 'tls') =>
  api(
    'TLSRoute',
    name,
    `{ parentRefs: [{ name: edge, sectionName: ${section} }], hostnames: ["${hostname}"], rules: [{ ${rest} }] }`,
  );
const subjectOf = (host: string) => ({ subject: expect.stringContaining(`DNS:${host}`) });
const refused = { refused: expect.any(String) };

export const connectionsOfGatewayApi: Behaviour[] = [
  {
    topic: 'Gateway API: GRPCRoute',
    feature:
      'GRPCRoute: by service and method, exact and by regular expression; what matches nothing is not implemented',
    objects: documents(
      edge(),
      grpcRoute(
        [
          `{ matches: [{ method: { service: shop.Reviews, method: Get } }], ${grpcV1} }`,
          `{ matches: [{ method: { service: shop.Reviews } }], ${grpcV2} }`,
          `{ matches: [{ method: { method: Ping } }], ${grpcV1} }`,
          `{ matches: [{ method: { type: RegularExpression, service: "shop[.]Ratings[0-9]", method: "(Get|Put)" } }], ${grpcV2} }`,
        ].join(', '),
      ),
    ),
    cases: [
      [call('/shop.Reviews/Get'), { who: 'v1', grpcStatus: 0 }],
      [call('/shop.Reviews/Put'), { who: 'v2', grpcStatus: 0 }],
      [call('/any.Service/Ping'), { who: 'v1', grpcStatus: 0 }],
      [call('/shop.Ratings7/Put'), { who: 'v2', grpcStatus: 0 }],
      [call('/shop.Ratings7/Delete'), { who: undefined, grpcStatus: 12 }],
      [call('/shop.ReviewsMore/Get'), { who: undefined, grpcStatus: 12 }],
    ],
  },
  {
    topic: 'Gateway API: GRPCRoute',
    feature:
      'GRPCRoute: headers of calls, weights, GRPCRouteRequestHeaderModifier, GRPCRouteNamedRouteRule; a backend that is not there is unavailable',
    objects: documents(
      edge(),
      grpcRoute(
        [
          `{ name: two, matches: [{ headers: [{ name: version, value: two }] }], filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: x-by, value: route }] } }], ${grpcV2} }`,
          '{ matches: [{ method: { service: shop.Split } }], backendRefs: [{ name: v1, port: 9070, weight: 1 }, { name: v2, port: 9070, weight: 3 }] }',
          '{ matches: [{ method: { service: shop.Broken } }], backendRefs: [{ name: absent, port: 9070 }] }',
          `{ ${grpcV1} }`,
        ].join(', '),
      ),
    ),
    cases: [
      [call('/shop.Reviews/Get', { version: 'two' }), { who: 'v2', seen: { headers: { 'x-by': 'route' } } }],
      [call('/shop.Reviews/Get', { version: 'one' }), { who: 'v1', grpcStatus: 0 }],
      [
        fromEdge('http://shop.example/shop.Split/Get', { http: 'grpc', times: 200 }),
        { shares: { v1: 0.25, v2: 0.75 } },
      ],
      [call('/shop.Broken/Get'), { who: undefined, grpcStatus: 14 }],
    ],
  },
  {
    topic: 'Gateway API: TLSRoute',
    feature: 'TLSRoute: passed through by server name; the hosts of listener and route have to meet',
    objects: documents(
      edge('{ name: tls, port: 443, protocol: TLS, hostname: "*.example", tls: { mode: Passthrough } }'),
      tlsRoute('a', 'a.example', tlsV1),
      tlsRoute('wild', '*.deep.example', tlsV2),
      tlsRoute('apart', 'a.test', tlsV2),
    ),
    cases: [
      [
        fromEdge('https://a.example/'),
        { who: 'v1', seen: { sni: 'a.example' }, tls: subjectOf('reviews.shop.svc.cluster.local') },
      ],
      [fromEdge('https://x.deep.example/'), { who: 'v2' }],
      [fromEdge('https://b.example/'), refused],
      [fromEdge('https://a.test/'), refused],
    ],
  },
  {
    topic: 'Gateway API: TLSRoute',
    feature:
      'TLSRouteModeTerminate, TLSRouteModeMixed: ended here for one host, passed through for another, on one port',
    objects: (given: Given) => [
      ...parsed(
        documents(
          edge(
            '{ name: ended, port: 443, protocol: TLS, hostname: shop.example, tls: { certificateRefs: [{ name: cert }] } }, { name: tls, port: 443, protocol: TLS, hostname: a.example, tls: { mode: Passthrough } }',
          ),
          tlsRoute('ended', 'shop.example', bytesV2, 'ended'),
          tlsRoute('passed', 'a.example', tlsV1),
        ),
      ),
      given.secret('cert'),
    ],
    cases: [
      [tls('shop.example:443', { from: 'edge' }), { who: 'v2', tls: subjectOf('shop.example') }],
      [fromEdge('https://a.example/'), { who: 'v1', tls: subjectOf('reviews.shop.svc.cluster.local') }],
      [fromEdge('https://b.example/'), refused],
    ],
  },
  {
    topic: 'Gateway API: TCPRoute',
    feature: 'TCPRoute: connections of a listener, by weights; one without a backend is closed',
    objects: documents(
      edge(
        '{ name: one, port: 9001, protocol: TCP }, { name: split, port: 9002, protocol: TCP }, { name: broken, port: 9003, protocol: TCP }',
      ),
      api('TCPRoute', 'one', `{ parentRefs: [{ name: edge, sectionName: one }], rules: [{ ${bytesV1} }] }`),
      api(
        'TCPRoute',
        'split',
        '{ parentRefs: [{ name: edge, port: 9002 }], rules: [{ backendRefs: [{ name: v1, port: 9000, weight: 3 }, { name: v2, port: 9000, weight: 1 }] }] }',
      ),
      api(
        'TCPRoute',
        'broken',
        '{ parentRefs: [{ name: edge, sectionName: broken }], rules: [{ backendRefs: [{ name: absent, port: 9000 }] }] }',
      ),
    ),
    cases: [
      [tcp('shop.example:9001', { from: 'edge' }), { who: 'v1', body: 'v1\nhello' }],
      [tcp('shop.example:9002', { from: 'edge', times: 100 }), { shares: { v1: 0.75, v2: 0.25 } }],
      [tcp('shop.example:9003', { from: 'edge' }), refused],
    ],
  },
  {
    topic: 'Gateway API: ListenerSet',
    feature: 'ListenerSet: listeners of other namespaces, where the Gateway lets them in; the Gateway’s own come first',
    objects: documents(
      api(
        'Gateway',
        'edge',
        `{ gatewayClassName: malha, listeners: [${http('http', ', hostname: own.example')}], allowedListeners: { namespaces: { from: Selector, selector: { matchLabels: { listeners: "yes" } } } } }`,
      ),
      '{ apiVersion: v1, kind: Namespace, metadata: { name: team, labels: { listeners: "yes" } } }',
      '{ apiVersion: v1, kind: Namespace, metadata: { name: stranger } }',
      api(
        'ListenerSet',
        'more',
        `{ parentRef: { name: edge, namespace: shop }, listeners: [${http('more', ', hostname: team.example, allowedRoutes: { namespaces: { from: All } }')}, ${http('twin', ', hostname: own.example, allowedRoutes: { namespaces: { from: All } }')}] }`,
        'team',
      ),
      api(
        'ListenerSet',
        'more',
        `{ parentRef: { name: edge, namespace: shop }, listeners: [${http('more', ', hostname: stranger.example, allowedRoutes: { namespaces: { from: All } }')}] }`,
        'stranger',
      ),
      ...['team', 'stranger'].map((namespace) =>
        api(
          'HTTPRoute',
          `of-${namespace}`,
          `{ parentRefs: [{ kind: ListenerSet, name: more, namespace: ${namespace} }], rules: [{ ${toV1} }] }`,
        ),
      ),
    ),
    cases: [
      [fromEdge('http://team.example/'), { who: 'v1' }],
      [fromEdge('http://stranger.example/'), { status: 404 }],
      [fromEdge('http://own.example/'), { status: 404 }],
    ],
  },
];
