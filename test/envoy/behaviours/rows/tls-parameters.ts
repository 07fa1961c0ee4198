/** Versions, ciphers and curves of TLS, as the mesh configuration has them. */
import { type Behaviour, get } from '../behaviour';
import { PORTS } from '../cast';
import { addressOf, documents, edgeGateway, networking, toV1Port } from './objects';
import { parsed } from './parsed';

const topic = 'MeshConfig';
const HANDSHAKE = 'the handshake decides';
const refused = { who: undefined, refused: expect.any(String) };

const meshConfig = (text: string) => `
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "${text}" }`;

const https = (name: string, host: string, more = '') =>
  `- { port: { number: 443, name: ${name}, protocol: HTTPS }, hosts: [${host}], tls: { mode: SIMPLE, credentialName: ${name}${more} } }`;

const fromEdge = { from: 'edge', maxVersion: 'TLSv1.2' } as const;

const OLD = ', minProtocolVersion: TLSV1_2, maxProtocolVersion: TLSV1_2';

/** A service at the TLS of the gateway, which clients ask for in plaintext. */
const behindEdge = (name: string, sni: string) => [
  `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { selector: { istio: ingressgateway }, ports: [{ name: http, port: 80, targetPort: 8444 }] }`,
  networking(
    'DestinationRule',
    name,
    `host: ${name}\ntrafficPolicy: { tls: { mode: SIMPLE, sni: ${sni}, insecureSkipVerify: true } }`,
  ),
];

/** Straight to a Pod of v1, as a proxy of the mesh comes to it. */
const direct = `https://${addressOf('reviews-v1')}:${PORTS.http}/`;
const asMesh = {
  from: 'outside' as const,
  certificate: 'mesh-client',
  sni: 'reviews.shop',
  alpn: ['istio', 'http/1.1'],
};

export const tlsParameters: Behaviour[] = [
  {
    topic,
    feature: 'tlsDefaults: minProtocolVersion and cipherSuites of Gateways that do not say it themselves',
    objects: (given) => [
      ...parsed(
        documents(
          meshConfig(
            '{ tlsDefaults: { minProtocolVersion: TLSV1_3, cipherSuites: [ECDHE-ECDSA-AES256-GCM-SHA384, NO-SUCH], ecdhCurves: [P-384] } }',
          ),
          edgeGateway(
            `${https('shop', 'shop.example')}\n${https('second', 'second.example', ', minProtocolVersion: TLSV1_2')}`,
          ),
          networking(
            'VirtualService',
            'edge',
            `hosts: [shop.example, second.example]\ngateways: [edge]\nhttp:\n- ${toV1Port}`,
          ),
        ),
      ),
      given.secret('shop'),
      given.secret('second', 'second'),
    ],
    notSimulated: HANDSHAKE,
    cases: [
      [get('https://shop.example/', { from: 'edge' }), { status: 200, tls: { protocol: 'TLSv1.3' } }],
      [get('https://shop.example/', fromEdge), refused],
      [get('https://second.example/', fromEdge), { tls: { cipher: 'ECDHE-ECDSA-AES256-GCM-SHA384' } }],
      [get('https://second.example/', { ...fromEdge, ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }), refused],
    ],
  },
  {
    topic,
    feature: 'tlsDefaults: minProtocolVersion of clients, where a DestinationRule has them speak TLS',
    objects: (given) => [
      ...parsed(
        documents(
          meshConfig('{ tlsDefaults: { minProtocolVersion: TLSV1_3, ecdhCurves: [P-256] } }'),
          edgeGateway(`${https('shop', 'shop.example', OLD)}\n${https('second', 'second.example')}`),
          networking(
            'VirtualService',
            'edge',
            `hosts: [shop.example, second.example]\ngateways: [edge]\nhttp:\n- ${toV1Port}`,
          ),
          ...behindEdge('old', 'shop.example'),
          ...behindEdge('new', 'second.example'),
        ),
      ),
      given.secret('shop'),
      given.secret('second', 'second'),
    ],
    notSimulated: HANDSHAKE,
    cases: [
      // The gateway knows no host of that name, which it can only say within TLS.
      [get('http://new/'), { status: 404, who: undefined }],
      [get('http://old/'), { status: 503, who: undefined }],
    ],
  },
  {
    topic,
    feature: 'meshMTLS: minProtocolVersion between workloads',
    identities: true,
    onlyTransparent: 'the addresses of Pods are those of transparent capture',
    notSimulated: HANDSHAKE,
    objects: meshConfig('{ meshMTLS: { minProtocolVersion: TLSV1_3 } }'),
    cases: [
      [get('http://reviews:9080/'), { status: 200 }],
      [get(direct, asMesh), { status: 200, tls: { protocol: 'TLSv1.3' } }],
      [get(direct, { ...asMesh, maxVersion: 'TLSv1.2' }), refused],
    ],
  },
  {
    topic,
    feature: 'meshMTLS: cipherSuites between workloads',
    identities: true,
    onlyTransparent: 'the addresses of Pods are those of transparent capture',
    notSimulated: HANDSHAKE,
    objects: meshConfig('{ meshMTLS: { cipherSuites: [ECDHE-ECDSA-AES256-GCM-SHA384] } }'),
    cases: [
      [get('http://reviews:9080/'), { status: 200 }],
      [
        get(direct, { ...asMesh, maxVersion: 'TLSv1.2' }),
        { status: 200, tls: { cipher: 'ECDHE-ECDSA-AES256-GCM-SHA384' } },
      ],
      [get(direct, { ...asMesh, maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }), refused],
    ],
  },
];
