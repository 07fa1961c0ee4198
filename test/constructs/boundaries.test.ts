import { App, Chart } from 'cdk8s';
import {
  Capture,
  Duration,
  ExternalService,
  Fault,
  Gateway,
  Match,
  Mesh,
  MeshService,
  Percent,
  Port,
  type RouteProps,
} from '../../constructs';
import { Program } from './program';

const serviceOf = ({ mesh, shop }: Program, name: string, port = Port.http(8080), capture?: Capture) =>
  new MeshService(shop, name, { mesh, port, image: `${name}:1`, capture });

describe('the ports of a sidecar', () => {
  test.each([15000, 15001, 15006, 15020, 15021, 15090])('are not those of a workload: %d', (port) => {
    const program = new Program();
    expect(() => serviceOf(program, 'web', Port.http(port))).toThrow(
      `shop/web: MAL0115 the workload listens on a port of its sidecar; got: ${port}`,
    );
    expect(() => serviceOf(program, 'api', Port.grpc(80, { targetPort: port }))).toThrow('say so: Port.grpc(8080)');
  });

  test('are not those that callers dial, where their own sidecars are in the way', () => {
    const program = new Program();
    expect(() => serviceOf(program, 'web', Port.http(15006, { targetPort: 80 }))).toThrow(
      'callers cannot dial a port of their sidecar; got: 15006, which is for incoming connections; allowed: all but 15001, 15006; ' +
        'fix: Port.http(8080, { targetPort: 80 })',
    );
    expect(() => serviceOf(program, 'api', Port.http(15090, { targetPort: 80 }))).not.toThrow();
  });

  test.each([15001, 15006])('are not those that workloads dial beyond the mesh: %d', (number) => {
    const { mesh, shop } = new Program();
    const external = (id: string, port: Port) =>
      new ExternalService(shop, id, { mesh, hosts: ['a.example.com'], ports: [port] });
    expect(() => external('odd', Port.tls(number))).toThrow(
      `shop/odd: MAL0115 callers cannot dial a port of their sidecar; got: ${number}, which is for ${number === 15001 ? 'outgoing' : 'incoming'} ` +
        `connections; allowed: all but 15001, 15006; fix: have workloads call another port: Port.tls(8080, { targetPort: ${number} })`,
    );
    expect(() => external('even', Port.tls(8080, { targetPort: number }))).not.toThrow();
  });

  test('have an HTTP proxy among them with explicit capture alone', () => {
    const program = new Program();
    expect(() => serviceOf(program, 'web', Port.http(15080))).not.toThrow();
    expect(() => serviceOf(program, 'api', Port.http(15080), Capture.explicit())).toThrow(
      'which is for its HTTP proxy',
    );
  });
});

describe('another mesh', () => {
  const here = new Program();
  const page = serviceOf(here, 'page');
  const edge = new Gateway(here.shop, 'edge', { mesh: here.mesh, hosts: ['a.example.com'] });
  const elsewhere = new Program();
  const stock = serviceOf(elsewhere, 'stock');
  const second = new Mesh(here.app, 'second', { namespace: 'second', controlPlane: { crds: 'existing' } });
  const beside = new MeshService(here.shop, 'beside', { mesh: second, port: Port.http(80), image: 'beside:1' });

  test.each<[string, () => unknown]>([
    ['is not called', () => page.calls(stock)],
    ['is not let in', () => page.allowCallsFrom(stock)],
    ['is not routed to', () => page.addRoute('all', { to: stock })],
    ['gets no share', () => page.addRoute('split', { split: [{ to: stock.version('v1'), weight: 100 }] })],
    ['is not told apart as a caller', () => page.addRoute('from', { match: [Match.caller(stock)], to: page })],
    [
      'is not told apart as one of several callers',
      () => page.addRoute('any', { match: [Match.any(Match.caller(page), Match.caller(stock))], to: page }),
    ],
    ['gets no copies', () => page.addRoute('copies', { to: page, mirrors: [{ to: stock }] })],
    ['is not exposed', () => edge.expose(stock)],
  ])('of another app %s', (_what, declare) => {
    expect(declare).toThrow(
      /^shop\/(page|edge): MAL0123 .* belongs to another mesh; got: shop\/stock of the mesh 'mesh' of another app; .*fix: pass one Mesh/,
    );
  });

  test('of the same app is told by its path', () => {
    expect(() => page.calls(beside)).toThrow(
      "got: shop/beside of the mesh 'second'; allowed: services of the mesh 'mesh'",
    );
    expect(
      () => new MeshService(elsewhere.shop, 'lost', { mesh: here.mesh, port: Port.http(80), image: 'a:1' }),
    ).toThrow(
      "shop/lost: MAL0123 a service or gateway stands in the app of its mesh; got: the mesh 'mesh' of another app",
    );
  });

  test("is not that of a service that another program declares in this one's", () => {
    const known = MeshService.fromAttributes(here.shop, 'known', {
      name: 'old',
      namespace: 'shop',
      port: Port.http(80),
    });
    expect(() => page.addRoute('old', { to: known })).not.toThrow();
    expect(() => edge.expose(known)).not.toThrow();
  });

  test('has another system namespace', () => {
    expect(() => new Mesh(here.app, 'third')).toThrow(
      "third: MAL0124 a mesh has a system namespace of its own; got: 'malha-system', which is that of the mesh 'mesh'",
    );
  });
});

describe('without types', () => {
  const program = new Program();
  const { mesh, shop } = program;
  const page = serviceOf(program, 'page');
  const plain = (value: unknown) => value as never;
  const route = (id: string, props: Partial<RouteProps>) => page.addRoute(id, { to: page, ...props });

  test.each<[string, () => unknown, string]>([
    [
      'a timeout in plain seconds',
      () => route('a', { timeout: plain(5) }),
      'shop/page/a: MAL0125 timeout is of another type; got: 5; allowed: a Duration; fix: timeout: Duration.seconds(5)',
    ],
    ['a timeout of nothing', () => route('b', { timeout: plain(0) }), 'fix: timeout: Duration.seconds(0)'],
    [
      'a timeout of tries as text',
      () => route('c', { retries: { attempts: 1, perTryTimeout: plain('2s') } }),
      'retries.perTryTimeout is of another type; got: "2s"',
    ],
    [
      'a plain share of copies',
      () => route('d', { mirrors: [{ to: page, share: plain(10) }] }),
      'share is of another type; got: 10; allowed: a Percent; fix: share: Percent.of(10)',
    ],
    [
      'a plain share of a fault',
      () => Fault.delay(Duration.seconds(1), { share: plain(10) }),
      'share of Fault.delay: got 10; allowed: a Percent; fix: Percent.of(10)',
    ],
    ['a plain share of aborts', () => Fault.abort(503, { share: plain(10) }), 'share of Fault.abort: got 10'],
    [
      'a plain share of gRPC',
      () => Fault.abortGrpc('UNAVAILABLE', { share: plain(10) }),
      'share of Fault.abortGrpc: got 10',
    ],
    ['a plain delay', () => Fault.delay(plain(2)), 'duration: got 2; allowed: a Duration; fix: Duration.seconds(…)'],
    [
      'a plain share of endpoints',
      () => new MeshService(shop, 'e', { mesh, port: Port.http(1), image: 'a', resilience: { maxEjected: plain(50) } }),
      'maxEjected: got 50; allowed: a Percent; fix: Percent.of(50)',
    ],
    [
      'a plain lifetime',
      () => new Mesh(new App(), 'mesh', { certificateLifetime: plain(3600) }),
      'mesh: MAL0125 certificateLifetime is of another type; got: 3600',
    ],
    ['a plain promise', () => page.slo({ availability: plain(99.9) }), 'fix: availability: Percent.of(99.9)'],
    [
      'no mesh',
      () => new MeshService(shop, 'f', plain({ port: Port.http(80), image: 'a:1' })),
      "shop/f: MAL0125 mesh is missing; got: nothing; allowed: the Mesh that it belongs to; fix: const mesh = new Mesh(app, 'mesh'), and pass mesh",
    ],
    [
      'no mesh of a gateway',
      () => new Gateway(shop, 'g', plain({ hosts: ['a.b'] })),
      'shop/g: MAL0125 mesh is missing',
    ],
    [
      'no hosts',
      () => new Gateway(shop, 'h', plain({ mesh })),
      "hosts is missing; got: nothing; allowed: a list; fix: hosts: ['shop.",
    ],
    [
      'one host as text',
      () => new Gateway(shop, 'i', { mesh, hosts: plain('a.b') }),
      'hosts is of another type; got: "a.b"',
    ],
    [
      'no hosts outside',
      () => new ExternalService(shop, 'j', plain({ mesh, ports: [] })),
      "fix: hosts: ['api.example.com']",
    ],
    [
      'no ports outside',
      () => new ExternalService(shop, 'k', plain({ mesh, hosts: ['a.b'] })),
      'ports is missing; got: nothing; allowed: a list; fix: ports: [Port.tls(443)]',
    ],
    [
      'a plain port',
      () => new MeshService(shop, 'l', { mesh, port: plain(80), image: 'a:1' }),
      'shop/l: MAL0125 port is of another type; got: 80; allowed: Port.http(…), Port.grpc(…), Port.tcp(…) and the like; fix: Port.http(80)',
    ],
  ])('%s is told by its field', (_what, declare, message) => {
    expect(declare).toThrow(message);
  });

  test('what has the right types stays', () => {
    const timeout = Duration.seconds(5);
    const faults = [Fault.delay(timeout, { share: Percent.of(10) })];
    const chart = new Chart(program.app, 'fine', { namespace: 'fine' });
    const fine = new MeshService(chart, 'fine', { mesh, port: Port.http(80), image: 'a:1' });
    fine.addRoute('all', { to: fine, timeout, faults, mirrors: [{ to: page, share: Percent.of(5) }] });
    const [written] = program.object('VirtualService', 'fine').spec.http;
    expect(written.fault.delay.percentage).toEqual({ value: 10 });
    expect(written.mirrors[0].percentage).toEqual({ value: 5 });
  });
});
