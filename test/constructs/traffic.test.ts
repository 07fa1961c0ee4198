import '../../constructs/jest';
import {
  Duration,
  ExternalService,
  Fault,
  LoadBalancing,
  MeshService,
  Percent,
  Port,
  Workload,
} from '../../constructs';
import { Program } from './program';

function reviewsIn(program: Program, more: Partial<ConstructorParameters<typeof MeshService>[2]> = {}) {
  return new MeshService(program.shop, 'reviews', {
    mesh: program.mesh,
    port: Port.http(9080),
    versions: { v1: Workload.image('reviews:1'), v2: Workload.image('reviews:2') },
    ...more,
  });
}

describe('load balancing', () => {
  test.each<[string, LoadBalancing, object]>([
    ['the least requests', LoadBalancing.leastRequest(), { simple: 'LEAST_REQUEST' }],
    [
      'turns, with a slow start',
      LoadBalancing.roundRobin({ slowStart: Duration.seconds(30) }),
      { simple: 'ROUND_ROBIN', warmup: { duration: '30s' } },
    ],
    ['chance', LoadBalancing.random(), { simple: 'RANDOM' }],
    ['a header', LoadBalancing.byHeader('X-User'), { consistentHash: { httpHeaderName: 'x-user' } }],
    [
      'a cookie',
      LoadBalancing.byCookie('session', { lifetime: Duration.hours(1), path: '/' }),
      { consistentHash: { httpCookie: { name: 'session', path: '/', ttl: '3600s' } } },
    ],
    ['a parameter', LoadBalancing.byQueryParameter('user'), { consistentHash: { httpQueryParameterName: 'user' } }],
    ['the source', LoadBalancing.bySourceAddress(), { consistentHash: { useSourceIp: true } }],
  ])('by %s is the policy of the DestinationRule', (_, loadBalancing, expected) => {
    const program = new Program();
    reviewsIn(program, { loadBalancing });
    expect(program.object('DestinationRule', 'reviews').spec.trafficPolicy).toEqual({ loadBalancer: expected });
    expect(program.complaint).toBe('nothing');
  });

  test('stands beside resilience', () => {
    const program = new Program();
    const resilience = { ejectAfterGatewayErrors: 3, minHealthy: Percent.of(40), maxRequestsPerConnection: 100 };
    reviewsIn(program, { loadBalancing: LoadBalancing.random(), resilience });
    expect(program.object('DestinationRule', 'reviews').spec.trafficPolicy).toEqual({
      connectionPool: { http: { maxRequestsPerConnection: 100 } },
      outlierDetection: { consecutiveGatewayErrors: 3, minHealthPercent: 40 },
      loadBalancer: { simple: 'RANDOM' },
    });
    expect(program.complaint).toBe('nothing');
  });
});

describe('a route', () => {
  test('injects faults and sends copies, and reaches its target all the same', () => {
    const program = new Program();
    const page = new MeshService(program.shop, 'page', { mesh: program.mesh, port: Port.http(80), image: 'page:1' });
    const reviews = reviewsIn(program);
    reviews.addRoute('everyone', {
      to: reviews.version('v1'),
      faults: [Fault.delay(Duration.seconds(2), { share: Percent.of(10) }), Fault.abort(503, { share: Percent.of(5) })],
      mirrors: [{ to: reviews.version('v2'), share: Percent.of(50) }],
    });
    const [http] = program.object('VirtualService', 'reviews').spec.http;
    expect(http).toMatchObject({
      fault: {
        delay: { fixedDelay: '2s', percentage: { value: 10 } },
        abort: { httpStatus: 503, percentage: { value: 5 } },
      },
      mirrors: [{ destination: { subset: 'v2', port: { number: 9080 } }, percentage: { value: 50 } }],
    });
    expect(program.complaint).toBe('nothing');
    page.calls(reviews);
    expect(program.mesh.request({ from: page, to: reviews })).toReach(reviews.version('v1'));
  });

  test('has one delay and one abort at most', () => {
    const program = new Program();
    const reviews = reviewsIn(program);
    reviews.addRoute('everyone', { to: reviews, faults: [Fault.abort(500), Fault.abortGrpc('UNAVAILABLE')] });
    expect(program.complaint).toContain('MAL0133');
  });

  test('aborts with statuses that there are', () => {
    expect(() => Fault.abort(99)).toThrow('status of Fault.abort: got 99; allowed: a whole number from 200 to 599');
  });
});

describe('an external service', () => {
  const declare = (program: Program, more: Partial<ConstructorParameters<typeof ExternalService>[2]> = {}) =>
    new ExternalService(program.shop, 'payments', {
      mesh: program.mesh,
      hosts: ['api.example.com'],
      ports: [Port.tls(443)],
      ...more,
    });

  test('is seen by its own namespace, and found by DNS', () => {
    const program = new Program();
    declare(program);
    expect(program.object('ServiceEntry', 'payments').spec).toEqual({
      hosts: ['api.example.com'],
      exportTo: ['.'],
      location: 'MESH_EXTERNAL',
      ports: [{ number: 443, name: 'tls', protocol: 'TLS' }],
      resolution: 'DNS',
    });
    expect(
      program.objects.filter(({ kind, metadata }) => kind === 'DestinationRule' && metadata.name === 'payments'),
    ).toEqual([]);
    expect(program.complaint).toBe('nothing');
  });

  test('gets TLS from the sidecars of its callers, who check its name', () => {
    const program = new Program();
    declare(program, {
      ports: [Port.http(80, { targetPort: 443 })],
      originateTls: true,
      resilience: { maxConnections: 10 },
      visibleTo: ['.', 'billing'],
    });
    expect(program.object('ServiceEntry', 'payments').spec.ports).toEqual([
      { number: 80, name: 'http', protocol: 'HTTP', targetPort: 443 },
    ]);
    expect(program.object('DestinationRule', 'payments').spec).toMatchObject({
      host: 'api.example.com',
      exportTo: ['.', 'billing'],
      trafficPolicy: {
        portLevelSettings: [
          {
            port: { number: 80 },
            connectionPool: { tcp: { maxConnections: 10 } },
            tls: { mode: 'SIMPLE', sni: 'api.example.com', subjectAltNames: ['api.example.com'] },
          },
        ],
      },
    });
    expect(program.complaint).toBe('nothing');
  });

  test('may be known by addresses, or by a wildcard where TLS says who is meant', () => {
    const program = new Program();
    declare(program, { addresses: ['192.0.2.7'], ports: [Port.tcp(5432)] });
    expect(program.object('ServiceEntry', 'payments').spec).toMatchObject({
      resolution: 'STATIC',
      endpoints: [{ address: '192.0.2.7' }],
    });
    const other = new Program();
    declare(other, { hosts: ['*.example.com'] });
    expect(other.object('ServiceEntry', 'payments').spec.resolution).toBe('NONE');
    expect(other.complaint).toBe('nothing');
  });

  test.each<[string, Parameters<typeof declare>[1], string]>([
    ['no name', { hosts: [] }, 'MAL0130'],
    ['no port', { ports: [] }, 'MAL0115'],
    ['a wildcard that nothing tells apart', { hosts: ['*.example.com'], ports: [Port.http(80)] }, 'MAL0131'],
    ['nothing to encrypt', { originateTls: true }, 'MAL0132'],
  ])('with %s is refused at once', (_, more, code) => {
    expect(() => declare(new Program(), more)).toThrow(code);
  });
});
