import type { KubeObject } from '../../lib/api';
import { validate } from '../../lib/galley';
import { destinationRule, gateway, object, serviceEntry, to, virtualService } from './objects';

/** What is said, without what is said about everything that is not served yet. */
const said = (value: KubeObject) =>
  validate(value)
    .filter((finding) => finding.code !== 'MAL0001')
    .map((finding) => `${finding.level} ${finding.path}`);

const route = (fields: object) => virtualService({ hosts: ['reviews'], http: [fields] });
const toReviews = { route: [to('reviews')] };

describe('a VirtualService', () => {
  it.each<[string, object]>([
    ['one host and one route', { hosts: ['reviews'], http: [toReviews] }],
    ['no hosts, as others delegate to it', { http: [toReviews] }],
    ['every host at a gateway', { hosts: ['*'], gateways: ['edge'], http: [toReviews] }],
    ['an address as host', { hosts: ['10.0.0.1'], tcp: [toReviews] }],
    [
      'weights of any sum',
      {
        hosts: ['a.b'],
        http: [
          {
            route: [
              { ...to('a'), weight: 1 },
              { ...to('b'), weight: 2 },
            ],
          },
        ],
      },
    ],
    [
      'server names that its hosts cover',
      { hosts: ['*.b.c'], tls: [{ match: [{ sniHosts: ['a.b.c'] }], ...toReviews }] },
    ],
  ])('may have %s', (_what, spec) => {
    expect(said(virtualService(spec))).toEqual([]);
  });

  it.each<[string, object, string]>([
    ['every host for sidecars', { hosts: ['*'], http: [toReviews] }, 'error spec.hosts[0]'],
    ['a host that is no name', { hosts: ['a_b!'], http: [toReviews] }, 'error spec.hosts[0]'],
    ['one host twice', { hosts: ['a.b', 'a.b'], http: [toReviews] }, 'error spec.hosts[1]'],
    ['a host that another covers', { hosts: ['*.b', 'a.b'], http: [toReviews] }, 'error spec.hosts[1]'],
    ['no routes', { hosts: ['a.b'] }, 'error spec'],
    ['gateways but no hosts', { gateways: ['edge'], http: [toReviews] }, 'error spec.gateways'],
    [
      'a gateway in any namespace',
      { hosts: ['a.b'], gateways: ['*/edge'], http: [toReviews] },
      'error spec.gateways[0]',
    ],
    ['one namespace twice', { hosts: ['a.b'], http: [toReviews], exportTo: ['.', 'shop'] }, 'error spec.exportTo[1]'],
    ['all namespaces and one', { hosts: ['a.b'], http: [toReviews], exportTo: ['*', 'x'] }, 'error spec.exportTo'],
    [
      'a TLS route without destination',
      { hosts: ['a.b'], tls: [{ match: [{ sniHosts: ['a.b'] }] }] },
      'error spec.tls[0].route',
    ],
    [
      'a server name of others',
      { hosts: ['a.b'], tls: [{ match: [{ sniHosts: ['c.d'] }], ...toReviews }] },
      'error spec.tls[0].match[0].sniHosts[0]',
    ],
    [
      'an address as server name',
      { hosts: ['a.b'], tls: [{ match: [{ sniHosts: ['1.1.1.1'] }], ...toReviews }] },
      'warning spec.tls[0].match[0].sniHosts[0]',
    ],
    [
      'a destination that is everything',
      { hosts: ['a.b'], tcp: [{ route: [to('*')] }] },
      'error spec.tcp[0].route[0].destination.host',
    ],
  ])('is told of %s', (_what, spec, expected) => {
    expect(said(virtualService(spec))).toEqual([expected]);
  });
});

describe('an HTTP route', () => {
  it.each<[string, object]>([
    ['a redirect', { redirect: { uri: '/new' } }],
    ['an answer of its own', { directResponse: { status: 503, body: { string: 'closed' } } }],
    ['a header that only has to be there', { ...toReviews, match: [{ headers: { 'x-debug': {} } }] }],
    ['a header that must not be there', { ...toReviews, match: [{ withoutHeaders: { 'x-debug': { regex: '*' } } }] }],
    ['retries on a status', { ...toReviews, retries: { attempts: 3, retryOn: '503, connect-failure' } }],
    ['a percent sign in a header', { ...toReviews, headers: { response: { add: { a: '100%%' } } } }],
    ['a command in a header', { ...toReviews, headers: { response: { set: { a: '%REQ(x-id):10% %HOSTNAME%' } } } }],
    ['a small share of faults', { ...toReviews, fault: { abort: { httpStatus: 500, percentage: { value: 0.01 } } } }],
  ])('may have %s', (_what, fields) => {
    expect(said(route(fields))).toEqual([]);
  });

  it.each<[string, object, string]>([
    ['doing nothing', {}, ''],
    ['doing two things', { ...toReviews, redirect: { uri: '/' } }, '.redirect'],
    ['a rewrite beside a redirect', { redirect: { uri: '/' }, rewrite: { uri: '/' } }, '.rewrite'],
    ['an empty rewrite', { ...toReviews, rewrite: {} }, '.rewrite'],
    ['an empty redirect', { redirect: {} }, '.redirect'],
    ['an unknown redirect code', { redirect: { uri: '/', redirectCode: 200 } }, '.redirect.redirectCode'],
    [
      'prefixRewrite without a prefix',
      { match: [{ uri: { exact: '/a' } }], redirect: { prefixRewrite: '/b' } },
      '.redirect.prefixRewrite',
    ],
    [
      'weights of zero',
      {
        route: [
          { ...to('a'), weight: 0 },
          { ...to('b'), weight: 0 },
        ],
      },
      '.route',
    ],
    [
      'a negative weight',
      {
        route: [
          { ...to('a'), weight: -1 },
          { ...to('b'), weight: 2 },
        ],
      },
      '.route[0].weight',
    ],
    ['an empty prefix', { ...toReviews, match: [{ uri: { prefix: '' } }] }, '.match[0].uri.prefix'],
    [
      'an expression that RE2 does not know',
      { ...toReviews, match: [{ uri: { regex: '(?=a)b' } }] },
      '.match[0].uri.regex',
    ],
    [
      'an expression of everything but sense',
      { ...toReviews, match: [{ uri: { regex: '*' } }] },
      '.match[0].uri.regex',
    ],
    [
      'an expression that is too long',
      { ...toReviews, match: [{ uri: { regex: 'a'.repeat(1_025) } }] },
      '.match[0].uri.regex',
    ],
    [
      'an expression that explodes',
      { ...toReviews, match: [{ uri: { regex: '((a{100}){100}){100}' } }] },
      '.match[0].uri.regex',
    ],
    ['a header without a name', { ...toReviews, headers: { request: { remove: [''] } } }, '.headers.request.remove[0]'],
    ['half a command', { ...toReviews, headers: { request: { set: { a: '%HOST' } } } }, '.headers.request.set.a'],
    [
      'a pseudo-header',
      { ...toReviews, headers: { request: { set: { ':path': '/' } } } },
      '.headers.request.set[":path"]',
    ],
    [
      'the authority twice',
      { ...toReviews, rewrite: { authority: 'a' }, headers: { request: { set: { host: 'b' } } } },
      '',
    ],
    ['retries without attempts', { ...toReviews, retries: { perTryTimeout: '1s' } }, '.retries'],
    [
      'an unknown retry condition',
      { ...toReviews, retries: { attempts: 1, retryOn: 'conect-failure' } },
      '.retries.retryOn',
    ],
    ['a fault of nothing', { ...toReviews, fault: {} }, '.fault'],
    ['a fault with an odd status', { ...toReviews, fault: { abort: { httpStatus: 99 } } }, '.fault.abort.httpStatus'],
    [
      'more than all requests',
      { ...toReviews, fault: { delay: { fixedDelay: '1s', percentage: { value: 101 } } } },
      '.fault.delay.percentage.value',
    ],
    ['an unknown gRPC status', { ...toReviews, fault: { abort: { grpcStatus: 'BAD' } } }, '.fault.abort.grpcStatus'],
    ['two kinds of mirror', { ...toReviews, mirror: { host: 'a' }, mirrors: [to('b')] }, '.mirrors'],
    ['an unknown method', { ...toReviews, corsPolicy: { allowMethods: ['GIT'] } }, '.corsPolicy.allowMethods[0]'],
    ['an age in fractions', { ...toReviews, corsPolicy: { maxAge: '1500ms' } }, '.corsPolicy.maxAge'],
    ['delegating and routing', { ...toReviews, delegate: { name: 'other' } }, '.route'],
  ])('is told of %s', (_what, fields, path) => {
    expect(said(route(fields))).toEqual([`error spec.http[0]${path}`]);
  });
});

describe('a DestinationRule', () => {
  const policy = (trafficPolicy: object) => destinationRule({ host: 'reviews', trafficPolicy });

  it.each<[string, object, string]>([
    ['an empty policy', {}, 'error spec.trafficPolicy'],
    ['an empty pool', { connectionPool: {} }, 'error spec.trafficPolicy.connectionPool'],
    [
      'a negative bound',
      { connectionPool: { http: { maxRetries: -1 } } },
      'error spec.trafficPolicy.connectionPool.http.maxRetries',
    ],
    [
      'more than all endpoints',
      { outlierDetection: { maxEjectionPercent: 101 } },
      'error spec.trafficPolicy.outlierDetection.maxEjectionPercent',
    ],
    [
      'a deprecated field',
      { outlierDetection: { consecutiveErrors: 5 } },
      'warning spec.trafficPolicy.outlierDetection.consecutiveErrors',
    ],
    [
      'a table that is no prime',
      { loadBalancer: { consistentHash: { useSourceIp: true, maglev: { tableSize: 100 } } } },
      'error spec.trafficPolicy.loadBalancer.consistentHash.maglev.tableSize',
    ],
    [
      'settings for no port',
      { portLevelSettings: [{ loadBalancer: { simple: 'RANDOM' } }] },
      'error spec.trafficPolicy.portLevelSettings[0].port',
    ],
    [
      'trusting and verifying',
      { tls: { mode: 'SIMPLE', caCertificates: '/ca', insecureSkipVerify: true } },
      'error spec.trafficPolicy.tls.caCertificates',
    ],
    [
      'shares that are not a whole',
      { loadBalancer: { localityLbSetting: { distribute: [{ from: 'a/*', to: { 'b/*': 90 } }] } } },
      'error spec.trafficPolicy.loadBalancer.localityLbSetting.distribute[0].to',
    ],
  ])('is told of %s', (_what, trafficPolicy, expected) => {
    expect(said(policy(trafficPolicy))).toEqual([expected]);
  });

  it('names each subset once', () => {
    expect(said(destinationRule({ host: 'reviews', subsets: [{ name: 'v1' }, { name: 'v1' }] }))).toEqual([
      'warning spec.subsets[1].name',
    ]);
    expect(said(destinationRule({ host: 'reviews', subsets: [{ name: '' }] }))).toEqual(['error spec.subsets[0].name']);
  });

  it('takes a 64-bit number as digits too, as protobuf writes it', () => {
    const ring = { loadBalancer: { consistentHash: { useSourceIp: true, ringHash: { minimumRingSize: '1024' } } } };
    expect(said(policy(ring))).toEqual([]);
    expect(said(policy({ loadBalancer: { consistentHash: { ringHash: { minimumRingSize: 'many' } } } }))).toHaveLength(
      1,
    );
  });
});

describe('a Gateway', () => {
  const server = (fields: object) =>
    gateway({ servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['a.b'], ...fields }] });
  const https = (tls: object | undefined) =>
    server({ port: { number: 443, name: 'https', protocol: 'HTTPS' }, ...(tls ? { tls } : {}) });

  it.each<[string, KubeObject]>([
    ['plain HTTP', server({})],
    ['a redirect to HTTPS', server({ tls: { httpsRedirect: true } })],
    ['a certificate from a Secret', https({ mode: 'SIMPLE', credentialName: 'shop-tls' })],
    ['TLS that is passed through', https({ mode: 'PASSTHROUGH' })],
    ['hosts of one namespace', server({ hosts: ['./a.b', 'other/*.c'] })],
  ])('may have %s', (_what, value) => {
    expect(said(value)).toEqual([]);
  });

  it.each<[string, KubeObject, string]>([
    ['no servers', gateway({ servers: [] }), 'error spec.servers'],
    ['no hosts', server({ hosts: [] }), 'error spec.servers[0].hosts'],
    ['half a wildcard', server({ hosts: ['*a.b'] }), 'error spec.servers[0].hosts[0]'],
    ['a namespace that is none', server({ hosts: ['~/a.b'] }), 'error spec.servers[0].hosts[0]'],
    [
      'an unknown protocol',
      server({ port: { number: 80, name: 'x', protocol: 'HTTP7' } }),
      'error spec.servers[0].port.protocol',
    ],
    [
      'a port out of range',
      server({ port: { number: 70_000, name: 'x', protocol: 'HTTP' } }),
      'error spec.servers[0].port.number',
    ],
    ['HTTPS without TLS', https(undefined), 'error spec.servers[0].tls'],
    ['TLS on HTTP', server({ tls: { mode: 'SIMPLE', credentialName: 'x' } }), 'error spec.servers[0].tls'],
    [
      'two sources of certificates',
      https({ mode: 'SIMPLE', credentialName: 'x', serverCertificate: '/c', privateKey: '/k' }),
      'error spec.servers[0].tls.serverCertificate',
    ],
    [
      'an unknown cipher',
      https({ mode: 'SIMPLE', credentialName: 'x', cipherSuites: ['ROT13'] }),
      'warning spec.servers[0].tls.cipherSuites[0]',
    ],
  ])('is told of %s', (_what, value, expected) => {
    expect(said(value)).toEqual([expected]);
  });

  it('with TLS but no certificate is told of both missing parts', () => {
    expect(said(https({ mode: 'SIMPLE' }))).toEqual([
      'error spec.servers[0].tls.serverCertificate',
      'error spec.servers[0].tls.privateKey',
    ]);
  });

  it('has a name for each port', () => {
    const port = (number: number) => ({ port: { number, name: 'http', protocol: 'HTTP' }, hosts: ['a.b'] });
    expect(said(gateway({ servers: [port(80), port(81)] }))).toEqual(['error spec.servers[1].port.name']);
  });
});

describe('a ServiceEntry', () => {
  const entry = (fields: object) =>
    serviceEntry({ hosts: ['a.b'], ports: [{ number: 80, name: 'http', protocol: 'HTTP' }], ...fields });

  it.each<[string, object]>([
    ['a name that DNS knows', { resolution: 'DNS' }],
    ['addresses', { addresses: ['10.0.0.0/8'], resolution: 'NONE' }],
    ['endpoints', { resolution: 'STATIC', endpoints: [{ address: '1.1.1.1', ports: { http: 8080 } }] }],
    ['a socket', { resolution: 'STATIC', endpoints: [{ address: 'unix:///run/a.sock' }] }],
    ['a wildcard that proxies resolve', { hosts: ['*.b', 'c.d'], resolution: 'DYNAMIC_DNS' }],
  ])('may have %s', (_what, fields) => {
    expect(said(entry(fields))).toEqual([]);
  });

  it.each<[string, object, string]>([
    ['every host', { hosts: ['*'], resolution: 'NONE' }, 'error spec.hosts[0]'],
    ['a wildcard for DNS', { hosts: ['*.b'], resolution: 'DNS' }, 'error spec.hosts[0]'],
    ['blocks for DNS', { addresses: ['10.0.0.0/8'], resolution: 'DNS' }, 'error spec.addresses[0]'],
    ['endpoints that nobody resolves', { endpoints: [{ address: '1.1.1.1' }] }, 'error spec.endpoints'],
    [
      'a name as static endpoint',
      { resolution: 'STATIC', endpoints: [{ address: 'c.d' }] },
      'error spec.endpoints[0].address',
    ],
    [
      'a relative socket',
      { resolution: 'STATIC', endpoints: [{ address: 'unix://a.sock' }] },
      'error spec.endpoints[0].address',
    ],
    [
      'a port of nobody',
      { resolution: 'STATIC', endpoints: [{ address: '1.1.1.1', ports: { x: 1 } }] },
      'error spec.endpoints[0].ports.x',
    ],
    [
      'several for a round robin',
      { resolution: 'DNS_ROUND_ROBIN', endpoints: [{ address: 'c.d' }, { address: 'e.f' }] },
      'error spec.endpoints',
    ],
    [
      'an endpoint of another network',
      { resolution: 'STATIC', endpoints: [{ network: 'n' }] },
      'warning spec.endpoints[0].address',
    ],
    ['no wildcard to resolve', { resolution: 'DYNAMIC_DNS' }, 'error spec.hosts'],
    [
      'TCP without a name to resolve',
      {
        hosts: ['*.b'],
        addresses: ['10.0.0.1'],
        resolution: 'DYNAMIC_DNS',
        ports: [{ number: 1, name: 'tcp', protocol: 'TCP' }],
      },
      'warning spec.ports[0]',
    ],
    [
      'a target of HTTP that the authority decides',
      {
        hosts: ['*.b'],
        resolution: 'DYNAMIC_DNS',
        ports: [{ number: 80, name: 'http', protocol: 'HTTP', targetPort: 8080 }],
      },
      'warning spec.ports[0].targetPort',
    ],
    ['TCP on all addresses', { ports: [{ number: 1, name: 'tcp', protocol: 'TCP' }] }, 'warning spec.ports[0]'],
  ])('is told of %s', (_what, fields, expected) => {
    expect(said(entry(fields))).toEqual([expected]);
  });
});

describe('a policy', () => {
  const policy = (kind: string, spec: object) => object('security.istio.io/v1', kind, 'p', spec);

  it.each<[string, KubeObject, string]>([
    [
      'ports of everybody',
      policy('PeerAuthentication', { portLevelMtls: { '80': { mode: 'DISABLE' } } }),
      'error spec.portLevelMtls',
    ],
    ['a selector of nothing', policy('PeerAuthentication', { selector: {} }), 'warning spec.selector'],
    [
      'a wildcard in a selector',
      policy('PeerAuthentication', { selector: { matchLabels: { app: 'a*' } } }),
      'error spec.selector.matchLabels.app',
    ],
    [
      'a custom action of nobody',
      policy('AuthorizationPolicy', { action: 'CUSTOM', rules: [{}] }),
      'error spec.provider',
    ],
    [
      'a source of nothing',
      policy('AuthorizationPolicy', { rules: [{ from: [{ source: {} }] }] }),
      'error spec.rules[0].from[0].source',
    ],
    [
      'an address that is none',
      policy('AuthorizationPolicy', { rules: [{ from: [{ source: { ipBlocks: ['x'] } }] }] }),
      'error spec.rules[0].from[0].source.ipBlocks[0]',
    ],
    [
      'an unknown condition',
      policy('AuthorizationPolicy', { rules: [{ when: [{ key: 'request.colour', values: ['red'] }] }] }),
      'error spec.rules[0].when[0].key',
    ],
    [
      'denying HTTP on TCP',
      policy('AuthorizationPolicy', { action: 'DENY', rules: [{ to: [{ operation: { methods: ['GET'] } }] }] }),
      'warning spec.rules[0]',
    ],
    [
      'keys from nowhere',
      policy('RequestAuthentication', { jwtRules: [{ issuer: 'a', jwksUri: 'a.b' }] }),
      'error spec.jwtRules[0].jwksUri',
    ],
    [
      'keys of a metadata service',
      policy('RequestAuthentication', { jwtRules: [{ issuer: 'a', jwksUri: 'http://169.254.169.254/keys' }] }),
      'error spec.jwtRules[0].jwksUri',
    ],
    [
      'keys of the machine itself, in another spelling',
      policy('RequestAuthentication', { jwtRules: [{ issuer: 'a', jwksUri: 'http://[::ffff:127.0.0.1]/keys' }] }),
      'error spec.jwtRules[0].jwksUri',
    ],
    [
      'a key set without a key',
      policy('RequestAuthentication', { jwtRules: [{ issuer: 'a', jwks: '{"keys":[]}' }] }),
      'warning spec.jwtRules[0].jwks',
    ],
    [
      'a private key',
      policy('RequestAuthentication', { jwtRules: [{ issuer: 'a', jwks: '{"keys":[{"kty":"oct","k":"x"}]}' }] }),
      'warning spec.jwtRules[0].jwks',
    ],
    [
      'a target of another kind',
      policy('RequestAuthentication', { targetRef: { kind: 'Pod', name: 'x' } }),
      'error spec.targetRef',
    ],
  ])('is told of %s', (_what, value, expected) => {
    expect(said(value)).toEqual([expected]);
  });

  it.each([
    ['testing@example.com', ['MAL0001 spec.jwtRules[0].issuer']],
    ['http://issuer.example.com', ['MAL0001 spec.jwtRules[0].issuer']],
    ['https://issuer.example.com', []],
  ])('without keys needs an issuer that can be asked for them; %s', (issuer, expected) => {
    const found = validate(policy('RequestAuthentication', { jwtRules: [{ issuer }] }));
    expect(found.map(({ code, path }) => `${code} ${path}`)).toEqual(expected);
  });

  it('that denies everything by saying nothing is fine', () => {
    expect(said(policy('AuthorizationPolicy', {}))).toEqual([]);
    expect(said(object('security.istio.io/v1', 'AuthorizationPolicy', 'p'))).toEqual([]);
  });
});

describe('a Sidecar and a Telemetry', () => {
  it.each<[string, KubeObject, string]>([
    ['a Sidecar of nothing', object('networking.istio.io/v1', 'Sidecar', 's', {}), 'error spec'],
    [
      'hosts without namespace',
      object('networking.istio.io/v1', 'Sidecar', 's', { egress: [{ hosts: ['a.b'] }] }),
      'error spec.egress[0].hosts[0]',
    ],
    [
      'hosts that are covered',
      object('networking.istio.io/v1', 'Sidecar', 's', { egress: [{ hosts: ['./*', './a.b'] }] }),
      'warning spec.egress[0].hosts[1]',
    ],
    [
      'an odd endpoint',
      object('networking.istio.io/v1', 'Sidecar', 's', {
        ingress: [{ port: { number: 80 }, defaultEndpoint: '1.1.1.1:80' }],
      }),
      'error spec.ingress[0].defaultEndpoint',
    ],
    [
      'two ways of tracing',
      object('telemetry.istio.io/v1', 'Telemetry', 't', { tracing: [{}, {}] }),
      'warning spec.tracing',
    ],
    [
      'a tag without value',
      object('telemetry.istio.io/v1', 'Telemetry', 't', { metrics: [{ overrides: [{ tagOverrides: { a: {} } }] }] }),
      'error spec.metrics[0].overrides[0].tagOverrides.a.value',
    ],
  ])('are told of %s', (_what, value, expected) => {
    expect(said(value)).toEqual([expected]);
  });
});
