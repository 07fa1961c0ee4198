/** DestinationRule: what bounds a client keeps to, and which endpoints it leaves alone. */
import { type Behaviour, get, tcp } from '../behaviour';
import { documents, networking } from './objects';

const topic = 'DestinationRule';
const url = 'http://reviews:9080';

/** All requests go to v1, under this policy. @param policy YAML in flow style. */
const onlyV1 = (policy: string, more = '') =>
  documents(
    networking(
      'DestinationRule',
      'reviews',
      `host: reviews\ntrafficPolicy: ${policy}\nsubsets: [{ name: v1, labels: { version: v1 } }]`,
    ),
    networking(
      'VirtualService',
      'reviews',
      `hosts: [reviews]
http:
- route: [{ destination: { host: reviews, subset: v1 } }]
  retries: { attempts: 0 }${more}`,
    ),
  );

const ejection = (settings: string) =>
  `{ outlierDetection: { interval: 100ms, baseEjectionTime: 30s, maxEjectionPercent: 100, ${settings} } }`;

const DEPENDS = 'what is ejected depends on what services do';
const BUSY = 'what is refused depends on what is under way';

export const resilience: Behaviour[] = [
  {
    topic,
    feature: 'connectionPool: tcp.maxConnections, http.http1MaxPendingRequests; what is too much answers 503',
    objects: onlyV1('{ connectionPool: { tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1 } } }'),
    cases: [
      [get(`${url}/`), { status: 200 }],
      [get(`${url}/?delay=300`, { times: 25 }), { shares: { v1: 0.08, '503': 0.92 } }],
    ],
    notSimulated: BUSY,
  },
  {
    topic,
    feature: 'connectionPool: tcp.maxConnections for bytes',
    onlyTransparent: 'without redirection there is nothing but HTTP on the way out',
    objects: documents(
      networking(
        'DestinationRule',
        'reviews',
        `host: reviews
trafficPolicy: { connectionPool: { tcp: { maxConnections: 1, connectTimeout: 2s, idleTimeout: 60s } } }
subsets: [{ name: v1, labels: { version: v1 } }]`,
      ),
      networking(
        'VirtualService',
        'reviews',
        'hosts: [reviews]\ntcp: [{ route: [{ destination: { host: reviews, subset: v1 } }] }]',
      ),
    ),
    cases: [[tcp('reviews:9000'), { who: 'v1' }]],
  },
  {
    topic,
    feature: 'connectionPool: http.http2MaxRequests, maxRequestsPerConnection, idleTimeout',
    objects: onlyV1(
      '{ connectionPool: { http: { http2MaxRequests: 1, maxRequestsPerConnection: 10, idleTimeout: 30s } } }',
    ),
    cases: [
      [get(`${url}/`), { status: 200 }],
      [get(`${url}/?delay=300`, { times: 25 }), { shares: { v1: 0.04, '503': 0.96 } }],
    ],
    notSimulated: BUSY,
  },
  {
    topic,
    feature: 'connectionPool: http.useClientProtocol, HTTP/2 stays HTTP/2',
    objects: documents(
      `apiVersion: v1
kind: Service
metadata: { name: two, namespace: shop }
spec: { selector: { app: reviews }, ports: [{ name: http, port: 9080, targetPort: 8070 }] }`,
      networking(
        'DestinationRule',
        'two',
        'host: two\ntrafficPolicy: { connectionPool: { http: { useClientProtocol: true } } }',
      ),
    ),
    cases: [[get('http://two:9080/', { http: '2' }), { status: 200, seen: { httpVersion: '2.0' } }]],
  },
  {
    topic,
    feature: 'outlierDetection: consecutive5xxErrors, interval, baseEjectionTime, maxEjectionPercent',
    objects: onlyV1(ejection('consecutive5xxErrors: 2')),
    cases: [
      [get(`${url}/?status=500`), { status: 500, who: 'v1' }],
      [get(`${url}/`), { status: 200, who: 'v1' }],
      [get(`${url}/?status=500`, { times: 3 }), {}],
      [get(`${url}/`), { status: 503, who: undefined }],
    ],
    notSimulated: DEPENDS,
  },
  {
    topic,
    feature: 'outlierDetection: outlierDetectionHttpErrorCodes count in place of 5xx',
    objects: onlyV1(ejection('consecutive5xxErrors: 2, outlierDetectionHttpErrorCodes: [429, 418]')),
    cases: [
      [get(`${url}/?status=500`, { times: 10 }), { status: 500, who: 'v1' }],
      [get(`${url}/`), { status: 200, who: 'v1' }],
      [get(`${url}/?status=429`, { times: 3 }), {}],
      [get(`${url}/`), { status: 503, who: undefined }],
    ],
    notSimulated: DEPENDS,
  },
  {
    topic,
    feature: 'outlierDetection: consecutiveGatewayErrors count 502, 503 and 504 only',
    objects: onlyV1(ejection('consecutive5xxErrors: 0, consecutiveGatewayErrors: 1')),
    cases: [
      [get(`${url}/?status=500`, { times: 10 }), { status: 500, who: 'v1' }],
      [get(`${url}/?status=502`), {}],
      [get(`${url}/`), { status: 503, who: undefined }],
    ],
    notSimulated: DEPENDS,
  },
  {
    topic,
    feature:
      'outlierDetection: splitExternalLocalOriginErrors, consecutiveLocalOriginFailures: endpoints nobody answers at',
    onlyTransparent: 'the addresses of Pods are those of transparent capture',
    objects: documents(
      `apiVersion: v1
kind: Service
metadata: { name: half, namespace: shop }
spec: { selector: { app: nobody }, ports: [{ name: http, port: 80 }] }`,
      `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: half-a, namespace: shop, labels: { kubernetes.io/service-name: half } }
addressType: IPv4
ports: [{ name: http, port: 8080 }]
endpoints: [{ addresses: ["198.19.200.200"] }]`,
      networking(
        'DestinationRule',
        'half',
        `host: half
trafficPolicy:
  connectionPool: { tcp: { connectTimeout: 100ms } }
  outlierDetection: { consecutive5xxErrors: 0, splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2, interval: 100ms, baseEjectionTime: 30s, maxEjectionPercent: 100 }`,
      ),
      networking(
        'VirtualService',
        'half',
        'hosts: [half]\nhttp: [{ route: [{ destination: { host: half } }], retries: { attempts: 0 } }]',
      ),
    ),
    cases: [
      [get('http://half/'), { status: 503, body: expect.stringContaining('connect') }],
      [get('http://half/', { times: 3 }), {}],
      [get('http://half/'), { status: 503, body: 'no healthy upstream' }],
    ],
    notSimulated: DEPENDS,
  },
  {
    topic,
    feature: 'outlierDetection: minHealthPercent; below it, all endpoints are used',
    objects: onlyV1(ejection('consecutive5xxErrors: 1, minHealthPercent: 50')),
    cases: [
      [get(`${url}/?status=503`, { times: 5 }), { status: 503, who: 'v1' }],
      [get(`${url}/`, { times: 10 }), { status: 200, who: 'v1' }],
    ],
    notSimulated: DEPENDS,
  },
  {
    topic,
    feature: 'proxyProtocol: the client’s address is told to the server',
    onlyTransparent: 'without redirection there is nothing but HTTP on the way out',
    objects: networking(
      'DestinationRule',
      'outside',
      'host: outside.outside.svc.cluster.local\ntrafficPolicy: { proxyProtocol: { version: V1 } }',
    ),
    cases: [
      [tcp('outside.outside:9000'), { who: 'outside', body: expect.stringMatching(/\nPROXY TCP4 .*\r\nhello$/) }],
    ],
  },
];
