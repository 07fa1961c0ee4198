/** Small random meshes over few names, so that their objects meet. */
import fc from 'fast-check';
import type { HTTPRoute } from '../../lib/api';
import type { KubeObject } from '../../lib/api/object';
import { destinationRule, gateway, pod, service, serviceEntry, sidecar, slice, virtualService } from '../world/sample';

const namespaces = ['a', 'b', 'istio-system'];
const names = ['x', 'y', 'z'];
const versions = ['v1', 'v2'];

const namespace = fc.constantFrom(...namespaces);
const name = fc.constantFrom(...names);
const address = fc.integer({ min: 1, max: 250 }).map((n) => `198.18.0.${n}`);
const host = fc.oneof(
  name,
  fc.tuple(name, namespace).map(([n, ns]) => `${n}.${ns}.svc.cluster.local`),
  fc.constantFrom('*.a.svc.cluster.local', 'api.example.com', '*.example.com'),
);
const exportTo = fc.constantFrom<string[] | undefined>(undefined, ['.'], ['*'], ['a']);
const created = fc.constantFrom('', '2020-01-01T00:00:00Z', '2024-01-01T00:00:00Z');

const servicePort = fc.constantFrom(
  { name: 'http', port: 80 },
  { name: 'http-alt', port: 8080 },
  { name: 'grpc', port: 9000 },
  { name: 'tcp', port: 5000 },
  { name: 'https', port: 443 },
  { port: 7000 },
);

const aService = fc
  .record({
    name,
    namespace,
    ports: fc.uniqueArray(servicePort, { selector: ({ port }) => port, minLength: 1, maxLength: 3 }),
    clusterIP: fc.oneof(address, fc.constant('None')),
  })
  .map((s) => service(s.name, s.namespace, { ports: s.ports, clusterIP: s.clusterIP }));

const aPod = fc
  .record({ name, namespace, version: fc.constantFrom(...versions), address })
  .map((p) => pod(`${p.name}-0`, p.namespace, { app: p.name, version: p.version }, p.address));

const aSlice = fc
  .record({ name, namespace, addresses: fc.uniqueArray(address, { maxLength: 3 }) })
  .map((s) => slice(s.name, s.namespace, s.addresses));

const destination = fc.record({
  host,
  subset: fc.constantFrom(undefined, ...versions),
});

const httpRoute: fc.Arbitrary<HTTPRoute> = fc.record({
  name: fc.constantFrom(undefined, 'one', 'two'),
  match: fc.array(
    fc.oneof(
      fc.record({ uri: fc.record({ prefix: fc.constantFrom('/', '/p') }) }),
      fc.record({ sourceLabels: fc.record({ version: fc.constantFrom(...versions) }) }),
      fc.record({ sourceNamespace: namespace }),
      fc.record({ port: fc.constantFrom(80, 8080) }),
      fc.record({ headers: fc.record({ h: fc.constantFrom({}, { exact: 'v' }, { regex: 'r+' }) }) }),
    ),
    { maxLength: 2 },
  ),
  route: fc.oneof(
    destination.map((only) => [{ destination: only }]),
    fc.tuple(destination, destination).map(([one, two]) => [
      { destination: one, weight: 70 },
      { destination: two, weight: 30 },
    ]),
  ),
});

const aVirtualService = fc
  .record({
    name,
    namespace,
    hosts: fc.uniqueArray(host, { minLength: 1, maxLength: 2 }),
    gateways: fc.constantFrom<string[] | undefined>(undefined, ['mesh', 'a/x'], ['x']),
    http: fc.array(httpRoute, { minLength: 1, maxLength: 3 }),
    exportTo,
    created,
  })
  .map((v) =>
    virtualService(
      v.name,
      v.namespace,
      { hosts: v.hosts, gateways: v.gateways, http: v.http, exportTo: v.exportTo },
      v.created,
    ),
  );

const aDestinationRule = fc
  .record({ name, namespace, host, exportTo, version: fc.constantFrom(...versions), sticky: fc.boolean() })
  .map((d) =>
    destinationRule(d.name, d.namespace, {
      host: d.host,
      exportTo: d.exportTo,
      trafficPolicy: d.sticky ? { loadBalancer: { consistentHash: { httpHeaderName: 'h' } } } : undefined,
      subsets: [{ name: d.version, labels: { version: d.version } }],
    }),
  );

const aServiceEntry = fc
  .record({
    name,
    namespace,
    exportTo,
    resolution: fc.constantFrom<('STATIC' | 'DNS' | 'NONE')[]>('STATIC', 'DNS', 'NONE'),
    addresses: fc.uniqueArray(address, { maxLength: 2 }),
  })
  .map((s) =>
    serviceEntry(s.name, s.namespace, {
      hosts: ['api.example.com'],
      exportTo: s.exportTo,
      resolution: s.resolution,
      ports: [
        { number: 80, name: 'http', protocol: 'HTTP' },
        { number: 443, name: 'tls', protocol: 'TLS' },
      ],
      endpoints: s.resolution === 'STATIC' ? s.addresses.map((each) => ({ address: each })) : undefined,
    }),
  );

const aGateway = fc
  .record({
    name,
    namespace,
    protocol: fc.constantFrom('HTTP', 'HTTPS', 'TCP'),
    hosts: fc.uniqueArray(host, { minLength: 1 }),
  })
  .map((g) =>
    gateway(g.name, g.namespace, {
      selector: { app: 'x' },
      servers: [
        {
          port: { number: 80, name: 'p', protocol: g.protocol },
          hosts: g.hosts,
          tls: g.protocol === 'HTTPS' ? { mode: 'SIMPLE', credentialName: 'cert' } : undefined,
        },
      ],
    }),
  );

const egressHost = fc
  .tuple(fc.constantFrom('*', '.', '~', 'a', 'b'), fc.constantFrom('*', 'x.a.svc.cluster.local', '*.example.com'))
  .map((parts) => parts.join('/'));

const aSidecar = fc
  .record({
    name,
    namespace,
    selected: fc.boolean(),
    hosts: fc.uniqueArray(egressHost, { minLength: 1, maxLength: 3 }),
    own: fc.option(fc.constantFrom(80, 9090), { nil: undefined }),
    captureMode: fc.constantFrom<('DEFAULT' | 'NONE')[]>('DEFAULT', 'NONE'),
    mode: fc.constantFrom<('ALLOW_ANY' | 'REGISTRY_ONLY' | undefined)[]>(undefined, 'ALLOW_ANY', 'REGISTRY_ONLY'),
  })
  .map(({ name: its, namespace: place, selected, hosts, own, captureMode, mode }) =>
    sidecar(its, place, {
      ...(selected && { workloadSelector: { labels: { app: 'x' } } }),
      egress: [
        ...(own ? [{ port: { number: own, protocol: 'HTTP', name: 'own' }, captureMode, hosts }] : []),
        { hosts },
      ],
      ...(mode && { outboundTrafficPolicy: { mode } }),
    }),
  );

/** Any object of a mesh. */
export const anObject: fc.Arbitrary<KubeObject> = fc.oneof(
  aService,
  aPod,
  aSlice,
  aVirtualService,
  aDestinationRule,
  aServiceEntry,
  aGateway,
  aSidecar,
);
