/** VirtualService: what a route does with a request. */
import { type Behaviour, get } from '../behaviour';
import { documents, networking, reviewsRoutes, toV1, toV2 } from './objects';

const topic = 'VirtualService';
const url = 'http://reviews:9080';

/** @param fields of the route for `/x`, as lines of YAML. */
const atX = (fields: string) =>
  reviewsRoutes(`
      - match: [{ uri: { prefix: /x } }]
        ${fields}`);

export const httpRoute: Behaviour[] = [
  {
    topic,
    feature: 'route: weights',
    objects: reviewsRoutes(`
      - match: [{ uri: { prefix: /split } }]
        route:
        - { destination: { host: reviews, subset: v1 }, weight: 70 }
        - { destination: { host: reviews, subset: v2 }, weight: 30 }
      - match: [{ uri: { prefix: /zero } }]
        route:
        - { destination: { host: reviews, subset: v1 }, weight: 0 }
        - { destination: { host: reviews, subset: v2 }, weight: 1 }
      - match: [{ uri: { prefix: /only } }]
        route: [{ destination: { host: reviews, subset: v2 }, weight: 7 }]`),
    cases: [
      [get(`${url}/split`, { times: 500 }), { shares: { v1: 0.7, v2: 0.3 } }],
      [get(`${url}/zero`, { times: 20 }), { who: 'v2' }],
      [get(`${url}/only`, { times: 20 }), { who: 'v2' }],
    ],
  },
  {
    topic,
    feature: 'route: destination of another namespace and port',
    objects: atX('route: [{ destination: { host: stranger.other.svc.cluster.local, port: { number: 9080 } } }]'),
    cases: [
      [get(`${url}/x`), { who: 'stranger' }],
      [get(`${url}/`), { who: 'v1' }],
    ],
  },
  {
    topic,
    feature: 'route: a destination that does not exist answers 503',
    objects: atX('route: [{ destination: { host: nobody } }]'),
    cases: [[get(`${url}/x`), { status: 503 }]],
  },
  {
    topic,
    feature: 'route: headers of one destination',
    objects: reviewsRoutes(`
      - match: [{ uri: { prefix: /x } }]
        route:
        - destination: { host: reviews, subset: v2 }
          weight: 100
          headers: { request: { set: { x-to: v2 } }, response: { add: { x-from: v2 } } }
        - { destination: { host: reviews, subset: v1 }, weight: 0 }`),
    cases: [[get(`${url}/x`), { who: 'v2', seen: { headers: { 'x-to': 'v2' } }, headers: { 'x-from': 'v2' } }]],
  },
  {
    topic,
    feature: 'headers: set, add, remove for requests and responses',
    objects: atX(`headers:
          request: { set: { x-set: ours }, add: { x-add: ours }, remove: [x-remove] }
          response: { set: { x-shop: open }, remove: [x-internal] }
        ${toV2}`),
    cases: [
      [
        get(`${url}/x`, { headers: { 'x-set': 'theirs', 'x-add': 'theirs', 'x-remove': 'theirs' } }),
        {
          who: 'v2',
          seen: { headers: expect.objectContaining({ 'x-set': 'ours', 'x-add': 'theirs, ours' }) },
          headers: expect.not.objectContaining({ 'x-internal': 'secret' }),
        },
      ],
      [
        get(`${url}/x`, { headers: { 'x-remove': 'theirs' } }),
        { seen: { headers: expect.not.objectContaining({ 'x-remove': 'theirs' }) }, headers: { 'x-shop': 'open' } },
      ],
    ],
  },
  {
    topic,
    feature: 'headers: Host and :authority',
    objects: reviewsRoutes(`
      - match: [{ uri: { prefix: /host } }]
        headers: { request: { set: { Host: inner.example } } }
        ${toV2}
      - match: [{ uri: { prefix: /authority } }]
        headers: { request: { set: { ":authority": second.example } } }
        ${toV2}`),
    cases: [
      [get(`${url}/host`), { who: 'v2', seen: { headers: { host: 'inner.example' } } }],
      [get(`${url}/authority`), { who: 'v2', seen: { headers: { host: 'second.example' } } }],
    ],
  },
  {
    topic,
    feature: 'redirect: uri, authority, redirectCode',
    objects: atX('redirect: { uri: /here, authority: www.example, redirectCode: 307 }'),
    cases: [[get(`${url}/x/y?a=b`), { status: 307, headers: { location: 'http://www.example/here?a=b' } }]],
  },
  {
    topic,
    feature: 'redirect: scheme, port, derivePort',
    objects: reviewsRoutes(`
      - match: [{ uri: { prefix: /scheme } }]
        redirect: { scheme: https, authority: www.example }
      - match: [{ uri: { prefix: /port } }]
        redirect: { port: 8443, authority: www.example }
      - match: [{ uri: { prefix: /protocol } }]
        redirect: { derivePort: FROM_PROTOCOL_DEFAULT, scheme: https, authority: www.example }
      - match: [{ uri: { prefix: /request } }]
        redirect: { derivePort: FROM_REQUEST_PORT, authority: www.example }`),
    cases: [
      [get(`${url}/scheme`), { status: 301, headers: { location: 'https://www.example/scheme' } }],
      [get(`${url}/port`), { status: 301, headers: { location: 'http://www.example:8443/port' } }],
      [
        get(`${url}/protocol`),
        { status: 301, headers: { location: expect.stringMatching(/^https:\/\/www\.example(:443)?\/protocol$/) } },
      ],
      [get(`${url}/request`), { status: 301, headers: { location: 'http://www.example:9080/request' } }],
    ],
  },
  {
    topic,
    feature: 'redirect: prefixRewrite',
    objects: atX('redirect: { prefixRewrite: /new, redirectCode: 302 }'),
    cases: [[get(`${url}/x/y?a=b`), { status: 302, headers: { location: 'http://reviews:9080/new/y?a=b' } }]],
  },
  {
    topic,
    feature: 'directResponse: status, body as text or bytes',
    objects: reviewsRoutes(`
      - match: [{ uri: { prefix: /text } }]
        directResponse: { status: 418, body: { string: short and stout } }
      - match: [{ uri: { prefix: /bytes } }]
        directResponse: { status: 200, body: { bytes: aGVsbG8= } }
        headers: { response: { set: { content-type: text/x } } }`),
    cases: [
      [get(`${url}/text`), { status: 418, body: 'short and stout' }],
      [get(`${url}/bytes`), { status: 200, body: 'hello', headers: { 'content-type': 'text/x' } }],
    ],
  },
  {
    topic,
    feature: 'rewrite: uri (prefix or whole), authority',
    objects: reviewsRoutes(`
      - match: [{ uri: { prefix: /old/ } }]
        rewrite: { uri: /new/, authority: inner.example }
        ${toV2}
      - match: [{ uri: { exact: /whole } }, { uri: { regex: "/who+le" } }]
        rewrite: { uri: /part }
        ${toV2}`),
    cases: [
      [get(`${url}/old/a?b=c`), { who: 'v2', seen: { path: '/new/a?b=c', headers: { host: 'inner.example' } } }],
      [get(`${url}/whole?x=1`), { who: 'v2', seen: { path: '/part?x=1' } }],
      [get(`${url}/whooole`), { who: 'v2', seen: { path: '/part' } }],
    ],
  },
  {
    topic,
    feature: 'rewrite: uriRegexRewrite',
    objects: atX(`rewrite: { uriRegexRewrite: { match: "^/x/([^/]+)(/.*)$", rewrite: '\\2/by/\\1' } }
        ${toV2}`),
    cases: [[get(`${url}/x/foo/v1/api?q`), { who: 'v2', seen: { path: '/v1/api/by/foo?q' } }]],
  },
  {
    topic,
    feature: 'timeout; none by default',
    objects: atX(`timeout: 200ms
        ${toV2}`),
    cases: [
      [get(`${url}/x?delay=1000`), { status: 504 }],
      [get(`${url}/x`), { who: 'v2' }],
      [get(`${url}/?delay=400`), { who: 'v1' }],
    ],
    notSimulated: 'how long the service takes is not configuration',
  },
  {
    topic,
    feature: 'retries: attempts, retryOn with conditions and status codes',
    objects: reviewsRoutes(`
      - match: [{ uri: { prefix: /code } }]
        retries: { attempts: 2, retryOn: "503" }
        ${toV2}
      - match: [{ uri: { prefix: /5xx } }]
        retries: { attempts: 3, retryOn: 5xx }
        ${toV2}
      - match: [{ uri: { prefix: /off } }]
        retries: { attempts: 0 }
        ${toV2}`),
    cases: [
      [
        get(`${url}/code?status=503&times=2`),
        { who: 'v2', status: 200, heard: { v2: { '/code?status=503&times=2': 3 } } },
      ],
      [get(`${url}/code?status=503`), { status: 503, heard: { v2: { '/code?status=503': 3 } } }],
      [get(`${url}/code?status=500`), { status: 500, heard: { v2: { '/code?status=500': 1 } } }],
      [get(`${url}/5xx?status=500`), { status: 500, heard: { v2: { '/5xx?status=500': 4 } } }],
      [get(`${url}/off?status=503`), { status: 503, heard: { v2: { '/off?status=503': 1 } } }],
    ],
    notSimulated: 'what the service answers is not configuration',
  },
  {
    topic,
    feature: 'retries: two by default, on what is safe; an answer of the service is none of it',
    objects: reviewsRoutes(`
      - match: [{ uri: { prefix: /refused } }]
        route: [{ destination: { host: refusing } }]`).concat(
      '\n---\n',
      networking(
        'ServiceEntry',
        'refusing',
        `
        hosts: [refusing.shop.svc.cluster.local]
        ports: [{ number: 9080, name: http, protocol: HTTP }]
        resolution: STATIC
        endpoints: [{ address: 127.0.0.9, ports: { http: 9 } }]`,
      ),
    ),
    cases: [
      [get(`${url}/?status=503`), { status: 503, heard: { v1: { '/?status=503': 1 } } }],
      [get(`${url}/refused`), { status: 503 }],
    ],
    notSimulated: 'what the service answers is not configuration',
  },
  {
    topic,
    feature: 'retries: perTryTimeout, backoff',
    objects: atX(`retries: { attempts: 2, perTryTimeout: 150ms, retryOn: "gateway-error,reset", backoff: 10ms }
        ${toV2}`),
    cases: [
      [
        get(`${url}/x?delay=900`),
        { status: 504, heard: { v2: { '/x?delay=900': 3 } }, milliseconds: expect.closeTo(480, -3) },
      ],
    ],
    notSimulated: 'how long the service takes is not configuration',
  },
  {
    topic,
    feature: 'retries: retryIgnorePreviousHosts, another endpoint than before',
    objects: networking(
      'VirtualService',
      'reviews',
      `
      hosts: [reviews]
      http:
      - retries: { attempts: 1, retryOn: "503" }
        route: [{ destination: { host: reviews } }]`,
    ),
    cases: [
      [get(`${url}/?status=503`), { status: 503, heard: { v1: { '/?status=503': 1 }, v2: { '/?status=503': 1 } } }],
    ],
    notSimulated: 'what the service answers is not configuration',
  },
  {
    topic,
    feature: 'fault: delay, abort with a status, percentage',
    objects: reviewsRoutes(`
      - match: [{ uri: { prefix: /delay } }]
        fault: { delay: { fixedDelay: 300ms, percentage: { value: 100 } } }
        ${toV2}
      - match: [{ uri: { prefix: /none } }]
        fault: { delay: { fixedDelay: 5s }, abort: { httpStatus: 555, percentage: {} } }
        ${toV2}
      - match: [{ uri: { prefix: /abort } }]
        fault: { abort: { httpStatus: 555 } }
        ${toV2}
      - match: [{ uri: { prefix: /half } }]
        fault: { abort: { httpStatus: 555, percentage: { value: 50 } } }
        ${toV2}`),
    cases: [
      [get(`${url}/delay`), { who: 'v2', milliseconds: expect.closeTo(1300, -3.3) }],
      [get(`${url}/none`), { who: 'v2', milliseconds: expect.closeTo(1000, -3.3) }],
      [get(`${url}/abort`), { status: 555, who: undefined }],
      [get(`${url}/half`, { times: 200 }), { shares: { v2: 0.5, 555: 0.5 } }],
    ],
  },
  {
    topic,
    feature: 'fault: abort with a status of gRPC',
    objects: documents(
      networking(
        'VirtualService',
        'reviews',
        `
        hosts: [reviews]
        http:
        - match: [{ uri: { prefix: /shop.Abort } }]
          fault: { abort: { grpcStatus: UNAVAILABLE } }
          ${toV2}
        - ${toV1}`,
      ),
    ),
    cases: [
      [get('http://reviews:9070/shop.Abort/Now', { http: 'grpc' }), { status: 200, grpcStatus: 14, who: undefined }],
      [get('http://reviews:9070/shop.Reviews/Get', { http: 'grpc' }), { who: 'v1', grpcStatus: 0 }],
    ],
  },
  {
    topic,
    feature: 'mirror and mirrors, with percentage',
    objects: reviewsRoutes(`
      - match: [{ uri: { prefix: /one } }]
        mirror: { host: reviews, subset: v2 }
        ${toV1}
      - match: [{ uri: { prefix: /two } }]
        mirrors:
        - { destination: { host: reviews, subset: v2 } }
        - { destination: { host: stranger.other.svc.cluster.local, port: { number: 9080 } } }
        ${toV1}
      - match: [{ uri: { prefix: /none } }]
        mirror: { host: reviews, subset: v2 }
        mirrorPercentage: { value: 0 }
        ${toV1}`),
    cases: [
      [get(`${url}/one`), { who: 'v1', heard: { v1: { '/one': 1 }, v2: { '/one': 1 } } }],
      [get(`${url}/two`), { who: 'v1', heard: { v2: { '/two': 1 }, stranger: { '/two': 1 } } }],
      [get(`${url}/none`), { who: 'v1', heard: { v2: { '/none': 0 } } }],
    ],
  },
  {
    topic,
    feature: 'corsPolicy: origins by StringMatch, methods, headers, credentials, maxAge',
    objects: atX(`corsPolicy:
          allowOrigins: [{ exact: "https://shop.example" }, { regex: "https://.*[.]dev[.]example" }]
          allowMethods: [GET, PUT]
          allowHeaders: [x-custom]
          exposeHeaders: [x-shop]
          allowCredentials: true
          maxAge: 1h
        ${toV2}`),
    cases: [
      [
        get(`${url}/x`, {
          method: 'OPTIONS',
          headers: { origin: 'https://shop.example', 'access-control-request-method': 'PUT' },
        }),
        {
          who: undefined,
          status: 200,
          headers: {
            'access-control-allow-origin': 'https://shop.example',
            'access-control-allow-methods': 'GET,PUT',
            'access-control-allow-headers': 'x-custom',
            'access-control-allow-credentials': 'true',
            'access-control-max-age': '3600',
          },
        },
      ],
      [
        get(`${url}/x`, { headers: { origin: 'https://a.dev.example' } }),
        {
          who: 'v2',
          headers: {
            'access-control-allow-origin': 'https://a.dev.example',
            'access-control-expose-headers': 'x-shop',
          },
        },
      ],
      [
        get(`${url}/x`, { headers: { origin: 'https://evil.example' } }),
        { who: 'v2', headers: expect.not.objectContaining({ 'access-control-allow-origin': expect.anything() }) },
      ],
    ],
  },
  {
    topic,
    feature: 'corsPolicy: unmatchedPreflights',
    objects: reviewsRoutes(`
      - match: [{ uri: { prefix: /forward } }]
        corsPolicy: { allowOrigins: [{ exact: "https://shop.example" }], unmatchedPreflights: FORWARD }
        ${toV2}
      - match: [{ uri: { prefix: /ignore } }]
        corsPolicy: { allowOrigins: [{ exact: "https://shop.example" }], unmatchedPreflights: IGNORE }
        ${toV2}`),
    cases: ['/forward', '/ignore'].map((path) => [
      get(`${url}${path}`, {
        method: 'OPTIONS',
        headers: { origin: 'https://evil.example', 'access-control-request-method': 'PUT' },
      }),
      { who: path === '/forward' ? 'v2' : undefined },
    ]),
  },
  {
    topic,
    feature: 'HTTP/2 and gRPC are routed like HTTP/1.1',
    objects: networking(
      'VirtualService',
      'reviews',
      `
      hosts: [reviews]
      http:
      - match: [{ uri: { exact: /shop.Reviews/Get } }, { headers: { x-v2: { exact: "yes" } } }]
        ${toV2}
      - ${toV1}`,
    ),
    cases: [
      [get('http://reviews:9070/shop.Reviews/Get', { http: 'grpc' }), { who: 'v2', grpcStatus: 0 }],
      [get('http://reviews:9070/shop.Reviews/Put', { http: 'grpc' }), { who: 'v1', grpcStatus: 0 }],
      [
        get('http://reviews:9070/any', { http: '2', headers: { 'x-v2': 'yes' } }),
        { who: 'v2', seen: { httpVersion: '2.0' } },
      ],
      [
        get('http://reviews:9080/any', { http: '2', headers: { 'x-v2': 'yes' } }),
        { who: 'v2', seen: { httpVersion: '1.1' } },
      ],
    ],
  },
];
