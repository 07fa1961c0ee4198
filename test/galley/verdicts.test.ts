/** What is accepted, accepted with a warning, and refused: the API's own line, beyond what schemas say. */
import { validate } from '../../lib/galley';
import { destinationRule, gateway, object, serviceEntry, to, virtualService } from './objects';

type Verdict = 'accepted' | 'warned of' | 'refused';
type Row = [title: string, verdict: Verdict, spec: object];

/** `MAL0001` says what is not served, whatever the API thinks of it. */
function verdictOn(judged: ReturnType<typeof object>): Verdict {
  const levels = validate(judged)
    .filter(({ code }) => code !== 'MAL0001')
    .map(({ level }) => level);
  return levels.includes('error') ? 'refused' : levels.includes('warning') ? 'warned of' : 'accepted';
}

function table(kind: string, make: (spec: object) => ReturnType<typeof object>, rows: Row[]): void {
  describe(`a ${kind}`, () => {
    it.each(rows)('with %s is %s', (_title, verdict, spec) => {
      expect(verdictOn(make(spec))).toBe(verdict);
    });
  });
}

const http = { number: 80, name: 'http', protocol: 'HTTP' };
const https = { number: 443, name: 'https', protocol: 'HTTPS' };
const server = (fields: object) => ({ servers: [{ hosts: ['shop.example'], port: http, ...fields }] });
const secured = (tls: object) => server({ port: https, tls });
const files = { serverCertificate: '/c', privateKey: '/k' };

table('Gateway', gateway, [
  ['a target port', 'refused', server({ port: { ...http, targetPort: 8080 } })],
  ['a host of one part', 'refused', server({ hosts: ['shop'] })],
  ['an address as host', 'accepted', server({ hosts: ['10.0.0.1'] })],
  ['TLS that is only passed through on a port of HTTP', 'accepted', server({ tls: {} })],
  ['a certificate on a port of HTTP', 'refused', server({ tls: { httpsRedirect: true, mode: 'SIMPLE', ...files } })],
  ['a redirection of what is HTTPS already', 'warned of', secured({ mode: 'SIMPLE', ...files, httpsRedirect: true })],
  ['a certificate beside passing through', 'warned of', secured({ mode: 'PASSTHROUGH', ...files })],
  ['a Secret beside passing through', 'warned of', secured({ mode: 'AUTO_PASSTHROUGH', credentialName: 'c' })],
  ['a revocation list for clients without certificates', 'refused', secured({ mode: 'SIMPLE', ...files, caCrl: '/r' })],
  [
    'TLS 1.1 and no suites for it',
    'warned of',
    secured({ mode: 'SIMPLE', credentialName: 'c', minProtocolVersion: 'TLSV1_1' }),
  ],
  [
    'TLS 1.1 and suites for it',
    'accepted',
    secured({ mode: 'SIMPLE', credentialName: 'c', minProtocolVersion: 'TLSV1_1', cipherSuites: ['AES128-SHA'] }),
  ],
  [
    'an expression for cipher suites',
    'accepted',
    secured({ mode: 'SIMPLE', credentialName: 'c', cipherSuites: ['-ALL'] }),
  ],
]);

it('a Gateway of a name with dots is refused', () => {
  expect(verdictOn(gateway(server({}), 'a.b'))).toBe('refused');
});

const policy = (trafficPolicy: object) => ({ host: 'reviews', trafficPolicy });
const places = (localityLbSetting: object, outlierDetection?: object) =>
  policy({ loadBalancer: { localityLbSetting }, ...(outlierDetection && { outlierDetection }) });
const shares = (...distribute: object[]) => places({ distribute });
const tunnel = { targetHost: 'proxy.example', targetPort: 3128 };
const someOf = { workloadSelector: { matchLabels: { app: 'cart' } } };

table('DestinationRule', destinationRule, [
  ['an address as host', 'refused', { host: '10.0.0.1' }],
  ['a rule for some workloads of its namespace', 'accepted', { host: 'reviews', ...someOf, exportTo: ['.'] }],
  ['a rule for some workloads of other namespaces', 'refused', { host: 'reviews', ...someOf, exportTo: ['*'] }],
  ['a tunnel and the PROXY protocol', 'refused', policy({ tunnel, proxyProtocol: {} })],
  ['a tunnel to a wildcard', 'refused', policy({ tunnel: { ...tunnel, targetHost: '*.example' } })],
  ['a tunnel to an address', 'accepted', policy({ tunnel: { ...tunnel, targetHost: '10.0.0.1' } })],
  ['a port without a policy', 'refused', policy({ portLevelSettings: [{ port: { number: 80 } }] })],
  ['a table of no size', 'refused', policy({ loadBalancer: { consistentHash: { useSourceIp: true, maglev: {} } } })],
  [
    'the size of a ring in both forms',
    'refused',
    policy({ loadBalancer: { consistentHash: { useSourceIp: true, minimumRingSize: 9, ringHash: {} } } }),
  ],
  ['failover where nothing is ejected', 'warned of', places({ failover: [{ from: 'a', to: 'b' }] })],
  ['failover where what fails is ejected', 'accepted', places({ failover: [{ from: 'a', to: 'b' }] }, {})],
  [
    'failover by region, said twice',
    'refused',
    places({ failover: [{ from: 'a', to: 'b' }], failoverPriority: ['topology.kubernetes.io/region'] }, {}),
  ],
  ['shares of a zone and of its region', 'refused', shares({ from: 'a', to: { b: 50, 'b/c': 50 } })],
  ['shares of two zones', 'accepted', shares({ from: 'a', to: { 'b/c': 50, 'b/d': 50 } })],
  [
    'shares for everywhere and for a region',
    'refused',
    shares({ from: '*', to: { a: 100 } }, { from: 'b', to: { a: 100 } }),
  ],
  ['files beside a Secret', 'refused', policy({ tls: { mode: 'SIMPLE', credentialName: 'c', caCertificates: '/a' } })],
  [
    'a revocation list beside a Secret',
    'refused',
    policy({ tls: { mode: 'MUTUAL', credentialName: 'c', caCrl: '/r' } }),
  ],
  [
    'nothing verified and an authority, without TLS',
    'accepted',
    policy({ tls: { mode: 'DISABLE', insecureSkipVerify: true, caCertificates: '/a' } }),
  ],
]);

const routes = (...rules: object[]) => ({ hosts: ['reviews'], http: rules });
const routed = (fields: object) => routes({ route: [to('reviews')], ...fields });
const matched = (match: object) => routed({ match: [match] });
const edited = (headers: object) => routed({ headers });
const claim = { headers: { '@request.auth.claims.group': { exact: 'admin' } } };

table('VirtualService', virtualService, [
  ['the old form of a name of a gateway', 'warned of', { ...routed({}), gateways: ['edge.shop.svc.cluster.local'] }],
  ['a gateway of another namespace', 'accepted', { ...routed({}), gateways: ['edge/public'] }],
  ['a gateway whose name has dots', 'refused', { ...routed({}), gateways: ['edge/public.v1'] }],
  ['a claim of tokens matched by sidecars', 'refused', matched(claim)],
  ['a claim of tokens matched by gateways', 'accepted', { ...matched(claim), gateways: ['edge'] }],
  ['a claim that sidecars would see too', 'refused', { ...matched(claim), gateways: ['edge', 'mesh'] }],
  ['a pseudo-header among the headers', 'refused', matched({ headers: { ':path': { exact: '/' } } })],
  ['a header with a dot', 'refused', matched({ headers: { 'a.b': { exact: 'c' } } })],
  ['a source namespace that can be none', 'refused', matched({ sourceNamespace: 'a.b' })],
  ['another redirection than Envoy has', 'accepted', routes({ redirect: { uri: '/', redirectCode: 399 } })],
  ['a redirection that is none', 'refused', routes({ redirect: { uri: '/', redirectCode: 400 } })],
  ['the authority added to a request', 'accepted', edited({ request: { add: { host: 'a.example' } } })],
  ['the authority set on an answer', 'refused', edited({ response: { set: { host: 'a.example' } } })],
  ['the authority set and added', 'refused', edited({ request: { set: { host: 'a' }, add: { ':authority': 'b' } } })],
  ['a control character in a header', 'refused', edited({ request: { set: { a: 'b\u0001' } } })],
  [
    'an authority for each destination beside that of the route',
    'accepted',
    routes({
      rewrite: { authority: 'a.example' },
      route: [{ ...to('reviews'), headers: { request: { set: { host: 'b.example' } } } }],
    }),
  ],
  [
    'retries off, and on other localities',
    'refused',
    routed({ retries: { attempts: 0, retryRemoteLocalities: false } }),
  ],
  ['a retry on a status that HTTP does not have', 'refused', routed({ retries: { attempts: 1, retryOn: '299' } })],
  ['a retry on any status that it has', 'accepted', routed({ retries: { attempts: 1, retryOn: '103,503' } })],
  ['an abort with nothing', 'warned of', routed({ fault: { abort: { percentage: { value: 5 } } } })],
  ['an abort with a number of gRPC', 'refused', routed({ fault: { abort: { grpcStatus: '5' } } })],
  ['a delay of no length', 'accepted', routed({ fault: { delay: { percentage: { value: 5 } } } })],
  ['a delay that grows', 'refused', routed({ fault: { delay: { exponentialDelay: '1s' } } })],
  ['the share of a mirror in its old form', 'warned of', routed({ mirror: { host: 'a' }, mirrorPercent: 5 })],
  ['any header allowed across origins', 'accepted', routed({ corsPolicy: { allowHeaders: ['*'] } })],
  ['a header that is none across origins', 'refused', routed({ corsPolicy: { exposeHeaders: ['a:b'] } })],
  [
    'an answer of 200 kB',
    'warned of',
    routes({ directResponse: { status: 200, body: { string: 'x'.repeat(200 * 1024) } } }),
  ],
  ['an address as destination', 'refused', routes({ route: [to('10.0.0.1')] })],
  [
    'a name of a cluster for server name, at a gateway',
    'accepted',
    {
      hosts: ['outbound_.80_._.reviews.shop.svc.cluster.local'],
      gateways: ['edge'],
      tls: [{ match: [{ sniHosts: ['outbound_.80_._.reviews.shop.svc.cluster.local'] }], route: [to('reviews')] }],
    },
  ],
]);

it('a VirtualService is told alone already which of its rules are never used', () => {
  const findings = validate(virtualService(routes({ route: [to('a')] }, { route: [to('b')] })));
  expect(findings.map(({ code, path }) => `${code} ${path}`)).toEqual(['IST0130 spec.http[1]']);
});

const fixed = (fields: object) => ({
  hosts: ['api.example'],
  resolution: 'STATIC',
  ports: [http],
  endpoints: [{ address: '10.0.0.1' }],
  ...fields,
});
const twoHosts = ['a.example', 'b.example'];

table('ServiceEntry', serviceEntry, [
  ['an address as host', 'refused', fixed({ hosts: ['10.0.0.1'] })],
  ['a * for a part of a name', 'warned of', { hosts: ['*api.example'], ports: [http] }],
  ['several hosts of plain TCP', 'refused', fixed({ hosts: twoHosts, ports: [{ ...http, protocol: 'MONGO' }] })],
  ['several hosts of TLS', 'accepted', fixed({ hosts: twoHosts, ports: [{ ...https, protocol: 'TLS' }] })],
  [
    'a selector where names are resolved',
    'warned of',
    { hosts: ['api.example'], resolution: 'DNS', ports: [http], workloadSelector: { labels: { app: 'a' } } },
  ],
]);

const sidecar = (spec: object) => object('networking.istio.io/v1', 'Sidecar', 'default', spec);
const egress = (...hosts: string[]) => ({ egress: [{ hosts }] });
const ingress = (fields: object) => ({ ingress: [{ port: http, defaultEndpoint: '127.0.0.1:8080', ...fields }] });
const proxy = (host: string) => ({
  outboundTrafficPolicy: { mode: 'ALLOW_ANY', egressProxy: { host, port: { number: 80 } } },
});

table('Sidecar', sidecar, [
  ['an endpoint on this machine, by its port alone', 'accepted', ingress({ defaultEndpoint: ':8080' })],
  ['a target port', 'refused', ingress({ port: { ...http, targetPort: 8080 } })],
  ['a port whose name has dots', 'refused', ingress({ port: { ...http, name: 'a.b' } })],
  ['a socket with a port', 'refused', { egress: [{ bind: 'unix:///s', port: http, hosts: ['*/*'] }] }],
  [
    'one port on two addresses',
    'refused',
    { egress: ['10.0.0.1', '10.0.0.2'].map((bind) => ({ bind, port: http, hosts: ['*/*'] })) },
  ],
  ['a host twice', 'warned of', egress('a/b.example', 'a/b.example')],
  ['a namespace beside all of them', 'warned of', egress('*/*', 'a/*')],
  ['all namespaces but one', 'accepted', egress('*/*', '~a/*')],
  ['a proxy that is one service', 'accepted', proxy('proxy.example')],
  ['a proxy that is a wildcard', 'refused', proxy('*.example')],
]);

const authorization = (spec: object) => object('security.istio.io/v1', 'AuthorizationPolicy', 'cart', spec);
const custom = { action: 'CUSTOM', provider: { name: 'opa' } };
const from = (source: object) => ({ rules: [{ from: [{ source }] }] });
const when = (key: string) => ({ rules: [{ when: [{ key, values: ['a'] }] }] });

table('AuthorizationPolicy', authorization, [
  ['nothing to deny', 'refused', { action: 'DENY' }],
  ['everything to deny', 'accepted', { action: 'DENY', rules: [{}] }],
  ['a provider asked for some callers', 'refused', { ...custom, ...from({ principals: ['a'] }) }],
  ['a provider asked for some addresses', 'accepted', { ...custom, ...from({ ipBlocks: ['10.0.0.0/8'] }) }],
  ['a provider asked by claims', 'refused', { ...custom, ...when('request.auth.claims[a]') }],
  ['a provider asked by headers', 'accepted', { ...custom, ...when('request.headers[a]') }],
  ['a source of empty lists', 'refused', from({ principals: [] })],
  ['tokens denied, which TCP has none of', 'warned of', { action: 'DENY', ...from({ requestPrincipals: ['a'] }) }],
  ['callers denied', 'accepted', { action: 'DENY', ...from({ principals: ['a'] }) }],
]);

it('only AuthorizationPolicies are tried out', () => {
  const tried = (judged: ReturnType<typeof object>) =>
    verdictOn({ ...judged, metadata: { ...judged.metadata, annotations: { 'istio.io/dry-run': 'true' } } });
  expect(tried(authorization({ rules: [{}] }))).toBe('accepted');
  expect(tried(virtualService(routed({})))).toBe('refused');
});

it('a tag without a name in metrics is warned of', () => {
  const overrides = [{ tagOverrides: { '': { operation: 'REMOVE' } } }];
  expect(verdictOn(object('telemetry.istio.io/v1', 'Telemetry', 'mesh', { metrics: [{ overrides }] }))).toBe(
    'warned of',
  );
});
