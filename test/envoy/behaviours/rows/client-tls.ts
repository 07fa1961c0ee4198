/** DestinationRule: TLS towards services that have certificates of their own. */
import { type Behaviour, get } from '../behaviour';
import { documents, edgeGateway, networking } from './objects';
import { parsed } from './parsed';

const topic = 'DestinationRule';

/** HTTP to a port beyond the mesh, where the application ends TLS. */
const service = (name: string) => `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: outside }
spec: { selector: { app: outside }, ports: [{ name: http, port: 80, targetPort: 8443 }] }`;

const rule = (name: string, tls: string, more = '') =>
  networking('DestinationRule', name, `host: ${name}.outside.svc.cluster.local\ntrafficPolicy: { tls: ${tls} }${more}`);

/** One of the names of its certificate. */
const NAME = 'api.outside.example';
const served = { status: 200, seen: { sni: NAME } };
const refused = { status: 503, who: undefined };
const HANDSHAKE = 'a failing TLS handshake depends on the service';

/** One Service for each way, so that all are seen side by side. @param ways by name, `tls` in YAML's flow style. */
const sideBySide = (ways: Record<string, string>) =>
  documents(...Object.entries(ways).flatMap(([name, tls]) => [service(name), rule(name, tls)]));

export const clientTls: Behaviour[] = [
  {
    topic,
    feature: 'tls SIMPLE: sni, subjectAltNames, caCertificates; what is not trusted is not spoken to',
    objects: (given) =>
      sideBySide({
        good: `{ mode: SIMPLE, sni: ${NAME}, subjectAltNames: [${NAME}], caCertificates: ${given.file('ca.crt')} }`,
        untrusted: `{ mode: SIMPLE, sni: ${NAME}, subjectAltNames: [${NAME}] }`,
        misnamed: `{ mode: SIMPLE, sni: ${NAME}, subjectAltNames: [other.example], caCertificates: ${given.file('ca.crt')} }`,
        unnamed: `{ mode: SIMPLE, caCertificates: ${given.file('ca.crt')} }`,
      }),
    cases: [
      [get('http://good.outside/'), served],
      [get('http://untrusted.outside/'), refused],
      [get('http://misnamed.outside/'), refused],
      // Without names, the certificate has to be for the host of the request.
      [get('http://unnamed.outside/'), refused],
    ],
    notSimulated: HANDSHAKE,
  },
  {
    topic,
    feature: 'tls: insecureSkipVerify',
    objects: documents(service('secure'), rule('secure', `{ mode: SIMPLE, sni: ${NAME}, insecureSkipVerify: true }`)),
    cases: [[get('http://secure.outside/'), served]],
  },
  {
    topic,
    feature: 'tls: caCrl, a revoked certificate is not accepted',
    objects: (given) =>
      sideBySide({
        fine: `{ mode: SIMPLE, sni: ${NAME}, subjectAltNames: [${NAME}], caCertificates: ${given.file('ca.crt')}, caCrl: ${given.file('nothing.crl')} }`,
        revoked: `{ mode: SIMPLE, sni: ${NAME}, subjectAltNames: [${NAME}], caCertificates: ${given.file('ca.crt')}, caCrl: ${given.file('pod.crl')} }`,
      }),
    cases: [
      [get('http://fine.outside/'), served],
      [get('http://revoked.outside/'), refused],
    ],
    notSimulated: HANDSHAKE,
  },
  {
    topic,
    feature: 'tls MUTUAL: clientCertificate, privateKey',
    objects: (given) =>
      documents(
        service('secure'),
        rule(
          'secure',
          `{ mode: MUTUAL, sni: ${NAME}, subjectAltNames: [${NAME}], caCertificates: ${given.file('ca.crt')}, clientCertificate: ${given.file('partner.crt')}, privateKey: ${given.file('partner.key')} }`,
        ),
      ),
    cases: [
      [get('http://secure.outside/'), { status: 200, seen: { sni: NAME, subject: 'DNS:client.partner.example' } }],
    ],
  },
  {
    topic,
    feature: 'tls: credentialName, from a Secret of the namespace, for gateways and where a workloadSelector is',
    objects: (given) => [
      ...parsed(
        documents(
          service('secure'),
          rule(
            'secure',
            `{ mode: MUTUAL, sni: ${NAME}, subjectAltNames: [${NAME}], credentialName: partner }`,
            '\nworkloadSelector: { matchLabels: { app: client } }',
          ),
          service('behind'),
          rule('behind', `{ mode: MUTUAL, sni: ${NAME}, subjectAltNames: [${NAME}], credentialName: partner }`),
          edgeGateway('- { port: { number: 80, name: http, protocol: HTTP }, hosts: ["*"] }'),
          networking(
            'VirtualService',
            'edge',
            'hosts: [shop.example]\ngateways: [edge]\nhttp: [{ route: [{ destination: { host: behind.outside.svc.cluster.local } }] }]',
          ),
        ),
      ),
      given.secret('partner', 'partner', { 'ca.crt': given.authority.certPem }),
    ],
    cases: [
      [get('http://secure.outside/'), { status: 200, seen: { subject: 'DNS:client.partner.example' } }],
      [get('http://shop.example/', { from: 'edge' }), { status: 200, seen: { subject: 'DNS:client.partner.example' } }],
      // For others of the namespace the rule does not hold.
      [get('http://secure.outside/', { from: 'reviews-v1' }), refused],
    ],
    notSimulated: HANDSHAKE,
  },
];
