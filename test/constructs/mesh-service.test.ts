import { App, Chart } from 'cdk8s';
import * as plus27 from 'cdk8s-plus-27';
import * as plus33 from 'cdk8s-plus-33';
import { Duration, Match, Mesh, MeshService, Percent, Port, Workload } from '../../constructs';
import { objectsOf, Program } from './program';

describe('a service', () => {
  test('from an image has a Service, an account, a Deployment and a DestinationRule, all with its name', () => {
    const program = new Program();
    new MeshService(program.shop, 'ratings', { mesh: program.mesh, port: Port.http(9080), image: 'shop/ratings:1.4' });
    const mine = program.objects.filter(({ metadata }) => metadata.namespace === 'shop');
    expect(mine.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      'ServiceAccount ratings',
      'Service ratings',
      'Deployment ratings-v1',
      'DestinationRule ratings',
    ]);
  });

  test('names its ports and says their protocols', () => {
    const program = new Program();
    new MeshService(program.shop, 'shop', {
      mesh: program.mesh,
      ports: [Port.http(80, { targetPort: 8080 }), Port.http(81), Port.grpc(9000), Port.tcp(3306, { name: 'mysql' })],
      image: 'shop:1',
    });
    expect(program.object('Service', 'shop').spec.ports).toEqual([
      { name: 'http', port: 80, targetPort: 8080, appProtocol: 'http' },
      { name: 'http-81', port: 81, targetPort: 81, appProtocol: 'http' },
      { name: 'grpc', port: 9000, targetPort: 9000, appProtocol: 'grpc' },
      { name: 'mysql', port: 3306, targetPort: 3306, appProtocol: 'tcp' },
    ]);
  });

  test('finds its Pods by app, and its versions by version', () => {
    const program = new Program();
    new MeshService(program.shop, 'reviews', {
      mesh: program.mesh,
      port: Port.http(9080),
      versions: { v1: Workload.image('reviews:1'), v2: Workload.image('reviews:2') },
    });
    expect(program.object('Service', 'reviews').spec.selector).toEqual({ app: 'reviews' });
    expect(program.object('DestinationRule', 'reviews').spec.subsets).toEqual([
      { name: 'v1', labels: { version: 'v1' } },
      { name: 'v2', labels: { version: 'v2' } },
    ]);
    const { template, selector } = program.object('Deployment', 'reviews-v2').spec;
    expect(template.metadata.labels).toMatchObject({ app: 'reviews', version: 'v2' });
    expect(selector.matchLabels).toEqual({ app: 'reviews', version: 'v2' });
  });

  test('writes the limits that protect it, and only those that were given', () => {
    const program = new Program();
    new MeshService(program.shop, 'reviews', {
      mesh: program.mesh,
      port: Port.http(9080),
      image: 'reviews:1',
      resilience: {
        ejectAfter5xx: 5,
        ejectFor: Duration.millis(1500),
        maxEjected: Percent.of(50),
        maxPendingRequests: 64,
        connectTimeout: Duration.seconds(1),
      },
    });
    expect(program.object('DestinationRule', 'reviews').spec.trafficPolicy).toEqual({
      connectionPool: { tcp: { connectTimeout: '1s' }, http: { http1MaxPendingRequests: 64 } },
      outlierDetection: { consecutive5xxErrors: 5, baseEjectionTime: '1.5s', maxEjectionPercent: 50 },
    });
  });

  test('has no VirtualService before it has routes', () => {
    const program = new Program();
    const service = new MeshService(program.shop, 'a', { mesh: program.mesh, port: Port.http(80), image: 'a:1' });
    expect(program.objects.map(({ kind }) => kind)).not.toContain('VirtualService');
    service.addRoute('all', { to: service });
    expect(program.object('VirtualService', 'a').spec.hosts).toEqual(['a.shop.svc.cluster.local']);
  });
});

describe('a workload that we make', () => {
  const program = new Program();
  new MeshService(program.shop, 'web', {
    mesh: program.mesh,
    port: Port.http(8080),
    versions: {
      v1: Workload.image('web:1', {
        user: 1000,
        env: { MODE: 'fast' },
        writablePaths: ['/tmp'],
        readyPath: '/ready',
        runLocally: 'node web.js',
      }),
    },
  });
  const { template } = program.object('Deployment', 'web-v1').spec;
  const [container] = template.spec.containers;

  test('is restricted', () => {
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      privileged: false,
      readOnlyRootFilesystem: true,
      runAsGroup: 1000,
      runAsNonRoot: true,
      runAsUser: 1000,
      seccompProfile: { type: 'RuntimeDefault' },
    });
  });

  test('gets what it was given', () => {
    expect(container).toMatchObject({
      image: 'web:1',
      env: [{ name: 'MODE', value: 'fast' }],
      ports: [{ containerPort: 8080, name: 'http' }],
      // By way of the proxy: the kubelet shows no certificate.
      readinessProbe: { httpGet: { path: '/app-health/main/readyz', port: 15021 } },
      volumeMounts: [{ mountPath: '/tmp', name: 'writable-0' }],
    });
    expect(template.metadata.annotations['malha.dev/run']).toBe('node web.js');
  });

  test('runs as its service, without a token of the API server', () => {
    expect(template.spec).toMatchObject({ serviceAccountName: 'web', automountServiceAccountToken: false });
  });

  test('has the redirection and a native sidecar, which points at the control plane', () => {
    const [init, sidecar] = template.spec.initContainers;
    expect([init.name, sidecar.name, sidecar.restartPolicy]).toEqual(['malha-init', 'istio-proxy', 'Always']);
    expect(sidecar.args.join(' ')).toContain('malha-control-plane.malha-system.svc.cluster.local');
  });
});

describe('a workload that the program brings', () => {
  const versions = [
    ['cdk8s-plus-27', plus27],
    ['cdk8s-plus-33', plus33],
  ] as const;

  test.each(versions)('joins whatever cdk8s-plus made it: %s', (_, plus) => {
    const program = new Program();
    const existing = new plus.Deployment(program.shop, 'old', {
      containers: [{ image: 'old:1', ports: [{ number: 9080 }] }],
    });
    new MeshService(program.shop, 'reviews', { mesh: program.mesh, port: Port.http(9080), versions: { v1: existing } });
    const { template, selector } = program.object('Deployment', existing.name).spec;
    expect(template.metadata.labels).toMatchObject({ app: 'reviews', version: 'v1' });
    expect(Object.keys(selector.matchLabels)).toEqual(['cdk8s.io/metadata.addr']);
    expect(template.spec.serviceAccountName).toBe('reviews');
    expect(template.spec.containers[0].ports).toEqual([{ containerPort: 9080, name: 'http' }]);
    expect(template.spec.initContainers.map(({ name }: { name: string }) => name)).toEqual([
      'malha-init',
      'istio-proxy',
    ]);
  });

  test('may be a StatefulSet, and has the port declared that it forgot', () => {
    const program = new Program();
    const service = new plus27.Service(program.shop, 'headless', { ports: [{ port: 80 }], clusterIP: 'None' });
    const existing = new plus27.StatefulSet(program.shop, 'db', { containers: [{ image: 'db:1' }], service });
    new MeshService(program.shop, 'store', { mesh: program.mesh, port: Port.tcp(5432), versions: { v1: existing } });
    const { template } = program.object('StatefulSet', existing.name).spec;
    expect(template.spec.containers[0].ports).toEqual([{ containerPort: 5432, name: 'tcp', protocol: 'TCP' }]);
  });

  test('is refused when its label says that it is something else', () => {
    const program = new Program();
    const existing = new plus27.Deployment(program.shop, 'old', {
      podMetadata: { labels: { app: 'legacy' } },
      containers: [{ image: 'old:1' }],
    });
    new MeshService(program.shop, 'reviews', { mesh: program.mesh, port: Port.http(9080), versions: { v1: existing } });
    expect(program.complaint).toContain('app=legacy');
    expect(program.complaint).toContain('shop/old');
  });
});

describe('a service of another program', () => {
  test('can be routed to', () => {
    const program = new Program();
    const other = MeshService.fromAttributes(program.shop, 'other', {
      name: 'ledger',
      namespace: 'bank',
      port: Port.http(8080),
      versions: ['blue'],
    });
    const web = new MeshService(program.shop, 'web', { mesh: program.mesh, port: Port.http(80), image: 'web:1' });
    web.addRoute('blue', { match: [Match.pathPrefix('/ledger')], to: other.version('blue') });
    expect(program.app.node.tryFindChild('shop')).toBeDefined();
    expect(web.toHttpRoutes(web.ports[0]!)[0]!.route).toEqual([
      { destination: { host: 'ledger.bank.svc.cluster.local', subset: 'blue', port: { number: 8080 } } },
    ]);
    expect(() => other.version('green')).toThrow(/'green'; allowed: blue/);
  });
});

describe('the version of a service', () => {
  test('is checked by the compiler and, where names come from elsewhere, at once', () => {
    const program = new Program();
    const reviews = new MeshService(program.shop, 'reviews', {
      mesh: program.mesh,
      port: Port.http(9080),
      versions: { v1: Workload.image('reviews:1'), v2: Workload.image('reviews:2') },
    });
    // @ts-expect-error: the type of `reviews` knows that there is no v9
    expect(() => reviews.version('v9')).toThrow(
      "shop/reviews: MAL0113 the service has no such version; got: 'v9'; allowed: v1, v2; " +
        "fix: add 'v9' to its versions, or refer to one that is there",
    );
    expect(String(reviews.version('v2'))).toBe('shop/reviews version v2');
  });
});

describe('charts', () => {
  test('that were made before the mesh are written after its CRDs and namespaces', () => {
    const app = new App();
    const early = new Chart(app, 'early', { namespace: 'early' });
    const mesh = new Mesh(app, 'mesh');
    new MeshService(early, 'web', { mesh, port: Port.http(80), image: 'web:1' });
    expect(objectsOf(app).length).toBeGreaterThan(10);
    const order = app.charts.map(({ node }) => node.id);
    expect(order.indexOf('early')).toBeGreaterThan(order.indexOf('mesh-namespaces'));
    expect(order[0]).toBe('mesh-crds');
  });
});
