/** Gateway: ports, hosts and TLS at the edge. */
import type { KubeObject } from '../../../../lib/api/object';
import { type Behaviour, get, tcp, tls } from '../behaviour';
import type { Given } from '../given';
import { documents, edgeGateway, networking, toV1Port, toV2Port } from './objects';
import { parsed } from './parsed';

const topic = 'Gateway';

/** A VirtualService at the edge. @param more lines of YAML before the routes. */
const atEdge = (name: string, hosts: string, http: string, namespace = 'shop', created = '') =>
  networking('VirtualService', name, `hosts: ${hosts}\ngateways: [shop/edge]\nhttp:\n${http}`, namespace, created);

const http80 = (hosts: string, more = '') =>
  `- { port: { number: 80, name: http, protocol: HTTP }, hosts: ${hosts}${more} }`;
const everything = `- ${toV1Port}`;

/** Objects as YAML, with Secrets that are made per run. */
const withSecrets =
  (yaml: string, secrets: (given: Given) => KubeObject[]) =>
  (given: Given): KubeObject[] => [...parsed(yaml), ...secrets(given)];

const https443 = (hosts: string, settings: string, name = 'https') =>
  `- { port: { number: 443, name: ${name}, protocol: HTTPS }, hosts: ${hosts}, tls: { ${settings} } }`;

export const gatewayRows: Behaviour[] = [
  {
    topic,
    feature: 'servers: HTTP on the target port of the gateway Service; hosts and paths of routes only',
    objects: documents(
      edgeGateway(http80('[shop.example, "*.dev.example"]')),
      atEdge('edge', '[shop.example, a.dev.example]', `- match: [{ uri: { prefix: /page } }]\n  ${toV1Port}`),
    ),
    cases: [
      [get('http://shop.example/page', { from: 'edge' }), { who: 'v1', seen: { headers: { host: 'shop.example' } } }],
      [get('http://a.dev.example/page', { from: 'edge' }), { who: 'v1' }],
      [get('http://shop.example/other', { from: 'edge' }), { status: 404 }],
      [get('http://b.dev.example/page', { from: 'edge' }), { status: 404 }],
      [get('http://shop.example/page', { from: 'egress' }), { refused: 'ECONNREFUSED' }],
    ],
  },
  {
    topic,
    feature: 'servers: HTTP2 and GRPC',
    objects: documents(
      edgeGateway('- { port: { number: 80, name: grpc, protocol: GRPC }, hosts: ["*"] }'),
      atEdge('edge', '["*"]', '- route: [{ destination: { host: reviews, subset: v2, port: { number: 9070 } } }]'),
    ),
    cases: [
      [get('http://shop.example/shop.Reviews/Get', { from: 'edge', http: 'grpc' }), { who: 'v2', grpcStatus: 0 }],
    ],
  },
  {
    topic,
    feature: 'selector over all namespaces; several Gateways share a port',
    objects: documents(
      edgeGateway(http80('[shop.example]')),
      edgeGateway(http80('[other.example]'), 'edge', 'other'),
      atEdge('edge', '[shop.example]', everything),
      networking(
        'VirtualService',
        'stranger',
        'hosts: [other.example]\ngateways: [edge]\nhttp: [{ route: [{ destination: { host: stranger, port: { number: 9080 } } }] }]',
        'other',
      ),
    ),
    cases: [
      [get('http://shop.example/', { from: 'edge' }), { who: 'v1' }],
      [get('http://other.example/', { from: 'edge' }), { who: 'stranger' }],
    ],
  },
  {
    topic,
    feature: 'hosts: namespace/host, ./host, */host',
    objects: documents(
      edgeGateway(http80('["other/o.example", "./s.example", "*/a.example"]')),
      atEdge('mine', '[o.example, s.example, a.example]', everything),
      atEdge('theirs', '[o.example, s.example]', '- directResponse: { status: 290 }', 'other'),
    ),
    cases: [
      [get('http://o.example/', { from: 'edge' }), { status: 290 }],
      [get('http://s.example/', { from: 'edge' }), { who: 'v1' }],
      [get('http://a.example/', { from: 'edge' }), { who: 'v1' }],
    ],
  },
  {
    topic,
    feature: 'several VirtualServices of one host are merged: oldest first, routes for everything last',
    objects: documents(
      edgeGateway(http80('["*"]')),
      atEdge('all', '[shop.example]', '- directResponse: { status: 290 }', 'shop', '2025-01-01T00:00:00Z'),
      atEdge(
        'one',
        '[shop.example]',
        '- match: [{ uri: { prefix: /one } }]\n  directResponse: { status: 291 }',
        'shop',
        '2025-01-02T00:00:00Z',
      ),
      atEdge(
        'two',
        '[shop.example]',
        '- match: [{ uri: { prefix: /one } }]\n  directResponse: { status: 292 }',
        'shop',
        '2025-01-03T00:00:00Z',
      ),
    ),
    cases: [
      [get('http://shop.example/one', { from: 'edge' }), { status: 291 }],
      [get('http://shop.example/else', { from: 'edge' }), { status: 290 }],
    ],
  },
  {
    topic,
    feature: 'tls.httpsRedirect',
    objects: documents(
      edgeGateway(http80('[shop.example]', ', tls: { httpsRedirect: true }')),
      atEdge('edge', '[shop.example]', everything),
    ),
    cases: [
      [
        get('http://shop.example/a?b', { from: 'edge' }),
        { status: 301, headers: { location: 'https://shop.example/a?b' } },
      ],
    ],
  },
  {
    topic,
    feature: 'tls SIMPLE: credentialName over SDS, HTTP/1.1 and HTTP/2 by ALPN, server by name',
    objects: withSecrets(
      documents(
        edgeGateway(
          `${https443('[shop.example, "*.dev.example"]', 'mode: SIMPLE, credentialName: shop')}\n${https443('[second.example]', 'mode: SIMPLE, credentialName: second', 'second')}`,
        ),
        atEdge('edge', '[shop.example, a.dev.example]', everything),
        atEdge('second', '[second.example]', `- ${toV2Port}`),
      ),
      (given) => [given.secret('shop'), given.secret('second', 'second')],
    ),
    cases: [
      [
        get('https://shop.example/', { from: 'edge' }),
        { who: 'v1', tls: { alpn: 'http/1.1', subject: expect.stringContaining('DNS:shop.example') } },
      ],
      [get('https://a.dev.example/', { from: 'edge', http: '2' }), { who: 'v1', tls: { alpn: 'h2' } }],
      [get('https://second.example/', { from: 'edge' }), { who: 'v2', tls: { subject: 'DNS:second.example' } }],
      [get('https://third.example/', { from: 'edge' }), { refused: 'ECONNRESET' }],
      [get('https://shop.example/', { from: 'edge', sni: '' }), { refused: 'ECONNRESET' }],
    ],
  },
  {
    topic,
    feature: 'what a client says in headers of the mesh is not believed',
    objects: withSecrets(
      documents(
        edgeGateway(https443('[shop.example]', 'mode: SIMPLE, credentialName: shop')),
        atEdge('edge', '[shop.example]', everything),
      ),
      (given) => [given.secret('shop')],
    ),
    cases: [
      [
        get('https://shop.example/', {
          from: 'edge',
          headers: {
            'x-forwarded-client-cert': 'URI=spiffe://cluster.local/ns/shop/sa/admin',
            'x-envoy-internal': 'true',
          },
        }),
        {
          who: 'v1',
          seen: {
            headers: expect.not.objectContaining({ 'x-forwarded-client-cert': expect.stringContaining('sa/admin') }),
          },
        },
      ],
      [
        get('https://shop.example/', { from: 'edge', headers: { 'x-request-id': 'mine' } }),
        { seen: { headers: { 'x-forwarded-proto': 'https', 'x-request-id': 'mine' } } },
      ],
    ],
  },
  {
    topic,
    feature: 'tls MUTUAL: authority from the Secret or its -cacert, subjectAltNames',
    objects: withSecrets(
      documents(
        edgeGateway(
          `${https443('[shop.example]', 'mode: MUTUAL, credentialName: shop, subjectAltNames: [client.partner.example]')}\n${https443('[second.example]', 'mode: MUTUAL, credentialName: second', 'second')}`,
        ),
        atEdge('edge', '[shop.example, second.example]', everything),
      ),
      (given) => [
        given.secret('shop'),
        given.trust('shop-cacert'),
        given.secret('second', 'second', { 'ca.crt': given.authority.certPem }),
      ],
    ),
    cases: [
      [get('https://shop.example/', { from: 'edge', certificate: 'partner' }), { who: 'v1' }],
      [get('https://shop.example/', { from: 'edge', certificate: 'other' }), { refused: expect.any(String) }],
      [get('https://shop.example/', { from: 'edge', certificate: 'foreign' }), { refused: expect.any(String) }],
      [get('https://shop.example/', { from: 'edge' }), { refused: expect.any(String) }],
      [get('https://second.example/', { from: 'edge', certificate: 'other' }), { who: 'v1' }],
      [get('https://second.example/', { from: 'edge' }), { refused: expect.any(String) }],
    ],
    notSimulated: 'whose certificate is good is decided before HTTP begins',
  },
  {
    topic,
    feature: 'tls OPTIONAL_MUTUAL: no certificate, or a good one',
    objects: withSecrets(
      documents(
        edgeGateway(https443('[shop.example]', 'mode: OPTIONAL_MUTUAL, credentialName: shop')),
        atEdge('edge', '[shop.example]', everything),
      ),
      (given) => [given.secret('shop'), given.trust('shop-cacert')],
    ),
    cases: [
      [get('https://shop.example/', { from: 'edge' }), { who: 'v1' }],
      [get('https://shop.example/', { from: 'edge', certificate: 'partner' }), { who: 'v1' }],
      [get('https://shop.example/', { from: 'edge', certificate: 'foreign' }), { refused: expect.any(String) }],
    ],
    notSimulated: 'whose certificate is good is decided before HTTP begins',
  },
  {
    topic,
    feature: 'tls: minProtocolVersion, maxProtocolVersion, cipherSuites',
    objects: withSecrets(
      documents(
        edgeGateway(
          `${https443('[shop.example]', 'mode: SIMPLE, credentialName: shop, minProtocolVersion: TLSV1_3')}\n${https443(
            '[second.example]',
            'mode: SIMPLE, credentialName: second, maxProtocolVersion: TLSV1_2, cipherSuites: [ECDHE-ECDSA-AES256-GCM-SHA384]',
            'second',
          )}`,
        ),
        atEdge('edge', '[shop.example, second.example]', everything),
      ),
      (given) => [given.secret('shop'), given.secret('second', 'second')],
    ),
    cases: [
      [get('https://shop.example/', { from: 'edge' }), { who: 'v1', tls: { protocol: 'TLSv1.3' } }],
      [get('https://shop.example/', { from: 'edge', maxVersion: 'TLSv1.2' }), { refused: expect.any(String) }],
      [
        get('https://second.example/', { from: 'edge' }),
        { who: 'v1', tls: { protocol: 'TLSv1.2', cipher: 'ECDHE-ECDSA-AES256-GCM-SHA384' } },
      ],
      [
        get('https://second.example/', {
          from: 'edge',
          maxVersion: 'TLSv1.2',
          ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256',
        }),
        { refused: expect.any(String) },
      ],
    ],
    notSimulated: 'versions and ciphers are settled before HTTP begins',
  },
  {
    topic,
    feature: 'servers: bind',
    objects: documents(
      edgeGateway('- { port: { number: 8099, name: http, protocol: HTTP }, hosts: ["*"], bind: 127.0.0.1 }'),
      atEdge('edge', '["*"]', everything),
    ),
    cases: [[get('http://shop.example:8099/', { from: 'edge' }), { refused: 'ECONNREFUSED' }]],
    onlyTransparent: 'with explicit capture each proxy keeps to its own address',
  },
  {
    topic,
    feature: 'a Secret that is missing or bad closes its own hosts, and holds back nobody else',
    objects: withSecrets(
      documents(
        edgeGateway(`
        ${https443('[shop.example]', 'mode: SIMPLE, credentialName: shop')}
        ${https443('[second.example]', 'mode: MUTUAL, credentialName: absent', 'second')}
        ${https443('["*.example"]', 'mode: SIMPLE, credentialName: shop', 'others')}
        ${http80('[shop.example]')}`),
        atEdge('edge', '[shop.example, second.example]', everything),
      ),
      (given) => [given.secret('shop')],
    ),
    cases: [
      [get('https://shop.example/', { from: 'edge' }), { who: 'v1', milliseconds: expect.any(Number) }],
      [get('http://shop.example/', { from: 'edge' }), { who: 'v1' }],
      // Nobody who asks for less takes the hosts of the one that cannot begin.
      [get('https://second.example/', { from: 'edge' }), { refused: expect.any(String) }],
      [get('https://third.example/', { from: 'edge' }), { status: 404 }],
    ],
    notSimulated: 'Secrets come to Envoy beside the listener',
  },
  {
    topic,
    feature: 'tls: credentialNames, caCertCredentialName (Secret or ConfigMap), insecureSkipVerify, ecdhCurves',
    objects: withSecrets(
      documents(
        edgeGateway(`
        ${https443('[shop.example]', 'mode: SIMPLE, credentialNames: [rsa, shop]')}
        ${https443('[second.example]', 'mode: MUTUAL, credentialName: second, caCertCredentialName: partners', 'second')}
        ${https443('[third.example]', 'mode: MUTUAL, credentialName: shop, insecureSkipVerify: true, ecdhCurves: [P-256]', 'third')}`),
        atEdge('edge', '[shop.example, second.example, third.example]', everything),
      ),
      (given) => [
        given.secret('rsa', 'rsa'),
        given.secret('shop'),
        given.secret('second', 'second'),
        {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'partners', namespace: 'shop' },
          data: { 'ca.crt': given.authority.certPem },
        },
      ],
    ),
    cases: [
      [
        get('https://shop.example/', { from: 'edge', maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' }),
        { who: 'v1', tls: { cipher: 'ECDHE-RSA-AES128-GCM-SHA256' } },
      ],
      [
        get('https://shop.example/', { from: 'edge', maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }),
        { who: 'v1', tls: { cipher: 'ECDHE-ECDSA-AES128-GCM-SHA256' } },
      ],
      [get('https://second.example/', { from: 'edge', certificate: 'partner' }), { who: 'v1' }],
      [get('https://second.example/', { from: 'edge', certificate: 'foreign' }), { refused: expect.any(String) }],
      [get('https://third.example/', { from: 'edge', certificate: 'foreign' }), { who: 'v1' }],
      [get('https://third.example/', { from: 'edge' }), { refused: expect.any(String) }],
    ],
    notSimulated: 'whose certificate is good is decided before HTTP begins',
  },
  {
    topic,
    feature: 'tls: verifyCertificateSpki, verifyCertificateHash',
    objects: (given) => [
      ...parsed(
        documents(
          edgeGateway(`
            ${https443('[shop.example]', `mode: MUTUAL, credentialName: shop, verifyCertificateSpki: ["${given.pins('partner').spki}"]`)}
            ${https443('[second.example]', `mode: MUTUAL, credentialName: shop, verifyCertificateHash: ["${given.pins('other').hash}"]`, 'second')}`),
          atEdge('edge', '[shop.example, second.example]', everything),
        ),
      ),
      given.secret('shop'),
      given.trust('shop-cacert'),
    ],
    cases: [
      [get('https://shop.example/', { from: 'edge', certificate: 'partner' }), { who: 'v1' }],
      [get('https://shop.example/', { from: 'edge', certificate: 'other' }), { refused: expect.any(String) }],
      [get('https://second.example/', { from: 'edge', certificate: 'other' }), { who: 'v1' }],
      [get('https://second.example/', { from: 'edge', certificate: 'partner' }), { refused: expect.any(String) }],
    ],
    notSimulated: 'whose certificate is good is decided before HTTP begins',
  },
  {
    topic,
    feature: 'tcp and tls routes: destinationSubnets',
    objects: documents(
      edgeGateway('- { port: { number: 31400, name: tcp, protocol: TCP }, hosts: ["*"] }'),
      networking(
        'VirtualService',
        'edge',
        `
        hosts: ["*"]
        gateways: [edge]
        tcp:
        - match: [{ port: 31400, destinationSubnets: [127.0.0.0/30] }]
          route: [{ destination: { host: reviews, subset: v1, port: { number: 9000 } } }]
        - match: [{ port: 31400, destinationSubnets: [127.0.0.0/8, 198.18.0.0/15] }]
          route: [{ destination: { host: reviews, subset: v2, port: { number: 9000 } } }]`,
      ),
    ),
    cases: [[tcp('shop.example:31400', { from: 'edge' }), { who: 'v2' }]],
  },
  {
    topic,
    feature: 'tls PASSTHROUGH: routed by sniHosts, weighted',
    objects: documents(
      edgeGateway(
        '- { port: { number: 443, name: tls, protocol: TLS }, hosts: ["*.example"], tls: { mode: PASSTHROUGH } }',
      ),
      networking(
        'VirtualService',
        'edge',
        `
        hosts: [a.example, b.example]
        gateways: [edge]
        tls:
        - match: [{ port: 443, sniHosts: [a.example] }]
          route: [{ destination: { host: reviews, subset: v1, port: { number: 9443 } } }]
        - match: [{ sniHosts: [b.example] }]
          route:
          - { destination: { host: reviews, subset: v1, port: { number: 9443 } }, weight: 50 }
          - { destination: { host: reviews, subset: v2, port: { number: 9443 } }, weight: 50 }`,
      ),
    ),
    cases: [
      [
        get('https://a.example/', { from: 'edge' }),
        {
          who: 'v1',
          seen: { sni: 'a.example' },
          tls: { subject: expect.stringContaining('DNS:reviews.shop.svc.cluster.local') },
        },
      ],
      [get('https://b.example/', { from: 'edge', times: 100 }), { shares: { v1: 0.5, v2: 0.5 } }],
      [get('https://c.example/', { from: 'edge' }), { refused: 'ECONNRESET' }],
    ],
  },
  {
    topic,
    feature: 'servers: TCP, and TLS that ends here with bytes inside',
    objects: withSecrets(
      documents(
        edgeGateway(`
        - { port: { number: 31400, name: tcp, protocol: TCP }, hosts: ["*"] }
        - { port: { number: 15443, name: tls, protocol: TLS }, hosts: [shop.example], tls: { mode: SIMPLE, credentialName: shop } }`),
        networking(
          'VirtualService',
          'edge',
          `
          hosts: ["*"]
          gateways: [edge]
          tcp:
          - match: [{ port: 31400 }]
            route: [{ destination: { host: reviews, subset: v2, port: { number: 9000 } } }]
          - match: [{ port: 15443 }]
            route: [{ destination: { host: reviews, subset: v1, port: { number: 9000 } } }]`,
        ),
      ),
      (given) => [given.secret('shop')],
    ),
    cases: [
      [tcp('shop.example:31400', { from: 'edge' }), { who: 'v2', body: 'v2\nhello' }],
      [
        tls('shop.example:15443', { from: 'edge' }),
        { who: 'v1', tls: { subject: expect.stringContaining('DNS:shop.example') } },
      ],
      [tls('other.example:15443', { from: 'edge' }), { refused: expect.any(String) }],
    ],
  },
];
