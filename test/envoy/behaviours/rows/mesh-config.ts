/** Defaults of the mesh configuration, where no object says otherwise. */
import { type Behaviour, get } from '../behaviour';
import { documents, networking, reviewsRoutes } from './objects';

const topic = 'MeshConfig';

const meshConfig = (text: string) => `apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: '${text}' }`;

const reviews = 'http://reviews.shop:9080/';
const client = 'http://client.shop:9080/';
const marked = (host: string, more = '') =>
  `hosts: [${host}]\nhttp: [{ headers: { response: { set: { rule: ${host} } } }, route: [{ destination: { host: ${host} } }] }]${more}`;
const unmarked = expect.not.objectContaining({ rule: expect.any(String) });
const byUser = { headers: { user: 'jason' }, times: 60 };
const unknown = { status: 502, who: undefined } as const;

export const meshConfigRows: Behaviour[] = [
  {
    topic,
    feature: 'defaultVirtualServiceExportTo; an exportTo of its own goes before',
    objects: documents(
      meshConfig('defaultVirtualServiceExportTo: ["."]'),
      networking('VirtualService', 'reviews', marked('reviews')),
      networking('VirtualService', 'client', marked('client', '\nexportTo: ["*"]')),
    ),
    cases: [
      [get(reviews), { status: 200, headers: { rule: 'reviews' } }],
      [get(reviews, { from: 'stranger' }), { status: 200, headers: unmarked }],
      [get(client, { from: 'stranger' }), { status: 200, headers: { rule: 'client' } }],
    ],
  },
  {
    topic,
    feature: 'defaultDestinationRuleExportTo',
    objects: documents(
      meshConfig('defaultDestinationRuleExportTo: ["."]'),
      networking(
        'DestinationRule',
        'reviews',
        'host: reviews\ntrafficPolicy: { loadBalancer: { consistentHash: { httpHeaderName: user } } }',
      ),
    ),
    cases: [
      [get(reviews, byUser), { status: 200, alike: true }],
      [get(reviews, { from: 'stranger', ...byUser }), { shares: { v1: 0.5, v2: 0.5 } }],
    ],
  },
  {
    topic,
    feature: 'defaultServiceExportTo: services that only their own namespace sees',
    objects: meshConfig('{ defaultServiceExportTo: ["."], outboundTrafficPolicy: { mode: REGISTRY_ONLY } }'),
    cases: [
      [get(reviews), { status: 200 }],
      [get(reviews, { from: 'stranger' }), unknown],
    ],
  },
  {
    topic,
    feature: 'discoverySelectors: namespaces that the mesh does not look at',
    objects: meshConfig(
      '{ discoverySelectors: [{ matchLabels: { istio-injection: enabled } }], outboundTrafficPolicy: { mode: REGISTRY_ONLY } }',
    ),
    cases: [
      [get('http://stranger.other:9080/'), { who: 'stranger' }],
      [get('http://outside.outside:9080/'), unknown],
    ],
  },
  {
    topic,
    feature: 'defaultHttpRetryPolicy',
    objects: meshConfig('defaultHttpRetryPolicy: { attempts: 2, retryOn: "503", backoff: 10ms }'),
    cases: [
      [
        get(`${client}again?status=503&times=2`, { from: 'stranger' }),
        { status: 200, heard: { client: { '/again?status=503&times=2': 3 } } },
      ],
      [
        get(`${client}failing?status=503&times=9`, { from: 'stranger' }),
        { status: 503, heard: { client: { '/failing?status=503&times=9': 3 } } },
      ],
    ],
    notSimulated: 'whether it is tried again depends on what services do',
  },
  {
    topic,
    feature: 'localityLbSetting of the mesh, where outliers are detected',
    objects: documents(
      meshConfig('localityLbSetting: { failoverPriority: ["version=v2"] }'),
      networking('DestinationRule', 'reviews', 'host: reviews\ntrafficPolicy: { outlierDetection: {} }'),
    ),
    cases: [[get(reviews, { times: 30 }), { who: 'v2' }]],
  },
  {
    topic,
    feature: 'pathNormalization MERGE_SLASHES',
    objects: documents(
      meshConfig('pathNormalization: { normalization: MERGE_SLASHES }'),
      reviewsRoutes('- { match: [{ uri: { exact: /a/b } }], directResponse: { status: 299 } }'),
    ),
    cases: [
      [get(`${reviews}a//b`), { status: 299 }],
      [get(`${reviews}a%2Fb`), { who: 'v1', status: 200 }],
    ],
    notSimulated: 'paths are simulated as they are after that',
  },
  {
    topic,
    feature: 'pathNormalization DECODE_AND_MERGE_SLASHES',
    objects: documents(
      meshConfig('pathNormalization: { normalization: DECODE_AND_MERGE_SLASHES }'),
      reviewsRoutes('- { match: [{ uri: { exact: /a/b } }], directResponse: { status: 299 } }'),
    ),
    cases: [[get(`${reviews}a%2F%2fb`), { status: 299 }]],
    notSimulated: 'paths are simulated as they are after that',
  },
];
