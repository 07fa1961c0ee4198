/** BackendTLSPolicy of the Gateway API: TLS towards backends, of gateways and of clients in the mesh. */
import { type Behaviour, get } from '../behaviour';
import type { Given } from '../given';
import { api, documents, edge, fromEdge, http } from './gateway-api-objects';
import { parsed } from './parsed';

const topic = 'Gateway API: BackendTLSPolicy';

/** Names of the certificate that the Pods have. */
const NAME = 'api.outside.example';
const served = { status: 200, who: 'outside' as const, seen: { sni: NAME } };
const refused = { status: 503, who: undefined };
const HANDSHAKE = 'a failing TLS handshake depends on the service';

/** Ports beyond the mesh, where the application ends TLS. @param ports in YAML's flow style. */
const service = (name: string, ports = '{ name: http, port: 443, targetPort: 8443 }') =>
  `{ apiVersion: v1, kind: Service, metadata: { name: ${name}, namespace: outside }, spec: { selector: { app: outside }, ports: [${ports}] } }`;

const TRUSTED = 'caCertificateRefs: [{ group: "", kind: ConfigMap, name: ca }]';
const policy = (name: string, validation: string, { target = name, section = '', created = '' } = {}) =>
  api(
    'BackendTLSPolicy',
    name,
    `{ targetRefs: [{ group: "", kind: Service, name: ${target}${section && `, sectionName: ${section}`} }], validation: { hostname: ${NAME}, ${validation} } }`,
    'outside',
    created,
  );

const authority = (given: Given) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'ca', namespace: 'outside' },
  data: { 'ca.crt': given.authority.certPem },
});

/** Each backend has a path of its own name. */
const routed = (...backends: string[]) =>
  api(
    'HTTPRoute',
    'route',
    `{ parentRefs: [{ name: edge }], rules: [${backends
      .map((each) => {
        const [name, port = '443'] = each.split(':');
        return `{ matches: [{ path: { value: "/${each}" } }], backendRefs: [{ name: ${name}, namespace: outside, port: ${port} }] }`;
      })
      .join(', ')}] }`,
  );
const GRANT = api(
  'ReferenceGrant',
  'grant',
  '{ from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop }], to: [{ group: "", kind: Service }] }',
  'outside',
);
const at = (path: string) => fromEdge(`http://shop.example${path}`);
const gateway = edge(http());

export const backendTlsOfGatewayApi: Behaviour[] = [
  {
    topic,
    feature:
      'BackendTLSPolicy: caCertificateRefs and hostname; what is not trusted, or has another name, is not spoken to',
    objects: (given) => [
      ...parsed(
        documents(
          gateway,
          routed('good', 'undeclared', 'untrusted', 'misnamed', 'broken'),
          GRANT,
          ...['good', 'untrusted', 'misnamed', 'broken'].map((name) => service(name)),
          service('undeclared', '{ name: secure, port: 443, targetPort: 8443, appProtocol: HTTPS }'),
          policy('good', TRUSTED),
          policy('undeclared', TRUSTED),
          policy('untrusted', 'wellKnownCACertificates: System'),
          policy('misnamed', TRUSTED).replaceAll(NAME, 'other.example'),
          policy('broken', 'caCertificateRefs: [{ group: "", kind: ConfigMap, name: nobody }]'),
        ),
      ),
      authority(given),
    ],
    cases: [
      [at('/good'), served],
      [at('/undeclared'), served],
      [at('/untrusted'), refused],
      [at('/misnamed'), refused],
      [at('/broken'), refused],
    ],
    notSimulated: HANDSHAKE,
  },
  {
    topic,
    feature: 'BackendTLSPolicySANValidation: with names of its own, the host name is only asked for',
    objects: (given) => [
      ...parsed(
        documents(
          gateway,
          routed('named', 'wild', 'deep', 'uri'),
          GRANT,
          ...['named', 'wild', 'deep', 'uri'].map((name) => service(name)),
          policy(
            'named',
            `${TRUSTED}, subjectAltNames: [{ type: URI, uri: "spiffe://x/y" }, { type: Hostname, hostname: db.outside.example }]`,
          ).replace(NAME, 'asked.example'),
          policy('wild', `${TRUSTED}, subjectAltNames: [{ type: Hostname, hostname: "*.outside.example" }]`),
          policy('deep', `${TRUSTED}, subjectAltNames: [{ type: Hostname, hostname: "*.example" }]`),
          policy('uri', `${TRUSTED}, subjectAltNames: [{ type: URI, uri: "spiffe://x/y" }]`),
        ),
      ),
      authority(given),
    ],
    cases: [
      [at('/named'), { who: 'outside', seen: { sni: 'asked.example' } }],
      [at('/wild'), served],
      [at('/deep'), refused],
      [at('/uri'), refused],
    ],
    notSimulated: HANDSHAKE,
  },
  {
    topic,
    feature: 'BackendTLSPolicy: sectionName goes before the whole Service, and the oldest of several policies counts',
    objects: (given) => [
      ...parsed(
        documents(
          gateway,
          routed('ports:443', 'ports:444', 'ports:80'),
          GRANT,
          service(
            'ports',
            '{ name: one, port: 443, targetPort: 8443 }, { name: two, port: 444, targetPort: 8443 }, { name: http-plain, port: 80, targetPort: 8080 }',
          ),
          policy('young', 'wellKnownCACertificates: System', {
            target: 'ports',
            section: 'one',
            created: '2026-02-01T00:00:00Z',
          }),
          policy('old', TRUSTED, { target: 'ports', section: 'one', created: '2026-01-01T00:00:00Z' }),
          policy('second', TRUSTED, { target: 'ports', section: 'two' }),
        ),
      ),
      authority(given),
    ],
    cases: [
      [at('/ports:443'), served],
      [at('/ports:444'), served],
      [at('/ports:80'), { status: 200, seen: { path: '/ports:80' } }],
    ],
    notSimulated: HANDSHAKE,
  },
  {
    topic,
    feature: 'GatewayBackendClientCertificate: the certificate that a Gateway shows to backends',
    objects: (given) => [
      ...parsed(
        documents(
          api(
            'Gateway',
            'edge',
            `{ gatewayClassName: malha, tls: { backend: { clientCertificateRef: { name: partner } } }, listeners: [${http()}] }`,
          ),
          routed('good'),
          GRANT,
          service('good'),
          policy('good', TRUSTED),
        ),
      ),
      authority(given),
      given.secret('partner', 'partner'),
    ],
    cases: [
      [at('/good'), { ...served, seen: { sni: NAME, subject: 'DNS:client.partner.example' } }],
      // Clients in the mesh show none.
      [
        get('http://good.outside:443/'),
        { ...served, seen: expect.not.objectContaining({ subject: expect.anything() }) },
      ],
    ],
    notSimulated: HANDSHAKE,
  },
  {
    topic,
    feature:
      'BackendTLSPolicy: also of clients in the mesh, at ports for HTTP; elsewhere the application may speak TLS itself',
    onlyTransparent: 'the HTTP proxy of explicit capture takes no https',
    objects: (given) => [
      ...parsed(
        documents(
          service('secure', '{ name: http, port: 80, targetPort: 8443 }, { name: tls, port: 443, targetPort: 8443 }'),
          policy('secure', TRUSTED),
        ),
      ),
      authority(given),
    ],
    cases: [
      [get('http://secure.outside/'), served],
      [get('https://secure.outside/', { sni: 'own.example' }), { status: 200, seen: { sni: 'own.example' } }],
    ],
    notSimulated: HANDSHAKE,
  },
];
