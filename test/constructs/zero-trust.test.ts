import '../../constructs/jest';
import { parse } from 'yaml';
import {
  Duration,
  Gateway,
  Identity,
  type MeshProps,
  MeshService,
  MtlsMode,
  Port,
  UndeclaredCalls,
} from '../../constructs';
import { Program } from './program';

function shop(props: MeshProps = {}) {
  const program = new Program(props);
  const { mesh, shop: chart } = program;
  const service = (name: string, more: { mtls?: MtlsMode } = {}) =>
    new MeshService(chart, name, { mesh, port: Port.http(8080), image: `shop/${name}:1`, ...more });
  return { program, mesh, chart, service };
}

const volumesOf = (program: Program, name: string) => program.object('Deployment', name).spec.template.spec.volumes;
const identityOf = (program: Program, name: string) =>
  volumesOf(program, name).find((volume: { name: string }) => volume.name === 'malha-identity')?.projected.sources;

describe('a mesh without a word', () => {
  test('takes mutual TLS alone and refuses what nobody has declared, as objects that anyone can read', () => {
    const { program } = shop();
    expect(program.object('PeerAuthentication', 'default')).toMatchObject({
      metadata: { namespace: 'malha-system' },
      spec: { mtls: { mode: 'STRICT' } },
    });
    const nothing = program.object('AuthorizationPolicy', 'allow-nothing');
    expect([nothing.metadata.namespace, nothing.spec]).toEqual(['malha-system', {}]);
    expect(program.complaint).toBe('nothing');
  });

  test('gives workloads and gateways a certificate that their node keeps', () => {
    const { program, mesh, chart, service } = shop();
    const page = service('page');
    new Gateway(chart, 'edge', { mesh, hosts: ['shop.example.com'] }).expose(page);
    for (const name of ['page-v1', 'edge']) {
      expect(identityOf(program, name)[0]).toEqual({
        podCertificate: {
          signerName: 'malha.dev/workload',
          keyType: 'ECDSAP256',
          credentialBundlePath: 'credential-bundle.pem',
        },
      });
      const { metadata, spec } = program.object('Deployment', name).spec.template;
      expect(metadata.labels['security.istio.io/tlsMode']).toBe('istio');
      expect(metadata.annotations['malha.dev/sds-default']).toContain('credential-bundle.pem');
      const proxy = [...(spec.initContainers ?? []), ...spec.containers].find(
        ({ name: each }: { name: string }) => each === 'istio-proxy',
      );
      expect(proxy.args.join(' ')).toContain('"port_value":15012');
      expect(proxy.volumeMounts).toContainEqual(expect.objectContaining({ name: 'malha-identity' }));
    }
  });

  test('sends access logs, which tell every path, to the control plane by TLS', () => {
    const { program } = shop();
    const { ports } = program.object('Service', 'malha-control-plane').spec;
    // What proxies send is gRPC, for which they have to speak HTTP/2 inside of that TLS.
    expect(ports).toContainEqual(expect.objectContaining({ port: 15012, appProtocol: 'grpc' }));
    expect(program.object('DestinationRule', 'malha-control-plane').spec).toEqual({
      host: 'malha-control-plane.malha-system.svc.cluster.local',
      trafficPolicy: {
        portLevelSettings: [
          {
            port: { number: 15012 },
            tls: {
              mode: 'ISTIO_MUTUAL',
              subjectAltNames: ['malha-control-plane.malha-system.svc.cluster.local'],
            },
          },
        ],
      },
    });
  });
});

describe('what is declared', () => {
  test('gets through, and nothing else does', () => {
    const { mesh, service } = shop();
    const [page, stock, other] = [service('page'), service('stock'), service('other')];
    page.calls(stock);
    expect(mesh.request({ from: page, to: stock })).toReach(stock);
    expect(mesh.request({ from: other, to: stock }).status).toBe(403);
    expect(mesh.request({ from: stock, to: page }).status).toBe(403);
  });

  test('at a gateway is every client, and behind it the gateway', () => {
    const { program, mesh, chart, service } = shop();
    const page = service('page');
    const edge = new Gateway(chart, 'edge', { mesh, hosts: ['shop.example.com'] });
    edge.expose(page, { paths: ['/a'] });
    edge.expose(page, { paths: ['/b'] });
    expect(program.object('AuthorizationPolicy', 'edge-clients').spec).toEqual({
      selector: { matchLabels: { app: 'edge', istio: 'ingressgateway', 'malha.dev/gateway': 'shop.edge' } },
      action: 'ALLOW',
      rules: [{ to: [{ operation: { ports: ['8080'] } }] }],
    });
    expect(program.object('AuthorizationPolicy', 'page-callers').spec.rules).toEqual([
      { from: [{ source: { principals: ['cluster.local/ns/shop/sa/edge'] } }] },
    ]);
    expect(mesh.request({ from: edge, path: '/a' })).toReach(page);
    expect(program.complaint).toBe('nothing');
  });

  test('can be left to later: a mesh that only watches refuses nothing', () => {
    const { program, mesh, service } = shop({ undeclaredCalls: UndeclaredCalls.allow(), mtls: MtlsMode.permissive() });
    const [page, stock] = [service('page'), service('stock')];
    expect(mesh.request({ from: page, to: stock })).toReach(stock);
    expect(program.objects.filter(({ kind }) => kind === 'AuthorizationPolicy')).toEqual([]);
    expect(program.object('PeerAuthentication', 'default').spec).toEqual({ mtls: { mode: 'PERMISSIVE' } });
  });
});

describe('the way from plaintext to strict', () => {
  test('goes by namespace, and by service', () => {
    const { program, mesh, service } = shop();
    mesh.addNamespaceMtls('legacy', MtlsMode.disabled());
    service('old', { mtls: MtlsMode.permissive() });
    const policies = program.objects.filter(({ kind }) => kind === 'PeerAuthentication');
    expect(policies.map(({ metadata, spec }) => [metadata.namespace, metadata.name, spec])).toEqual([
      ['malha-system', 'default', { mtls: { mode: 'STRICT' } }],
      ['legacy', 'default', { mtls: { mode: 'DISABLE' } }],
      ['shop', 'old', { selector: { matchLabels: { app: 'old' } }, mtls: { mode: 'PERMISSIVE' } }],
    ]);
  });

  test('is not said of the system namespace apart from the mesh', () => {
    const { mesh } = shop();
    expect(() => mesh.addNamespaceMtls('malha-system', MtlsMode.permissive())).toThrow(
      /^mesh: MAL0150 .*got: addNamespaceMtls\('malha-system', …\).*fix: pass mtls to the Mesh/s,
    );
  });

  test('leaves one port and path open to a Prometheus that has no certificate', () => {
    const { program, service } = shop();
    service('page').allowScrapes(9100);
    expect(program.object('PeerAuthentication', 'page').spec).toEqual({
      selector: { matchLabels: { app: 'page' } },
      portLevelMtls: { 9100: { mode: 'PERMISSIVE' } },
    });
    expect(program.object('AuthorizationPolicy', 'page-callers').spec.rules).toEqual([
      { to: [{ operation: { ports: ['9100'], methods: ['GET'], paths: ['/metrics'] } }] },
    ]);
    expect(program.complaint).toBe('nothing');
  });
});

describe('identities', () => {
  test('come over the stream where the cluster has no podCertificate volumes', () => {
    const { program, service } = shop({ identity: Identity.sds() });
    service('page');
    expect(JSON.stringify(identityOf(program, 'page-v1'))).toContain('"serviceAccountToken":{"audience":"malha.dev"');
    expect(JSON.stringify(program.object('Deployment', 'page-v1'))).not.toContain('podCertificate');
  });

  test('are of a trust domain, and good for as long as is said', () => {
    const { program, service } = shop({
      trustDomain: 'prod.example.com',
      certificateLifetime: Duration.hours(6),
    });
    service('page');
    expect(parse(program.object('ConfigMap', 'istio').data.mesh)).toMatchObject({ trustDomain: 'prod.example.com' });
    expect(identityOf(program, 'page-v1')[0].podCertificate.maxExpirationSeconds).toBe(21_600);
    const [{ args }] = program.object('Deployment', 'malha-control-plane').spec.template.spec.containers;
    expect(args.join(' ')).toContain('--certificate-lifetime 21600');
  });

  test.each([
    ['a certificate of a minute', { certificateLifetime: Duration.minutes(1) }, /MAL0151 .*got: 60 s.*allowed: 3600/s],
    ['a certificate of a week', { certificateLifetime: Duration.days(7) }, /MAL0151/],
    ['a trust domain with a slash', { trustDomain: 'a/b' }, /MAL0152 .*got: 'a\/b'/s],
  ])('are refused with %s', (_, props, message) => {
    expect(() => new Program(props)).toThrow(message);
  });
});
