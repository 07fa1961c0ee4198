/** What the documents of the Gateway API's fields say in passing, and what users find out first where it does not hold. */
import { type Behaviour, get, tcp, tls } from '../behaviour';
import type { Given } from '../given';
import { api, documents, edge, fromEdge, http, toV1, toV2 } from './gateway-api-objects';
import { parsed } from './parsed';

const topic = 'Gateway API: HTTPRoute';
const route = (rules: string, more = '', name = 'route') =>
  api('HTTPRoute', name, `{ parentRefs: [{ name: edge }], ${more} rules: [${rules}] }`);
const at = (path: string, options: Parameters<typeof get>[1] = {}) => fromEdge(`http://shop.example${path}`, options);
const rules = (...list: string[]) => documents(edge(), route(list.join(', ')));
const under = (path: string, filter: string, rest = '') =>
  `{ matches: [{ path: { value: ${path} } }], filters: [${filter}]${rest && `, ${rest}`} }`;
const redirect = (path: string, fields: string) =>
  under(path, `{ type: RequestRedirect, requestRedirect: { ${fields} } }`);
const rewrite = (path: string, fields: string) => under(path, `{ type: URLRewrite, urlRewrite: { ${fields} } }`, toV1);
const leads = (location: string, status = 302) => ({ status, headers: { location } });

/** Gateway, listener and route for redirects, of which each has a path of its own. */
const REDIRECTS = [
  redirect('/host', 'hostname: example.org'),
  redirect('/scheme', 'scheme: https'),
  redirect('/both', 'scheme: https, hostname: example.org'),
  redirect('/own', 'scheme: https, hostname: example.org, port: 443'),
  redirect('/other', 'scheme: https, hostname: example.org, port: 8443'),
  redirect('/same', 'scheme: http, hostname: example.org'),
  redirect('/eighty', 'hostname: example.org, port: 80'),
  redirect('/port', 'port: 8083'),
];

const passed = (name: string, hostname: string) =>
  `{ name: ${name}, port: 443, protocol: TLS, hostname: "${hostname}", tls: { mode: Passthrough } }`;
const HALF = 'backendRefs: [{ name: v1, port: 9000 }, { name: absent, port: 9000 }]';

export const gatewayApiDetails: Behaviour[] = [
  {
    topic,
    feature: 'Redirects: the port is the scheme’s or the listener’s, and is said only where the scheme does not say it',
    objects: documents(edge(`${http()}, { name: more, port: 8080, protocol: HTTP }`), route(REDIRECTS.join(', '))),
    cases: [
      [at('/host'), leads('http://example.org/host')],
      [at('/scheme'), leads('https://shop.example/scheme')],
      [at('/scheme', { authority: 'shop.example:80' }), leads('https://shop.example/scheme')],
      [at('/both'), leads('https://example.org/both')],
      [at('/own'), leads('https://example.org/own')],
      [at('/other'), leads('https://example.org:8443/other')],
      [at('/same'), leads('http://example.org/same')],
      [at('/eighty'), leads('http://example.org/eighty')],
      [at('/port'), leads('http://shop.example:8083/port')],
      [fromEdge('http://shop.example:8080/host'), leads('http://example.org:8080/host')],
      [fromEdge('http://shop.example:8080/both'), leads('https://example.org/both')],
      [fromEdge('http://shop.example:8080/scheme'), leads('https://shop.example:443/scheme')],
      [fromEdge('http://shop.example:8080/same'), leads('http://example.org/same')],
    ],
  },
  {
    topic,
    feature: 'ReplacePrefixMatch: whole parts of the path, with and without slashes at the end',
    objects: rules(
      rewrite('/foo', 'path: { type: ReplacePrefixMatch, replacePrefixMatch: /xyz }'),
      rewrite('/slash/', 'path: { type: ReplacePrefixMatch, replacePrefixMatch: /xyz/ }'),
      rewrite('/none', 'path: { type: ReplacePrefixMatch, replacePrefixMatch: "" }'),
      rewrite('/root', 'path: { type: ReplacePrefixMatch, replacePrefixMatch: / }'),
      redirect('/moved', 'path: { type: ReplacePrefixMatch, replacePrefixMatch: /xyz/ }, statusCode: 301'),
      redirect('/gone/', 'path: { type: ReplacePrefixMatch, replacePrefixMatch: / }'),
      redirect('/full', 'path: { type: ReplaceFullPath, replaceFullPath: /one/two }'),
    ),
    cases: [
      ...Object.entries({
        '/foo/bar': '/xyz/bar',
        '/foo': '/xyz',
        '/foo/': '/xyz/',
        '/foo/bar?a=/foo': '/xyz/bar?a=/foo',
        '/slash/bar': '/xyz/bar',
        '/slash': '/xyz',
        '/slash/': '/xyz/',
        '/none/bar': '/bar',
        '/none/': '/',
        '/none': '/',
        '/none?a=b': '/?a=b',
        '/root/': '/',
        '/root': '/',
        '/root/bar/': '/bar/',
      }).map(([asked, path]) => [at(asked), { who: 'v1', seen: { path } }] as const),
      [at('/moved/a?b=c'), leads('http://shop.example/xyz/a?b=c', 301)],
      [at('/moved'), leads('http://shop.example/xyz', 301)],
      [at('/gone/a'), leads('http://shop.example/a')],
      [at('/gone'), leads('http://shop.example/')],
      [at('/full/a'), leads('http://shop.example/one/two')],
    ],
  },
  {
    topic,
    feature:
      'Header filters: of several entries for one name the first counts, in any case; Host; values as they stand',
    objects: rules(
      under(
        '/edit',
        '{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: X-One, value: first }, { name: x-one, value: second }, { name: Host, value: inner.example }], add: [{ name: X-Two, value: "%REQ(x-one)% a,b" }, { name: x-two, value: no }], remove: [X-Three, x-four] } }',
        toV1,
      ),
      under(
        '/answer',
        '{ type: ResponseHeaderModifier, responseHeaderModifier: { set: [{ name: Content-Type, value: text/x }, { name: content-type, value: no }], add: [{ name: x-added, value: "1" }], remove: [Date] } }',
        toV2,
      ),
    ),
    cases: [
      [
        at('/edit', { headers: { 'x-one': 'own', 'x-two': 'own', 'x-three': '3', 'x-four': '4' } }),
        {
          who: 'v1',
          seen: {
            headers: expect.not.objectContaining({ 'x-three': expect.anything() }),
          },
        },
      ],
      [
        at('/edit', { headers: { 'x-one': 'own', 'x-two': 'own', 'x-four': '4' } }),
        { seen: { headers: { 'x-one': 'first', 'x-two': 'own, %REQ(x-one)% a,b', host: 'inner.example' } } },
      ],
      [at('/answer'), { who: 'v2', headers: { 'content-type': 'text/x', 'x-added': '1' } }],
    ],
  },
  {
    topic,
    feature: 'Routes of one second: the first by namespace and name goes first, also where one name begins another',
    objects: documents(
      edge(),
      ...[
        ['page', toV1],
        ['page-2', toV2],
        ['page.more', toV2],
        ['page0', toV2],
      ].map(([name, to]) =>
        api(
          'HTTPRoute',
          name!,
          `{ parentRefs: [{ name: edge }, { group: "", kind: Service, name: client }], rules: [{ ${to} }] }`,
          'shop',
          '2026-01-01T00:00:00Z',
        ),
      ),
    ),
    cases: [
      [at('/'), { who: 'v1' }],
      [get('http://client:9080/', { from: 'reviews-v1' }), { who: 'v1' }],
    ],
  },
  {
    topic,
    feature: 'Matches: of several conditions on one name the first counts; names of headers in any case',
    objects: rules(
      `{ matches: [{ headers: [{ name: X-V, value: two }, { name: x-v, value: three }] }, { queryParams: [{ name: v, value: two }, { name: v, value: three }] }], ${toV2} }`,
      `{ ${toV1} }`,
    ),
    cases: [
      [at('/', { headers: { 'x-V': 'two' } }), { who: 'v2' }],
      [at('/', { headers: { 'x-v': 'three' } }), { who: 'v1' }],
      [at('/?v=two'), { who: 'v2' }],
      [at('/?v=three'), { who: 'v1' }],
      [at('/?V=two'), { who: 'v1' }],
    ],
  },
  {
    topic,
    feature: 'Backends: without endpoints 503; a port that is not for TCP, no backend, and a share of nothing 500',
    objects: documents(
      edge(),
      route(
        [
          '{ matches: [{ path: { value: /empty } }], backendRefs: [{ name: empty, port: 80 }] }',
          '{ matches: [{ path: { value: /udp } }], backendRefs: [{ name: empty, port: 53 }] }',
          '{ matches: [{ path: { value: /nothing } }] }',
          '{ matches: [{ path: { value: /only } }], backendRefs: [{ name: absent, port: 80, weight: 9 }, { name: v1, port: 9080, weight: 0 }] }',
        ].join(', '),
      ),
      '{ apiVersion: v1, kind: Service, metadata: { name: empty, namespace: shop }, spec: { selector: { app: nobody }, ports: [{ name: http, port: 80 }, { name: dns, port: 53, protocol: UDP }] } }',
    ),
    cases: [
      [at('/empty'), { status: 503 }],
      [at('/udp'), { status: 500 }],
      [at('/nothing'), { status: 500 }],
      [at('/only'), { status: 500 }],
    ],
    notSimulated: 'the simulator does not look at endpoints',
  },
  {
    topic,
    feature: 'Backends: Services of all kinds: headless, without a selector, with ports that nobody names',
    objects: documents(
      edge(),
      route(
        ['headless', 'manual', 'manual-headless', 'unnamed']
          .map((name) => `{ matches: [{ path: { value: /${name} } }], backendRefs: [{ name: ${name}, port: 8099 }] }`)
          .join(', '),
      ),
      '{ apiVersion: v1, kind: Service, metadata: { name: headless, namespace: shop }, spec: { clusterIP: None, selector: { app: reviews, version: v1 }, ports: [{ port: 8099, targetPort: 8080 }] } }',
      '{ apiVersion: v1, kind: Service, metadata: { name: unnamed, namespace: shop }, spec: { selector: { app: reviews, version: v2 }, ports: [{ port: 8099, targetPort: 8080 }] } }',
      ...['manual', 'manual-headless'].map(
        (name) =>
          `{ apiVersion: v1, kind: Service, metadata: { name: ${name}, namespace: shop }, spec: { ${name === 'manual' ? '' : 'clusterIP: None, '}ports: [{ name: first, port: 8099, targetPort: 8080 }] } }`,
      ),
      // The gateway's other listener is what is behind them.
      ...['manual', 'manual-headless'].map(
        (name) =>
          `{ apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: { name: ${name}, namespace: shop, labels: { kubernetes.io/service-name: ${name} } }, addressType: IPv4, ports: [{ name: first, port: 8080 }], endpoints: [{ addresses: [127.0.0.1], conditions: { ready: true } }] }`,
      ),
      api('Gateway', 'behind', '{ gatewayClassName: others, listeners: [{ name: http, port: 8080, protocol: HTTP }] }'),
    ),
    cases: [
      [at('/headless'), { who: 'v1' }],
      [at('/unnamed'), { who: 'v2' }],
      // Nobody listens there, but that is where it goes.
      [at('/manual'), { status: 503 }],
      [at('/manual-headless'), { status: 503 }],
    ],
    notSimulated: 'the simulator does not look at endpoints',
  },
  {
    topic,
    feature: 'CORS: the port that a scheme has of itself, written out; methods and headers as they are named',
    objects: rules(
      `{ filters: [{ type: CORS, cors: { allowOrigins: ["https://www.example:443", "http://*.wild.example:80"], allowMethods: [PUT, DELETE], allowHeaders: [x-one, X-Two] } }], ${toV1} }`,
    ),
    cases: [
      ...['https://www.example', 'http://a.wild.example'].map(
        (origin) =>
          [
            at('/', { headers: { origin } }),
            {
              who: 'v1',
              headers: expect.objectContaining({ 'access-control-allow-origin': origin }),
            },
          ] as const,
      ),
      [
        at('/', { headers: { origin: 'http://www.example' } }),
        { who: 'v1', headers: expect.not.objectContaining({ 'access-control-allow-origin': expect.anything() }) },
      ],
      [
        at('/', {
          method: 'OPTIONS',
          headers: {
            origin: 'https://www.example',
            'access-control-request-method': 'DELETE',
            'access-control-request-headers': 'x-one',
          },
        }),
        {
          status: 200,
          headers: {
            'access-control-allow-methods': expect.stringMatching(/^PUT, ?DELETE$/),
            'access-control-allow-headers': expect.stringMatching(/^x-one, ?x-two$/i),
          },
        },
      ],
      [
        at('/', {
          method: 'OPTIONS',
          headers: { origin: 'https://www.example', 'access-control-request-method': 'PUT' },
        }),
        { status: 200, headers: expect.not.objectContaining({ 'access-control-allow-headers': expect.anything() }) },
      ],
    ],
  },
  {
    topic: 'Gateway API: TCPRoute',
    feature: 'TCPRoute: the share of a backend that is not there is closed; one listener without a route beside it',
    objects: documents(
      edge('{ name: half, port: 9001, protocol: TCP }, { name: bare, port: 9002, protocol: TCP }'),
      api('TCPRoute', 'half', `{ parentRefs: [{ name: edge, sectionName: half }], rules: [{ ${HALF} }] }`),
    ),
    cases: [
      [tcp('shop.example:9001', { from: 'edge', times: 200 }), { shares: { v1: 0.5, refused: 0.5 } }],
      [tcp('shop.example:9002', { from: 'edge' }), { refused: expect.any(String) }],
    ],
  },
  {
    topic: 'Gateway API: Mesh',
    feature: 'TCPRoute of a Service: connections to one of its ports, by its name, beside an HTTPRoute for another',
    objects: documents(
      api(
        'HTTPRoute',
        'requests',
        `{ parentRefs: [{ group: "", kind: Service, name: reviews, port: 9080 }], rules: [{ ${toV1} }] }`,
        'shop',
        '2020-01-01T00:00:00Z',
      ),
      api(
        'TCPRoute',
        'bytes',
        '{ parentRefs: [{ group: "", kind: Service, name: reviews, sectionName: tcp }], rules: [{ backendRefs: [{ name: v2, port: 9000 }] }] }',
      ),
      api(
        'TCPRoute',
        'closed',
        '{ parentRefs: [{ group: "", kind: Service, name: client, port: 9000 }], rules: [{ backendRefs: [{ name: absent, port: 9000 }] }] }',
      ),
    ),
    cases: [
      [tcp('reviews:9000', { times: 20 }), { who: 'v2' }],
      [get('http://reviews:9080/', { times: 20 }), { who: 'v1' }],
      [get('http://reviews:9070/', { http: '2', times: 100 }), { shares: { v1: 0.5, v2: 0.5 } }],
      [tcp('client:9000', { from: 'reviews-v1' }), { refused: expect.any(String) }],
    ],
    onlyTransparent: 'the HTTP proxy takes no bytes',
  },
  {
    topic: 'Gateway API: Mesh',
    feature:
      'Parents that are Services: a port by its name, hostnames left aside, GRPCRoutes, several parents of one route',
    objects: documents(
      api(
        'HTTPRoute',
        'named',
        `{ parentRefs: [{ group: "", kind: Service, name: reviews, sectionName: http }, { group: "", kind: Service, name: client }], hostnames: [elsewhere.example], rules: [{ ${toV2} }] }`,
      ),
      api(
        'GRPCRoute',
        'calls',
        '{ parentRefs: [{ group: "", kind: Service, name: reviews, port: 9070 }], rules: [{ matches: [{ method: { service: shop.Reviews } }], backendRefs: [{ name: v1, port: 9070 }] }] }',
      ),
    ),
    cases: [
      [get('http://reviews:9080/', { times: 20 }), { who: 'v2' }],
      [get('http://client:9080/', { from: 'reviews-v1' }), { who: 'v2' }],
      [get('http://reviews:9070/shop.Reviews/Get', { http: 'grpc', times: 20 }), { who: 'v1' }],
      [get('http://reviews:9070/shop.Other/Get', { http: 'grpc' }), { who: undefined, grpcStatus: 12 }],
    ],
  },
  {
    topic: 'Gateway API: GRPCRoute',
    feature: 'GRPCRoute: response headers, copies, conditions in any case, a backend whose port declares nothing',
    objects: documents(
      edge(),
      api(
        'GRPCRoute',
        'calls',
        `{ parentRefs: [{ name: edge }], rules: [${[
          '{ matches: [{ method: { service: shop.Copied } }], filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: v2, port: 9070 } } }, { type: ResponseHeaderModifier, responseHeaderModifier: { set: [{ name: x-by, value: route }] } }], backendRefs: [{ name: v1, port: 9070 }] }',
          '{ matches: [{ headers: [{ name: Version, value: two }, { name: version, value: three }] }], backendRefs: [{ name: v2, port: 9070 }] }',
          '{ matches: [{ method: { service: shop.Half } }], backendRefs: [{ name: v1, port: 9070 }, { name: absent, port: 9070 }] }',
          '{ backendRefs: [{ name: undeclared, port: 7070 }] }',
        ].join(', ')}] }`,
      ),
      '{ apiVersion: v1, kind: Service, metadata: { name: undeclared, namespace: shop }, spec: { selector: { app: reviews, version: v1 }, ports: [{ port: 7070, targetPort: 8070 }] } }',
    ),
    cases: [
      [
        at('/shop.Copied/Get', { http: 'grpc' }),
        {
          who: 'v1',
          headers: { 'x-by': 'route' },
          heard: { v1: { '/shop.Copied/Get': 1 }, v2: { '/shop.Copied/Get': 1 } },
        },
      ],
      [at('/shop.Any/Get', { http: 'grpc', headers: { version: 'two' } }), { who: 'v2', grpcStatus: 0 }],
      [at('/shop.Any/Get', { http: 'grpc', headers: { version: 'three' } }), { who: 'v1', grpcStatus: 0 }],
      [at('/shop.Half/Get', { http: 'grpc', times: 100 }), { shares: { v1: 0.5, 200: 0.5 } }],
    ],
    notSimulated: 'copies are heard by services',
  },
  {
    topic: 'Gateway API: TLSRoute',
    feature:
      'TLSRoute: a name belongs to the closest listener, and there to the route that names it closest; shares of nothing are closed',
    objects: documents(
      edge([passed('one', 'a.example'), passed('wild', '*.example'), passed('deep', '*.deep.example')].join(', ')),
      ...[
        ['wide', 'one', '*.example', 'v2'],
        ['close', 'one', 'a.example', 'v1'],
        ['more', 'wild', '*.example', 'v2'],
        ['most', 'wild', 'x.deep.example", "b.example', 'v1'],
      ].map(([name, section, host, to], i) =>
        api(
          'TLSRoute',
          name!,
          `{ parentRefs: [{ name: edge, sectionName: ${section} }], hostnames: ["${host}"], rules: [{ backendRefs: [{ name: ${to}, port: 9443 }] }] }`,
          'shop',
          `202${i}-01-01T00:00:00Z`,
        ),
      ),
      api(
        'TLSRoute',
        'half',
        '{ parentRefs: [{ name: edge, sectionName: wild }], hostnames: [half.example], rules: [{ backendRefs: [{ name: v1, port: 9443 }, { name: absent, port: 9443 }] }] }',
      ),
    ),
    cases: [
      [fromEdge('https://a.example/'), { who: 'v1' }],
      [fromEdge('https://b.example/'), { who: 'v1' }],
      [fromEdge('https://c.example/'), { who: 'v2' }],
      [fromEdge('https://x.deep.example/'), { refused: expect.any(String) }],
      [fromEdge('https://half.example/', { times: 100 }), { shares: { v1: 0.5, refused: 0.5 } }],
    ],
  },
  {
    topic: 'Gateway API: TLSRoute',
    feature: 'TLSRoute at a listener that ends TLS: several routes by server name; what none names is closed',
    objects: (given: Given) => [
      ...parsed(
        documents(
          edge(
            '{ name: ended, port: 443, protocol: TLS, hostname: "*.example", tls: { certificateRefs: [{ name: cert }] } }',
          ),
          ...['v1', 'v2'].map((version) =>
            api(
              'TLSRoute',
              version,
              `{ parentRefs: [{ name: edge }], hostnames: [${version}.example], rules: [{ backendRefs: [{ name: ${version}, port: 9000 }] }] }`,
            ),
          ),
        ),
      ),
      given.secret('cert'),
    ],
    cases: [
      [tls('v1.example:443', { from: 'edge' }), { who: 'v1' }],
      [tls('v2.example:443', { from: 'edge' }), { who: 'v2' }],
      [tls('v3.example:443', { from: 'edge' }), { refused: expect.any(String) }],
    ],
  },
];
