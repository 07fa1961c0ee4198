/** Ingresses of Kubernetes at the gateway that is meant for them. */
import type { Secret } from '../../../../lib/api/kubernetes';
import { type Behaviour, get } from '../behaviour';
import { documents } from './objects';
import { parsed } from './parsed';

const topic = 'Ingress';

const to = (name: string, port = '{ number: 9080 }') => `{ service: { name: ${name}, port: ${port} } }`;

const ingress = (name: string, spec: string, { annotation = '', namespace = 'shop', created = '' } = {}) => `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: ${name}, namespace: ${namespace}${annotation && `, annotations: { kubernetes.io/ingress.class: ${annotation} }`}${created && `, creationTimestamp: "${created}"`} }
spec:
${spec}`;

const meshConfig = (text: string) => `
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "${text}" }`;

const beside = (secret: Secret): Secret => ({ ...secret, metadata: { ...secret.metadata, namespace: 'other' } });

const fromEdge = { from: 'edge' } as const;
const at = (url: string) => get(url, fromEdge);
const REVIEWS = expect.stringMatching(/^v[12]$/) as never;
const nobody = { status: 404, who: undefined } as const;

export const ingressRows: Behaviour[] = [
  {
    topic,
    feature:
      'path types and hosts: the most specific host, then the longest path; of several Ingresses, as if they were one',
    objects: documents(
      ingress(
        'main',
        `  ingressClassName: istio
  defaultBackend: ${to('client')}
  rules:
  - host: shop.example
    http:
      paths:
      - { path: /, pathType: Prefix, backend: ${to('reviews')} }
      - { path: /foo, pathType: Prefix, backend: ${to('client')} }
      - { path: /foo, pathType: Exact, backend: ${to('outside-name')} }
      - { path: /named, pathType: Prefix, backend: ${to('client', '{ name: http }')} }
      - { path: "/impl.*", pathType: ImplementationSpecific, backend: ${to('client')} }
      - { path: /whole, pathType: ImplementationSpecific, backend: ${to('client')} }
  - host: "*.dev.example"
    http: { paths: [{ path: /, pathType: Prefix, backend: ${to('reviews')} }] }
  - host: only.example
    http: { paths: [{ path: /only, pathType: Prefix, backend: ${to('reviews')} }] }`,
        { created: '2026-01-01T00:00:00Z' },
      ),
      ingress(
        'more',
        `  ingressClassName: istio
  rules:
  - host: shop.example
    http: { paths: [{ path: /foo/longer, pathType: Prefix, backend: ${to('reviews')} }] }`,
        { created: '2026-01-02T00:00:00Z' },
      ),
    ),
    cases: [
      [at('http://shop.example/'), { status: 200, who: REVIEWS }],
      [at('http://shop.example/foo/'), { who: 'client' }],
      [at('http://shop.example/foo/bar'), { who: 'client' }],
      [at('http://shop.example/foobar'), { who: REVIEWS }],
      // The service of the exact path is not there.
      [at('http://shop.example/foo'), { status: 503, who: undefined }],
      [at('http://shop.example/foo/longer/x'), { who: REVIEWS }],
      [at('http://shop.example/named'), { who: 'client' }],
      [at('http://shop.example/implicit'), { who: 'client' }],
      [at('http://shop.example/whole'), { who: 'client' }],
      [at('http://shop.example/whole/part'), { who: REVIEWS }],
      [at('http://one.dev.example/'), { who: REVIEWS }],
      // A wildcard is for one label; what no rule takes goes to the default.
      [at('http://two.one.dev.example/'), { who: 'client' }],
      [at('http://only.example/else'), { who: 'client' }],
      [at('http://unknown.example/'), { who: 'client' }],
    ],
  },
  {
    topic,
    feature: 'tls: the Secret beside the Ingress, by the server name',
    objects: (given) => [
      ...parsed(
        ingress(
          'secure',
          `  ingressClassName: istio
  tls:
  - { hosts: [shop.example], secretName: shop-tls }
  - { hosts: [second.example], secretName: second-tls }
  rules:
  - host: shop.example
    http: { paths: [{ path: /, pathType: Prefix, backend: ${to('stranger')} }] }
  - host: second.example
    http: { paths: [{ path: /, pathType: Prefix, backend: ${to('stranger')} }] }`,
          { namespace: 'other' },
        ),
      ),
      beside(given.secret('shop-tls')),
      beside(given.secret('second-tls', 'second')),
    ],
    cases: [
      [at('https://shop.example/'), { status: 200, who: 'stranger' }],
      [at('https://second.example/'), { status: 200, who: 'stranger', tls: { subject: 'DNS:second.example' } }],
      [at('http://shop.example/'), { status: 200, who: 'stranger' }],
    ],
  },
  {
    topic,
    feature: 'which Ingresses are served: by class, annotation and IngressClass',
    objects: documents(
      ...(
        [
          ['annotated', '', 'istio'],
          ['theirs', '', 'nginx'],
          ['classless', '', ''],
          ['classed', '  ingressClassName: ours\n', ''],
          ['unclassed', '  ingressClassName: theirs\n', ''],
        ] as const
      ).map(([name, spec, annotation]) =>
        ingress(
          name,
          `${spec}  rules: [{ host: ${name}.example, http: { paths: [{ path: /, pathType: Prefix, backend: ${to('reviews')} }] } }]`,
          { annotation },
        ),
      ),
      'apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: { name: ours }\nspec: { controller: istio.io/ingress-controller }',
      'apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: { name: theirs }\nspec: { controller: k8s.io/ingress-nginx }',
    ),
    cases: [
      [at('http://annotated.example/'), { status: 200 }],
      [at('http://classed.example/'), { status: 200 }],
      [at('http://theirs.example/'), nobody],
      [at('http://unclassed.example/'), nobody],
      [at('http://classless.example/'), nobody],
    ],
  },
  {
    topic: 'MeshConfig',
    feature: 'ingressClass, ingressControllerMode DEFAULT, ingressSelector',
    objects: documents(
      meshConfig('{ ingressClass: house, ingressControllerMode: DEFAULT, ingressSelector: egressgateway }'),
      ...(
        [
          ['classless', ''],
          ['house', 'house'],
          ['theirs', 'istio'],
        ] as const
      ).map(([name, annotation]) =>
        ingress(
          name,
          `  rules: [{ host: ${name}.example, http: { paths: [{ path: /, pathType: Prefix, backend: ${to('reviews')} }] } }]`,
          { annotation },
        ),
      ),
    ),
    cases: [
      [get('http://classless.example/', { from: 'egress' }), { status: 200 }],
      [get('http://house.example/', { from: 'egress' }), { status: 200 }],
      [get('http://theirs.example/', { from: 'egress' }), nobody],
      [at('http://classless.example/'), { refused: expect.any(String) }],
    ],
  },
];
