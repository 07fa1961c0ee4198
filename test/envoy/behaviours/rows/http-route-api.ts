/** HTTPRoute and Gateway of the Gateway API; features have the names that the API itself gives them. */
import { type Behaviour, get } from '../behaviour';
import type { Given } from '../given';
import { api, documents, edge, fromEdge, http, toV1, toV2 } from './gateway-api-objects';
import { parsed } from './parsed';

const topic = 'Gateway API: HTTPRoute';

const route = (rules: string, more = '', name = 'route', created = '') =>
  api('HTTPRoute', name, `{ parentRefs: [{ name: edge }], ${more} rules: [${rules}] }`, 'shop', created);
const at = (path: string, options: Parameters<typeof get>[1] = {}) => fromEdge(`http://shop.example${path}`, options);

/** @param rules of one route, at the edge. */
const rules = (...list: string[]) => documents(edge(), route(list.join(', ')));

export const httpRouteOfGatewayApi: Behaviour[] = [
  {
    topic,
    feature: 'HTTPRoute: hosts of listener and route, path prefixes by whole parts',
    objects: documents(
      edge(http('http', ', hostname: "*.example"')),
      route(`{ matches: [{ path: { value: /page } }], ${toV2} }`, 'hostnames: [shop.example, other.test],'),
    ),
    cases: [
      [at('/page'), { who: 'v2' }],
      [at('/page/x?y=1'), { who: 'v2', seen: { path: '/page/x?y=1' } }],
      [at('/pages'), { status: 404 }],
      [fromEdge('http://more.example/page'), { status: 404 }],
      [fromEdge('http://other.test/page'), { status: 404 }],
    ],
  },
  {
    topic,
    feature: 'HTTPRoute: the most specific match wins: exact path, longest prefix, method, headers, parameters',
    objects: rules(
      `{ ${toV1} }`,
      `{ matches: [{ path: { value: /a } }], ${toV2} }`,
      `{ matches: [{ path: { value: /a/b } }], ${toV1} }`,
      `{ matches: [{ path: { value: /a/b, type: Exact } }], ${toV2} }`,
      `{ matches: [{ path: { value: /h }, headers: [{ name: X-One, value: a }] }], ${toV1} }`,
      `{ matches: [{ path: { value: /h }, headers: [{ name: x-one, value: a }, { name: x-two, value: b }] }], ${toV2} }`,
      `{ matches: [{ path: { value: /h }, method: POST }], ${toV2} }`,
    ),
    cases: [
      [at('/'), { who: 'v1' }],
      [at('/a/c'), { who: 'v2' }],
      [at('/a/b'), { who: 'v2' }],
      [at('/a/b/c'), { who: 'v1' }],
      [at('/h', { headers: { 'x-one': 'a' } }), { who: 'v1' }],
      [at('/h', { headers: { 'x-one': 'a', 'x-two': 'b' } }), { who: 'v2' }],
      [at('/h', { headers: { 'x-one': 'a' }, method: 'POST' }), { who: 'v2' }],
    ],
  },
  {
    topic,
    feature: 'HTTPRoute: of routes that match alike the oldest wins, then the first by name',
    objects: documents(
      edge(),
      route(`{ matches: [{ path: { value: /x } }], ${toV1} }`, '', 'young', '2026-02-01T00:00:00Z'),
      route(`{ matches: [{ path: { value: /x } }], ${toV2} }`, '', 'zold', '2026-01-01T00:00:00Z'),
    ),
    cases: [[at('/x'), { who: 'v2' }]],
  },
  {
    topic,
    feature: 'HTTPRouteMethodMatching, HTTPRouteQueryParamMatching, regular expressions',
    objects: rules(
      `{ matches: [{ method: DELETE }, { queryParams: [{ name: animal, value: whale }] }], ${toV2} }`,
      `{ matches: [{ path: { type: RegularExpression, value: "/r[0-9]+" } }, { headers: [{ type: RegularExpression, name: x-v, value: "v[2-9]" }] }], ${toV2} }`,
      `{ ${toV1} }`,
    ),
    cases: [
      [at('/', { method: 'DELETE' }), { who: 'v2' }],
      [at('/?animal=whale'), { who: 'v2' }],
      [at('/?animal=Whale'), { who: 'v1' }],
      [at('/r12'), { who: 'v2' }],
      [at('/r12x'), { who: 'v1' }],
      [at('/', { headers: { 'x-v': 'v3' } }), { who: 'v2' }],
    ],
  },
  {
    topic,
    feature: 'HTTPRoute: weights; a backend that is not there fails its share with 500',
    objects: rules(
      `{ matches: [{ path: { value: /split } }], backendRefs: [{ name: v1, port: 9080, weight: 3 }, { name: v2, port: 9080 }] }`,
      `{ matches: [{ path: { value: /half } }], backendRefs: [{ name: v1, port: 9080 }, { name: nobody, port: 80 }] }`,
      `{ matches: [{ path: { value: /none } }], backendRefs: [{ name: v1, port: 9080, weight: 0 }] }`,
      `{ matches: [{ path: { value: /gone } }], backendRefs: [{ name: nobody, port: 80 }] }`,
      `{ matches: [{ path: { value: /kind } }], backendRefs: [{ kind: Unknown, group: example.com, name: v1, port: 9080 }] }`,
    ),
    cases: [
      [at('/split', { times: 400 }), { shares: { v1: 0.75, v2: 0.25 } }],
      [at('/half', { times: 200 }), { shares: { v1: 0.5, 500: 0.5 } }],
      [at('/none'), { status: 500 }],
      [at('/gone'), { status: 500 }],
      [at('/kind'), { status: 500 }],
    ],
  },
  {
    topic,
    feature:
      'HTTPRoute: request headers; HTTPRouteResponseHeaderModification; HTTPRouteBackendRequestHeaderModification',
    objects: rules(
      `{ matches: [{ path: { value: /edit } }], filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: X-Set, value: "50%" }], add: [{ name: x-add, value: more }], remove: [X-Remove] } }, { type: ResponseHeaderModifier, responseHeaderModifier: { set: [{ name: x-answer, value: "yes" }] } }], ${toV1} }`,
      `{ matches: [{ path: { value: /one } }], backendRefs: [{ name: v2, port: 9080, filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: x-to, value: v2 }] } }] }] }`,
    ),
    cases: [
      [
        at('/edit', { headers: { 'x-set': 'old', 'x-add': 'one', 'x-remove': 'gone' } }),
        {
          seen: { headers: { 'x-set': '50%', 'x-add': 'one, more' } },
          headers: { 'x-answer': 'yes' },
        },
      ],
      [at('/one'), { who: 'v2', seen: { headers: { 'x-to': 'v2' } } }],
    ],
  },
  {
    topic,
    feature: 'HTTPRouteHostRewrite, HTTPRoutePathRewrite',
    objects: rules(
      `{ matches: [{ path: { value: /full } }], filters: [{ type: URLRewrite, urlRewrite: { hostname: inner.example, path: { type: ReplaceFullPath, replaceFullPath: /new } } }], ${toV1} }`,
      `{ matches: [{ path: { value: /foo } }], filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: /xyz/ } } }], ${toV1} }`,
      `{ matches: [{ path: { value: /strip/ } }], filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: / } } }], ${toV1} }`,
      `{ filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: /all } } }], ${toV1} }`,
    ),
    cases: [
      [at('/full/path?q=1'), { seen: { path: '/new?q=1', headers: { host: 'inner.example' } } }],
      [at('/foo/bar'), { seen: { path: '/xyz/bar' } }],
      [at('/foo'), { seen: { path: '/xyz' } }],
      [at('/strip/bar'), { seen: { path: '/bar' } }],
      [at('/strip/'), { seen: { path: '/' } }],
      [at('/strip'), { seen: { path: '/' } }],
      [at('/one'), { seen: { path: '/all/one' } }],
    ],
  },
  {
    topic,
    feature:
      'HTTPRouteSchemeRedirect, HTTPRoutePortRedirect, HTTPRoutePathRedirect, HTTPRoute303RedirectStatusCode, HTTPRoute307RedirectStatusCode, HTTPRoute308RedirectStatusCode',
    objects: rules(
      '{ matches: [{ path: { value: /scheme } }], filters: [{ type: RequestRedirect, requestRedirect: { scheme: https } }] }',
      '{ matches: [{ path: { value: /own } }], filters: [{ type: RequestRedirect, requestRedirect: { scheme: https, hostname: example.org } }] }',
      '{ matches: [{ path: { value: /host } }], filters: [{ type: RequestRedirect, requestRedirect: { hostname: example.org, statusCode: 301 } }] }',
      '{ matches: [{ path: { value: /port } }], filters: [{ type: RequestRedirect, requestRedirect: { port: 8083, statusCode: 307 } }] }',
      '{ matches: [{ path: { value: /prefix } }], filters: [{ type: RequestRedirect, requestRedirect: { path: { type: ReplacePrefixMatch, replacePrefixMatch: /new }, statusCode: 308 } }] }',
      '{ matches: [{ path: { value: /strip } }], filters: [{ type: RequestRedirect, requestRedirect: { path: { type: ReplacePrefixMatch, replacePrefixMatch: / }, statusCode: 303 } }] }',
      '{ matches: [{ path: { value: /full } }], filters: [{ type: RequestRedirect, requestRedirect: { path: { type: ReplaceFullPath, replaceFullPath: /new } } }] }',
    ),
    cases: [
      [at('/own'), { status: 302, headers: { location: 'https://example.org/own' } }],
      [at('/scheme'), { status: 302, headers: { location: 'https://shop.example/scheme' } }],
      [at('/host'), { status: 301, headers: { location: 'http://example.org/host' } }],
      [at('/port'), { status: 307, headers: { location: 'http://shop.example:8083/port' } }],
      [at('/prefix/a'), { status: 308, headers: { location: 'http://shop.example/new/a' } }],
      [at('/strip/a'), { status: 303, headers: { location: 'http://shop.example/a' } }],
      [at('/full/a?b=c'), { status: 302, headers: { location: 'http://shop.example/new?b=c' } }],
    ],
  },
  {
    topic,
    feature: 'HTTPRouteRequestMirror, HTTPRouteRequestMultipleMirrors',
    objects: rules(
      `{ filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: v2, port: 9080 } } }, { type: RequestMirror, requestMirror: { backendRef: { name: client, port: 9080 } } }], ${toV1} }`,
    ),
    cases: [
      [at('/copied'), { who: 'v1', heard: { v1: { '/copied': 1 }, v2: { '/copied': 1 }, client: { '/copied': 1 } } }],
    ],
  },
  {
    topic,
    feature: 'HTTPRouteRequestTimeout, HTTPRouteBackendTimeout',
    objects: rules(
      `{ matches: [{ path: { value: /request } }], timeouts: { request: 300ms }, ${toV1} }`,
      `{ matches: [{ path: { value: /backend } }], timeouts: { backendRequest: 300ms }, ${toV1} }`,
      `{ matches: [{ path: { value: /none } }], timeouts: { request: 0s }, ${toV1} }`,
    ),
    cases: [
      [at('/request?delay=2000'), { status: 504 }],
      [at('/backend?delay=2000'), { status: 504 }],
      [at('/none?delay=500'), { status: 200 }],
    ],
    notSimulated: 'it depends on how long the service takes',
  },
  {
    topic,
    feature: 'HTTPRouteCORS',
    objects: rules(
      `{ filters: [{ type: CORS, cors: { allowOrigins: ["https://*.example.com"], allowMethods: [GET, PUT], allowHeaders: [x-one], maxAge: 60, allowCredentials: true } }], ${toV1} }`,
    ),
    cases: [
      [
        at('/', {
          method: 'OPTIONS',
          headers: { origin: 'https://www.example.com', 'access-control-request-method': 'PUT' },
        }),
        {
          status: 200,
          headers: {
            'access-control-allow-origin': 'https://www.example.com',
            'access-control-allow-methods': 'GET,PUT',
            'access-control-max-age': '60',
            'access-control-allow-credentials': 'true',
          },
        },
      ],
      [at('/', { headers: { origin: 'https://www.example.com' } }), { who: 'v1' }],
    ],
  },
  {
    topic,
    feature: 'GatewayHTTPListenerIsolation',
    objects: documents(
      edge([http('all'), http('wild', ', hostname: "*.example"'), http('one', ', hostname: shop.example')].join(', ')),
      api('HTTPRoute', 'all', `{ parentRefs: [{ name: edge, sectionName: all }], rules: [{ ${toV1} }] }`),
      api(
        'HTTPRoute',
        'wild',
        `{ parentRefs: [{ name: edge, sectionName: wild }], rules: [{ matches: [{ path: { value: /wild } }], ${toV2} }] }`,
      ),
      api(
        'HTTPRoute',
        'one',
        `{ parentRefs: [{ name: edge, sectionName: one }], rules: [{ matches: [{ path: { value: /one } }], ${toV2} }] }`,
      ),
    ),
    cases: [
      [at('/one'), { who: 'v2' }],
      [at('/wild'), { status: 404 }],
      [at('/'), { status: 404 }],
      [fromEdge('http://more.example/wild'), { who: 'v2' }],
      [fromEdge('http://more.example/'), { status: 404 }],
      [fromEdge('http://elsewhere.test/'), { who: 'v1' }],
    ],
  },
  {
    topic,
    feature: 'ReferenceGrant: backends of other namespaces only where these allow it',
    objects: documents(
      edge(),
      route(
        '{ matches: [{ path: { value: /granted } }], backendRefs: [{ name: stranger, namespace: other, port: 9080 }] }, { matches: [{ path: { value: /not } }], backendRefs: [{ name: outside, namespace: outside, port: 9080 }] }',
      ),
      api(
        'ReferenceGrant',
        'grant',
        '{ from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop }], to: [{ group: "", kind: Service, name: stranger }] }',
        'other',
      ),
    ),
    cases: [
      [at('/granted'), { who: 'stranger' }],
      [at('/not'), { status: 500 }],
    ],
  },
  {
    topic,
    feature: 'allowedRoutes: namespaces by label',
    objects: documents(
      edge(
        http(
          'http',
          ', allowedRoutes: { namespaces: { from: Selector, selector: { matchLabels: { kubernetes.io/metadata.name: other } } } }',
        ),
      ),
      api(
        'HTTPRoute',
        'theirs',
        '{ parentRefs: [{ name: edge, namespace: shop }], hostnames: [other.example], rules: [{ backendRefs: [{ name: stranger, port: 9080 }] }] }',
        'other',
      ),
      route(`{ ${toV1} }`),
    ),
    cases: [
      [fromEdge('http://other.example/'), { who: 'stranger' }],
      [at('/'), { status: 404 }],
    ],
  },
  {
    topic,
    feature: 'Gateway: HTTPS with certificates, chosen by server name',
    objects: (given: Given) => [
      ...parsed(
        documents(
          edge(
            '{ name: https, port: 443, protocol: HTTPS, hostname: shop.example, tls: { certificateRefs: [{ name: cert }] } }, { name: second, port: 443, protocol: HTTPS, hostname: second.example, tls: { certificateRefs: [{ name: second }] } }',
          ),
          api('HTTPRoute', 'first', `{ parentRefs: [{ name: edge, sectionName: https }], rules: [{ ${toV1} }] }`),
          api('HTTPRoute', 'second', `{ parentRefs: [{ name: edge, sectionName: second }], rules: [{ ${toV2} }] }`),
        ),
      ),
      given.secret('cert'),
      given.secret('second', 'second'),
    ],
    cases: [
      [fromEdge('https://shop.example/'), { who: 'v1' }],
      [
        fromEdge('https://second.example/', { http: '2' }),
        { who: 'v2', tls: { subject: expect.stringContaining('second.example') } },
      ],
      [fromEdge('https://shop.example/', { sni: 'other.example' }), { refused: expect.any(String) }],
    ],
  },
  {
    topic,
    feature: 'GatewayFrontendClientCertificateValidation: clients show certificates of the authorities that are named',
    objects: (given: Given) => [
      ...parsed(
        documents(
          api(
            'Gateway',
            'edge',
            '{ gatewayClassName: malha, tls: { frontend: { default: { validation: { caCertificateRefs: [{ group: "", kind: Secret, name: partners }] } } } }, listeners: [{ name: https, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: cert }] } }] }',
          ),
          route(`{ ${toV1} }`),
        ),
      ),
      given.secret('cert'),
      given.trust('partners'),
    ],
    cases: [
      [fromEdge('https://shop.example/', { certificate: 'partner' }), { who: 'v1' }],
      [fromEdge('https://shop.example/', { certificate: 'foreign' }), { refused: expect.any(String) }],
      [fromEdge('https://shop.example/'), { refused: expect.any(String) }],
    ],
  },
  {
    topic,
    feature:
      'ReferenceGrant: a certificate of another namespace only where that allows it; writing its name elsewhere does not get it',
    objects: (given: Given) => [
      ...parsed(
        documents(
          edge(
            '{ name: https, port: 443, protocol: HTTPS, hostname: shop.example, tls: { certificateRefs: [{ name: cert, namespace: vault }] } }, { name: second, port: 443, protocol: HTTPS, hostname: second.example, tls: { certificateRefs: [{ name: closed, namespace: vault }] } }',
          ),
          route(`{ ${toV1} }`),
          '{ apiVersion: gateway.networking.k8s.io/v1, kind: ReferenceGrant, metadata: { name: edge, namespace: vault }, spec: { from: [{ group: gateway.networking.k8s.io, kind: Gateway, namespace: shop }], to: [{ group: "", kind: Secret, name: cert }] } }',
          '{ apiVersion: networking.istio.io/v1, kind: Gateway, metadata: { name: thief, namespace: shop }, spec: { selector: { istio: ingressgateway }, servers: [{ port: { number: 443, name: https, protocol: HTTPS }, hosts: [third.example], tls: { mode: SIMPLE, credentialName: "kubernetes-gateway://vault/cert" } }] } }',
        ),
      ),
      { ...given.secret('cert'), metadata: { name: 'cert', namespace: 'vault' } },
      { ...given.secret('closed', 'second'), metadata: { name: 'closed', namespace: 'vault' } },
    ],
    cases: [
      [fromEdge('https://shop.example/'), { who: 'v1' }],
      [fromEdge('https://second.example/'), { refused: expect.any(String) }],
      [fromEdge('https://third.example/'), { refused: expect.any(String) }],
    ],
  },
];

/** GAMMA: routes for the clients of a Service. */
const mesh = 'Gateway API: Mesh';
const forReviews = (spec: string, name = 'mesh', namespace = 'shop') =>
  api(
    'HTTPRoute',
    name,
    `{ parentRefs: [{ group: "", kind: Service, name: reviews, namespace: shop }], ${spec} }`,
    namespace,
  );

export const meshOfGatewayApi: Behaviour[] = [
  {
    topic: mesh,
    feature: 'Mesh: routes for the clients of a Service, by header; MeshClusterIPMatching; what matches nothing is 404',
    objects: documents(
      forReviews(
        `rules: [{ matches: [{ headers: [{ name: x-v, value: v2 }] }], ${toV2} }, { matches: [{ path: { value: /all } }], ${toV1} }]`,
      ),
    ),
    cases: [
      [get('http://reviews:9080/', { headers: { 'x-v': 'v2' } }), { who: 'v2' }],
      [get('http://reviews.shop:9080/all'), { who: 'v1' }],
      [get('http://reviews.shop:9080/', { from: 'stranger', headers: { 'x-v': 'v2' } }), { who: 'v2' }],
      [get('http://reviews:9080/'), { status: 404 }],
    ],
  },
  {
    topic: mesh,
    feature:
      'MeshConsumerRoute: a route of the client’s namespace comes before the producer’s, for that namespace only',
    objects: documents(
      forReviews(`rules: [{ ${toV1} }]`, 'producer'),
      forReviews('rules: [{ backendRefs: [{ name: stranger, port: 9080 }] }]', 'consumer', 'other'),
    ),
    cases: [
      [get('http://reviews:9080/'), { who: 'v1' }],
      [get('http://reviews.shop:9080/', { from: 'stranger' }), { who: 'stranger' }],
    ],
  },
  {
    topic: mesh,
    feature: 'HTTPRouteParentRefPort: routes for one port of a Service',
    objects: documents(
      api(
        'HTTPRoute',
        'port',
        `{ parentRefs: [{ group: "", kind: Service, name: reviews, port: 9080 }], rules: [{ ${toV2} }] }`,
      ),
      api(
        'HTTPRoute',
        'no-port',
        `{ parentRefs: [{ group: "", kind: Service, name: client, port: 9999 }], rules: [{ ${toV2} }] }`,
      ),
    ),
    cases: [
      [get('http://reviews:9080/', { times: 20 }), { who: 'v2' }],
      [get('http://client:9080/', { from: 'reviews-v1' }), { who: 'client' }],
    ],
  },
  {
    topic: mesh,
    feature: 'MeshHTTPRouteRewritePath, MeshHTTPRouteSchemeRedirect, MeshHTTPRouteQueryParamMatching',
    objects: documents(
      forReviews(
        `rules: [{ matches: [{ path: { value: /old } }], filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: /new } } }], ${toV1} }, { matches: [{ path: { value: /secure } }], filters: [{ type: RequestRedirect, requestRedirect: { scheme: https, port: 8443 } }] }, { matches: [{ queryParams: [{ name: v, value: "2" }] }], ${toV2} }]`,
      ),
    ),
    cases: [
      [get('http://reviews:9080/old/x'), { who: 'v1', seen: { path: '/new/x' } }],
      [get('http://reviews:9080/secure'), { status: 302, headers: { location: 'https://reviews:8443/secure' } }],
      [get('http://reviews:9080/?v=2'), { who: 'v2' }],
    ],
  },
  {
    topic: mesh,
    feature:
      'MeshHTTPRouteRedirectPort, MeshHTTPRouteRedirectPath, MeshHTTPRouteBackendRequestHeaderModification, MeshHTTPRouteNamedRouteRule',
    objects: documents(
      forReviews(
        `rules: [{ name: named, matches: [{ path: { value: /port } }], filters: [{ type: RequestRedirect, requestRedirect: { port: 8083 } }] }, { matches: [{ path: { value: /path } }], filters: [{ type: RequestRedirect, requestRedirect: { path: { type: ReplacePrefixMatch, replacePrefixMatch: /new }, port: 80 } }] }, { backendRefs: [{ name: v2, port: 9080, filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: x-to, value: v2 }] } }] }] }]`,
      ),
    ),
    cases: [
      [get('http://reviews:9080/port'), { status: 302, headers: { location: 'http://reviews:8083/port' } }],
      [get('http://reviews:9080/path/x'), { status: 302, headers: { location: 'http://reviews:80/new/x' } }],
      [get('http://reviews:9080/'), { who: 'v2', seen: { headers: { 'x-to': 'v2' } } }],
    ],
  },
];
