/** DestinationRule: what is done with requests once their service is known. */
import { type Behaviour, get } from '../behaviour';
import { documents, networking } from './objects';

const topic = 'DestinationRule';

const rule = (policy: string, more = '') => `
      apiVersion: networking.istio.io/v1
      kind: DestinationRule
      metadata: { name: reviews, namespace: shop }
      spec:
        host: reviews
        trafficPolicy: ${policy}
        subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]
        ${more}`;

/** The Pods of the cast, at places. */
const places = Object.entries({ client: 'r1.z1', 'reviews-v1': 'r1.z1', 'reviews-v2': 'r1.z2' })
  .map(([name, place]) => {
    const [app, version = 'v1'] = name.split('-');
    return `
      apiVersion: v1
      kind: Pod
      metadata: { name: ${name}, namespace: shop, labels: { app: ${app}, version: ${version}, istio-locality: ${place} } }
      spec: { serviceAccountName: ${name}, containers: [{ name: app }] }`;
  })
  .join('\n---\n');

export const destinationRule: Behaviour[] = [
  {
    topic,
    feature: 'lookup: the client’s namespace before the service’s, that before the root',
    objects: `
      apiVersion: networking.istio.io/v1
      kind: DestinationRule
      metadata: { name: root, namespace: istio-system }
      spec: { host: "*.shop.svc.cluster.local", trafficPolicy: { tls: { mode: SIMPLE } } }
---${rule('{ tls: { mode: DISABLE } }', 'exportTo: ["*"]')}
---
      apiVersion: networking.istio.io/v1
      kind: DestinationRule
      metadata: { name: own, namespace: other }
      spec: { host: client.shop.svc.cluster.local, trafficPolicy: { tls: { mode: DISABLE } } }`,
    cases: [
      [get('http://client:9080/', { from: 'reviews-v1' }), { status: 503, who: undefined }],
      [get('http://reviews:9080/'), { status: 200 }],
      [get('http://reviews.shop:9080/', { from: 'stranger' }), { status: 200 }],
      [get('http://client.shop:9080/', { from: 'stranger' }), { status: 200 }],
    ],
    notSimulated: 'a failing TLS handshake depends on the service',
  },
  {
    topic,
    feature: 'portLevelSettings replace the policy of the host',
    objects: rule(
      '{ connectionPool: { http: { http1MaxPendingRequests: 1 } }, portLevelSettings: [{ port: { number: 9080 }, loadBalancer: { simple: RANDOM } }] }',
    ),
    cases: [[get('http://reviews:9080/', { times: 100 }), { shares: { v1: 0.5, v2: 0.5 } }]],
  },
  {
    topic,
    feature: 'subsets by labels, with policies of their own',
    objects: `${rule('{ loadBalancer: { simple: ROUND_ROBIN } }')}
---
      apiVersion: networking.istio.io/v1
      kind: VirtualService
      metadata: { name: reviews, namespace: shop }
      spec: { hosts: [reviews], http: [{ route: [{ destination: { host: reviews, subset: v2 } }] }] }`,
    cases: [[get('http://reviews:9080/', { times: 20 }), { who: 'v2' }]],
  },
  {
    topic,
    feature: 'workloadSelector: for some clients of its namespace only',
    objects: `
      apiVersion: networking.istio.io/v1
      kind: DestinationRule
      metadata: { name: for-client, namespace: shop }
      spec:
        workloadSelector: { matchLabels: { app: client } }
        host: stranger.other.svc.cluster.local
        trafficPolicy: { connectionPool: { tcp: { connectTimeout: 3s } }, tls: { mode: SIMPLE } }`,
    cases: [
      [get('http://stranger.other:9080/'), { status: 503, who: undefined }],
      [get('http://stranger.other:9080/', { from: 'reviews-v1' }), { status: 200 }],
    ],
    notSimulated: 'a failing TLS handshake depends on the service',
  },
  {
    topic,
    feature: 'localityLbSetting: distribute',
    objects: `${rule(
      '{ loadBalancer: { simple: RANDOM, localityLbSetting: { distribute: [{ from: r1/z1/*, to: { r1/z1/*: 80, r1/z2/*: 20 } }] } } }',
    )}
---${places}`,
    cases: [[get('http://reviews:9080/', { times: 200 }), { shares: { v1: 0.8, v2: 0.2 } }]],
  },
  {
    topic,
    feature: 'localityLbSetting: failover stays near as long as near endpoints work',
    objects: `${rule('{ outlierDetection: { consecutive5xxErrors: 1, interval: 100ms, baseEjectionTime: 20s, maxEjectionPercent: 100 } }')}
---${places}`,
    cases: [
      [get('http://reviews:9080/', { times: 50 }), { who: 'v1' }],
      [get('http://reviews:9080/?status=503'), { status: 503 }],
      [get('http://reviews:9080/', { times: 20 }), { who: 'v2' }],
    ],
    notSimulated: 'what is ejected depends on what services do',
  },
  {
    topic,
    feature: 'localityLbSetting: failoverPriority by labels',
    objects: `${rule('{ outlierDetection: {}, loadBalancer: { localityLbSetting: { failoverPriority: ["version=v2"] } } }')}
---${places}`,
    cases: [[get('http://reviews:9080/', { times: 50 }), { who: 'v2' }]],
  },
  {
    topic,
    feature: 'connectionPool http: h2UpgradePolicy, maxConcurrentStreams, http2KeepAlive',
    objects:
      rule(
        '{ connectionPool: { http: { h2UpgradePolicy: UPGRADE, maxConcurrentStreams: 8, http2KeepAlive: { interval: 10s } } } }',
      ).replace('host: reviews', 'host: two') +
      `
---
      apiVersion: v1
      kind: Service
      metadata: { name: two, namespace: shop }
      spec: { selector: { app: reviews }, ports: [{ name: http, port: 9080, targetPort: 8070 }] }`,
    cases: [[get('http://two:9080/', { times: 10 }), { status: 200, seen: { httpVersion: '2.0' } }]],
  },
  {
    topic,
    feature: 'retryBudget: budgetInterval, a share of the requests within a time',
    objects: documents(
      networking(
        'DestinationRule',
        'budget',
        'host: client.shop.svc.cluster.local\ntrafficPolicy: { retryBudget: { percent: 10, minRetryConcurrency: 0, budgetInterval: 60s } }',
      ),
      networking(
        'VirtualService',
        'client',
        'hosts: [client]\nhttp: [{ route: [{ destination: { host: client } }], retries: { attempts: 1, retryOn: "503" } }]',
      ),
    ),
    cases: [
      [get('http://client.shop:9080/first?status=503&times=1', { from: 'stranger' }), { status: 503 }],
      [get('http://client.shop:9080/', { from: 'stranger', times: 40 }), { status: 200 }],
      [get('http://client.shop:9080/second?status=503&times=1', { from: 'stranger' }), { status: 200 }],
    ],
    notSimulated: 'what is tried again depends on what services do',
    onlyNewest: 'older Envoys count the requests under way',
  },
  {
    topic,
    feature: 'warmup, tcpKeepalive, idle times and retryBudget, beside the others',
    objects: rule(
      '{ loadBalancer: { simple: ROUND_ROBIN, warmup: { duration: 10s, minimumPercent: 10, aggression: 1 } }, connectionPool: { tcp: { connectTimeout: 2s, tcpKeepalive: { time: 60s }, maxConnectionDuration: 60s }, http: { idleTimeout: 30s, maxRequestsPerConnection: 3, maxRetries: 2 } }, retryBudget: { percent: 50 } }',
    ),
    cases: [[get('http://reviews:9080/', { times: 50 }), { status: 200 }]],
  },
];
