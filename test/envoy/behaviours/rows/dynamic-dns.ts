/** Destinations that the proxy finds by the name that a client asks for. What the machine's own names resolve to decides. */
import { type Behaviour, get } from '../behaviour';
import { addressOf, documents, networking } from './objects';

const topic = 'ServiceEntry';
const BY_NAME = 'the names of other hosts are those of transparent capture';
const notSimulated = 'DNS decides';

/** An address at which nobody is: whoever answers was found by the name. */
const NOWHERE = '198.19.99.99';

const meshConfig = (policy: string) => `
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "outboundTrafficPolicy: { mode: ${policy} }" }`;

/** The client sees nothing of the namespace \`outside\`, so that its names are unknown to the mesh. */
const narrowed = networking(
  'Sidecar',
  'client',
  'workloadSelector: { labels: { app: client } }\negress: [{ hosts: ["./*"] }]',
);

const wild = (host: string) =>
  networking(
    'ServiceEntry',
    'wild',
    `hosts: ["${host}"]
ports: [{ number: 9080, name: http, protocol: HTTP }, { number: 9443, name: tls, protocol: TLS }]
resolution: DYNAMIC_DNS`,
  );

const outside = 'outside.outside.svc.cluster.local';

export const dynamicDns: Behaviour[] = [
  {
    topic,
    feature: 'resolution DYNAMIC_DNS: whatever host below a wildcard, by the authority or the server name',
    onlyTransparent: BY_NAME,
    notSimulated,
    objects: documents(meshConfig('REGISTRY_ONLY'), narrowed, wild('*.outside.svc.cluster.local')),
    cases: [
      [get(`http://${outside}:9080/`, { address: NOWHERE }), { status: 200, who: 'outside' }],
      [get(`http://nobody.${outside}:9080/`, { address: NOWHERE }), { status: 503, who: undefined }],
      [get(`https://${outside}:9443/`, { address: NOWHERE }), { who: 'outside', seen: { sni: outside } }],
      // Only at the ports of the entry, and only below the wildcard.
      [
        get(`http://${outside}:9080/`, { address: NOWHERE, authority: `${outside}:9070` }),
        { status: 403, who: undefined },
      ],
      [get('http://other.example:9080/', { address: addressOf('outside') }), { status: 502, who: undefined }],
      [
        get(`https://${outside}:9443/`, { address: NOWHERE, sni: 'other.example' }),
        { who: undefined, refused: expect.any(String) },
      ],
    ],
  },
  {
    topic,
    feature: 'resolution DYNAMIC_DNS: no name leads to the host of the proxy itself',
    notSimulated,
    objects: wild('*.localhost'),
    cases: [
      [
        get('http://one.localhost:9080/', { address: NOWHERE }),
        { status: 403, who: undefined, body: 'RBAC: access denied' },
      ],
    ],
  },
  {
    topic,
    feature: 'resolution DYNAMIC_DNS: a route that writes an authority, below the wildcard or not',
    onlyTransparent: BY_NAME,
    notSimulated,
    objects: documents(
      narrowed,
      wild('*.outside.svc.cluster.local'),
      networking(
        'VirtualService',
        'reviews',
        `hosts: [reviews]
http:
- match: [{ uri: { prefix: /outside } }]
  rewrite: { authority: "${outside}:9080" }
  route: [{ destination: { host: "*.outside.svc.cluster.local", port: { number: 9080 } } }]
- match: [{ uri: { prefix: /inside } }]
  rewrite: { authority: "client.shop.svc.cluster.local:9080" }
  route: [{ destination: { host: "*.outside.svc.cluster.local", port: { number: 9080 } } }]
- route: [{ destination: { host: "*.outside.svc.cluster.local", port: { number: 9080 } } }]`,
      ),
    ),
    cases: [
      [get('http://reviews:9080/outside'), { who: 'outside', seen: { headers: { host: `${outside}:9080` } } }],
      [get('http://reviews:9080/inside'), { status: 403, who: undefined }],
      [get('http://reviews:9080/'), { status: 403, who: undefined }],
    ],
  },
  {
    topic: 'MeshConfig',
    feature: 'outboundTrafficPolicy ALLOW_ANY_DYNAMIC_DNS: unknown hosts are resolved by the proxy',
    onlyTransparent: BY_NAME,
    notSimulated,
    objects: documents(meshConfig('ALLOW_ANY_DYNAMIC_DNS'), narrowed),
    cases: [
      // At a port of the mesh, and at one that no service has.
      [get(`http://${outside}:9080/`, { address: NOWHERE }), { status: 200, who: 'outside' }],
      [get(`http://${addressOf('outside')}:8080/`, { address: NOWHERE }), { status: 200, who: 'outside' }],
      // What is no HTTP goes where it was sent.
      [get('https://nobody.example:8443/', { address: addressOf('outside') }), { who: 'outside' }],
    ],
  },
  {
    topic: 'MeshConfig',
    feature:
      'outboundTrafficPolicy ALLOW_ANY_DYNAMIC_DNS: no name leads to the host of the proxy itself, or to its link',
    notSimulated,
    objects: meshConfig('ALLOW_ANY_DYNAMIC_DNS'),
    cases: [
      [get('http://one.localhost:9080/', { address: NOWHERE }), { status: 403, who: undefined }],
      [get('http://169.254.169.254:9080/latest/', { address: NOWHERE }), { status: 403, who: undefined }],
    ],
  },
];
