/** HTTPRoute and Gateway of the Gateway API: what is beside the single features of `http-route-api.ts`. */
import type { Behaviour, get } from '../behaviour';
import type { Given } from '../given';
import { api, documents, edge, fromEdge, http, toV1, toV2 } from './gateway-api-objects';
import { parsed } from './parsed';

const topic = 'Gateway API: HTTPRoute';

const route = (rules: string, more = '', name = 'route', created = '') =>
  api('HTTPRoute', name, `{ parentRefs: [{ name: edge }], ${more} rules: [${rules}] }`, 'shop', created);
const at = (path: string, options: Parameters<typeof get>[1] = {}) => fromEdge(`http://shop.example${path}`, options);
/** What a browser asks before a PUT with a header of its own. */
const preflight = (path: string, origin: string) =>
  at(path, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'PUT',
      'access-control-request-headers': 'x-asked',
    },
  });

/** @param rules of one route, at the edge. */
const rules = (...list: string[]) => documents(edge(), route(list.join(', ')));

export const httpRouteCorners: Behaviour[] = [
  {
    topic,
    feature:
      'GatewayRouteHostnameIntersectionPrecedence: the route with the closer host goes first, and what it leaves goes to those with wider ones',
    objects: documents(
      edge(`${http('all')}, ${http('one', ', hostname: one.test')}`),
      route(`{ matches: [{ path: { value: /exact } }], ${toV1} }`, 'hostnames: [shop.example],', 'exact'),
      route(
        `{ matches: [{ path: { value: /exact/deeper } }, { path: { value: /wild } }], ${toV2} }`,
        'hostnames: ["*.example"],',
        'wild',
      ),
      route('{ backendRefs: [{ name: client, port: 9080 }] }', '', 'any'),
      api(
        'HTTPRoute',
        'original',
        `{ parentRefs: [{ name: edge, sectionName: one }], hostnames: [one.test], rules: [{ matches: [{ path: { value: /x } }], ${toV1} }] }`,
      ),
      api(
        'HTTPRoute',
        'older',
        `{ parentRefs: [{ name: edge, sectionName: one }], hostnames: ["*.test"], rules: [{ matches: [{ path: { value: /x/y } }], ${toV2} }] }`,
        'shop',
        '2020-01-01T00:00:00Z',
      ),
    ),
    cases: [
      [at('/exact'), { who: 'v1' }],
      [at('/exact/deeper'), { who: 'v1' }],
      [at('/wild'), { who: 'v2' }],
      [at('/else'), { who: 'client' }],
      [fromEdge('http://more.example/wild'), { who: 'v2' }],
      [fromEdge('http://more.example/exact'), { who: 'client' }],
      [fromEdge('http://one.test/x/y'), { who: 'v1' }],
    ],
  },
  {
    topic,
    feature:
      'HTTPRouteParentRefPort at gateways, HTTPRouteDestinationPortMatching, GatewayPort8080: routes for the listeners of one port',
    objects: documents(
      edge(`${http('a')}, { name: b, port: 8080, protocol: HTTP }`),
      api('HTTPRoute', 'eighty', `{ parentRefs: [{ name: edge, port: 80 }], rules: [{ ${toV1} }] }`),
      api('HTTPRoute', 'more', `{ parentRefs: [{ name: edge, port: 8080 }], rules: [{ ${toV2} }] }`),
      api(
        'HTTPRoute',
        'none',
        '{ parentRefs: [{ name: edge, port: 81 }], rules: [{ backendRefs: [{ name: client, port: 9080 }] }] }',
      ),
    ),
    cases: [
      [at('/'), { who: 'v1' }],
      [fromEdge('http://shop.example:8080/'), { who: 'v2' }],
    ],
  },
  {
    topic,
    feature: 'HTTPRouteRequestPercentageMirror: a share of the requests, as percent or as a fraction',
    objects: rules(
      `{ matches: [{ path: { value: /none } }], filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: v2, port: 9080 }, percent: 0 } }], ${toV1} }`,
      `{ matches: [{ path: { value: /all } }], filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: v2, port: 9080 }, fraction: { numerator: 7, denominator: 7 } } }], ${toV1} }`,
      `{ matches: [{ path: { value: /never } }], filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: v2, port: 9080 }, fraction: { numerator: 0, denominator: 1000 } } }], ${toV1} }`,
    ),
    cases: [
      [at('/none', { times: 20 }), { heard: { v1: { '/none': 20 }, v2: { '/none': 0 } } }],
      [at('/all', { times: 20 }), { heard: { v1: { '/all': 20 }, v2: { '/all': 20 } } }],
      [at('/never', { times: 20 }), { heard: { v1: { '/never': 20 }, v2: { '/never': 0 } } }],
    ],
  },
  {
    topic,
    feature: 'HTTPRouteBackendProtocolH2C, HTTPRouteBackendProtocolWebSocket: appProtocol of the backend',
    objects: documents(
      edge(),
      route(
        '{ matches: [{ path: { value: /h2c } }], backendRefs: [{ name: spoken, port: 1 }] }, { matches: [{ path: { value: /ws } }], backendRefs: [{ name: spoken, port: 2 }] }',
      ),
      '{ apiVersion: v1, kind: Service, metadata: { name: spoken, namespace: shop }, spec: { selector: { app: client }, ports: [{ name: one, port: 1, targetPort: 8070, appProtocol: kubernetes.io/h2c }, { name: two, port: 2, targetPort: 8080, appProtocol: kubernetes.io/ws }] } }',
    ),
    cases: [
      [at('/h2c'), { who: 'client', seen: { httpVersion: '2.0' } }],
      [
        at('/ws', { headers: { connection: 'Upgrade', upgrade: 'websocket' } }),
        { status: 101, who: 'client', seen: { headers: { upgrade: 'websocket' } } },
      ],
    ],
    notSimulated: 'upgrades are answered by services',
  },
  {
    topic,
    feature: 'HTTPRouteNamedRouteRule: rules with names',
    objects: rules(
      `{ name: first, matches: [{ path: { value: /first } }], ${toV1} }`,
      `{ name: second, matches: [{ path: { value: /second } }], ${toV2} }`,
    ),
    cases: [
      [at('/first'), { who: 'v1' }],
      [at('/second'), { who: 'v2' }],
    ],
  },
  {
    topic,
    feature:
      'HTTPRouteRetryCodes (HTTPRouteRetry, HTTPRouteRetryBackendTimeout): attempts, codes, attempts that take longer than backendRequest; none with 0 attempts',
    objects: documents(
      edge(),
      route(
        [
          `{ matches: [{ path: { value: /codes } }], retry: { attempts: 2, codes: [500, 502, 503, 504], backoff: 10ms }, ${toV1} }`,
          `{ matches: [{ path: { value: /others } }], retry: { attempts: 2, codes: [503] }, ${toV1} }`,
          `{ matches: [{ path: { value: /slow } }], retry: { attempts: 1 }, timeouts: { backendRequest: 300ms }, ${toV1} }`,
          `{ matches: [{ path: { value: /never } }], retry: { attempts: 0, codes: [503] }, ${toV1} }`,
        ].join(', '),
      ),
    ),
    cases: [
      [at('/codes?status=503&times=2'), { status: 200, heard: { v1: { '/codes?status=503&times=2': 3 } } }],
      [at('/codes?status=500&times=9'), { status: 500, heard: { v1: { '/codes?status=500&times=9': 3 } } }],
      [at('/others?status=500&times=1'), { status: 500, heard: { v1: { '/others?status=500&times=1': 1 } } }],
      [at('/slow?delay=1500'), { status: 504, heard: { v1: { '/slow?delay=1500': 2 } } }],
      [at('/never?status=503&times=1'), { status: 503, heard: { v1: { '/never?status=503&times=1': 1 } } }],
    ],
    notSimulated: 'it depends on what the service answers',
  },
  {
    topic,
    feature: 'HTTPRouteRetryConnectionError: where nobody listens, another endpoint is asked',
    objects: documents(
      edge(`${http('a')}, { name: b, port: 8080, protocol: HTTP }`),
      api(
        'HTTPRoute',
        'first',
        '{ parentRefs: [{ name: edge, port: 80 }], rules: [{ retry: { attempts: 5 }, backendRefs: [{ name: half, port: 80 }] }] }',
      ),
      api('HTTPRoute', 'second', `{ parentRefs: [{ name: edge, port: 8080 }], rules: [{ ${toV1} }] }`),
      // One endpoint is the gateway's other listener, at the other nobody listens.
      '{ apiVersion: v1, kind: Service, metadata: { name: half, namespace: shop }, spec: { ports: [{ name: http, port: 80 }] } }',
      ...Object.entries({ 9: '127.0.0.2', 8080: '127.0.0.1' }).map(
        ([port, address]) =>
          `{ apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: { name: half-${port}, namespace: shop, labels: { kubernetes.io/service-name: half } }, addressType: IPv4, ports: [{ name: http, port: ${port} }], endpoints: [{ addresses: [${address}] }] }`,
      ),
    ),
    cases: [[at('/', { times: 50 }), { who: 'v1', status: 200 }]],
    notSimulated: 'it depends on who listens',
    onlyTransparent: 'listeners are at other addresses there',
  },
  {
    topic,
    feature: 'HTTPRouteCORS: wildcards, with credentials and without; origins that are not allowed get no header',
    objects: rules(
      `{ matches: [{ path: { value: /open } }], filters: [{ type: CORS, cors: { allowOrigins: ["*"], allowMethods: ["*"], allowHeaders: ["*"], exposeHeaders: ["*"] } }], ${toV1} }`,
      `{ matches: [{ path: { value: /credentials } }], filters: [{ type: CORS, cors: { allowOrigins: ["*"], allowMethods: ["*"], allowHeaders: ["*"], exposeHeaders: ["*", x-two], allowCredentials: true } }], ${toV1} }`,
      `{ matches: [{ path: { value: /some } }], filters: [{ type: CORS, cors: { allowOrigins: ["https://www.example", "http://*.wild.example:8080"], exposeHeaders: [x-one], maxAge: 7 } }], ${toV1} }`,
    ),
    cases: [
      [
        preflight('/open', 'https://any.example'),
        {
          status: 200,
          headers: {
            'access-control-allow-methods': expect.stringMatching(/^(\*|PUT)$/),
            'access-control-max-age': '5',
          },
        },
      ],
      [
        preflight('/credentials', 'https://any.example'),
        {
          status: 200,
          headers: {
            'access-control-allow-origin': 'https://any.example',
            'access-control-allow-methods': 'PUT',
            'access-control-allow-headers': 'x-asked',
            'access-control-allow-credentials': 'true',
          },
        },
      ],
      [
        at('/credentials', { headers: { origin: 'https://any.example' } }),
        { who: 'v1', headers: { 'access-control-expose-headers': 'x-two' } },
      ],
      [
        at('/some', { headers: { origin: 'http://a.b.wild.example:8080' } }),
        {
          who: 'v1',
          headers: {
            'access-control-allow-origin': 'http://a.b.wild.example:8080',
            'access-control-expose-headers': 'x-one',
          },
        },
      ],
      [
        at('/some', { headers: { origin: 'https://evil-www.example' } }),
        { who: 'v1', headers: expect.not.objectContaining({ 'access-control-allow-origin': expect.anything() }) },
      ],
      [
        preflight('/some', 'https://other.example'),
        { status: 200, headers: expect.not.objectContaining({ 'access-control-allow-origin': expect.anything() }) },
      ],
    ],
  },
  {
    topic,
    feature: 'HTTPRouteBackendURLRewrite: filters of a backend',
    objects: rules(
      `{ matches: [{ path: { value: /only } }], backendRefs: [{ name: v1, port: 9080, filters: [{ type: URLRewrite, urlRewrite: { hostname: inner.example, path: { type: ReplacePrefixMatch, replacePrefixMatch: /new } } }] }] }`,
      `{ matches: [{ path: { value: /split } }], backendRefs: [{ name: v1, port: 9080, weight: 1, filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplaceFullPath, replaceFullPath: /one } } }] }, { name: v2, port: 9080, weight: 3, filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplaceFullPath, replaceFullPath: /two } } }] }] }`,
    ),
    cases: [
      [at('/only/x'), { who: 'v1', seen: { path: '/new/x', headers: { host: 'inner.example' } } }],
      [
        at('/split', { times: 400 }),
        { shares: { v1: 0.25, v2: 0.75 }, heard: { v1: { '/split': 0 }, v2: { '/split': 0 } } },
      ],
    ],
    notSimulated: 'which share a request falls into is drawn',
  },
  {
    topic,
    feature: 'GatewayHTTPSListenerDetectMisdirectedRequests: 421 for what another listener is for',
    objects: (given: Given) => [
      ...parsed(
        documents(
          edge(
            '{ name: wild, port: 443, protocol: HTTPS, hostname: "*.example", tls: { certificateRefs: [{ name: cert }] } }, { name: second, port: 443, protocol: HTTPS, hostname: second.example, tls: { certificateRefs: [{ name: second }] } }, { name: test, port: 443, protocol: HTTPS, hostname: "*.test", tls: { certificateRefs: [{ name: cert }] } }',
          ),
          route(`{ ${toV1} }`),
        ),
      ),
      given.secret('cert'),
      given.secret('second', 'second'),
    ],
    cases: [
      [fromEdge('https://shop.example/'), { who: 'v1' }],
      [fromEdge('https://second.example/'), { who: 'v1' }],
      // A more specific listener has it; one that is for something else has it; nobody has it.
      [fromEdge('https://second.example/', { sni: 'shop.example' }), { status: 421 }],
      [fromEdge('https://a.test/', { sni: 'shop.example' }), { status: 421 }],
      [fromEdge('https://shop.example/', { sni: 'second.example' }), { status: 421 }],
      [fromEdge('https://nobody.else/', { sni: 'shop.example' }), { status: 404 }],
    ],
    notSimulated: 'the simulator connects with the host as the server name',
  },
  {
    topic,
    feature:
      'GatewayFrontendClientCertificateValidationInsecureFallback: clients without a good certificate are let in',
    objects: (given: Given) => [
      ...parsed(
        documents(
          api(
            'Gateway',
            'edge',
            '{ gatewayClassName: malha, tls: { frontend: { default: { validation: { mode: AllowInsecureFallback, caCertificateRefs: [{ group: "", kind: Secret, name: partners }] } } } }, listeners: [{ name: https, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: cert }] } }] }',
          ),
          route(`{ ${toV1} }`),
        ),
      ),
      given.secret('cert'),
      given.trust('partners'),
    ],
    cases: [
      [fromEdge('https://shop.example/', { certificate: 'partner' }), { who: 'v1' }],
      [fromEdge('https://shop.example/', { certificate: 'foreign' }), { who: 'v1' }],
      [fromEdge('https://shop.example/'), { who: 'v1' }],
    ],
  },
];
