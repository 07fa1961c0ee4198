import '../../constructs/jest';
import { parse } from 'yaml';
import { AuditPolicy, Caller, ExternalAuthorizer, Gateway, MeshService, Port } from '../../constructs';
import { Program } from './program';

const KEYS =
  '{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}';

function shop() {
  const program = new Program();
  const { mesh, shop: chart } = program;
  const service = (name: string, port = Port.http(8080)) =>
    new MeshService(chart, name, { mesh, port, image: `shop/${name}:1` });
  return { program, mesh, chart, service, page: service('page'), stock: service('stock') };
}

describe('who may call a service', () => {
  test('is written as one policy of the service, by the identities of the callers', () => {
    const { program, mesh, chart, page, stock } = shop();
    const edge = new Gateway(chart, 'edge', { mesh, hosts: ['shop.example.com'] });
    edge.expose(page, { paths: ['/'] });
    page.calls(stock, { methods: ['GET'], paths: ['/items/*'], when: { 'request.headers[x-team]': ['red'] } });
    stock.allowCallsFrom(edge).allowCallsFrom(Caller.namespace('shop'), { ports: [stock.ports[0]!] });
    expect(program.object('AuthorizationPolicy', 'stock-callers')).toMatchObject({
      metadata: { namespace: 'shop' },
      spec: {
        selector: { matchLabels: { app: 'stock' } },
        action: 'ALLOW',
        rules: [
          {
            from: [{ source: { principals: ['cluster.local/ns/shop/sa/page'] } }],
            to: [{ operation: { methods: ['GET'], paths: ['/items/*'] } }],
            when: [{ key: 'request.headers[x-team]', values: ['red'] }],
          },
          { from: [{ source: { principals: ['cluster.local/ns/shop/sa/edge'] } }] },
          { from: [{ source: { namespaces: ['shop'] } }], to: [{ operation: { ports: ['8080'] } }] },
        ],
      },
    });
  });

  test('decides what a request does', () => {
    const { mesh, page, stock } = shop();
    expect(mesh.request({ from: page, to: stock }).status).toBe(403);
    stock.allowCallsFrom(Caller.anyone(), { methods: ['GET'] });
    stock.denyCallsFrom(Caller.anyone(), { paths: ['/admin*'] });
    expect(mesh.request({ from: page, to: stock, path: '/items' })).toReach(stock);
    const refused = mesh.request({ from: page, to: stock, method: 'PUT' });
    expect([refused.status, String(refused)]).toEqual([403, 'refused with 403: no rule of an ALLOW policy takes it']);
    expect(String(mesh.request({ from: page, to: stock, path: '/admin/x' }))).toBe(
      'refused with 403: ns[shop]-policy[stock-refused-callers]-rule[0] refuses it',
    );
  });

  test('cannot be told by methods where there are no requests', () => {
    const { page, service } = shop();
    const db = service('db', Port.tcp(5432));
    expect(() => page.calls(db, { methods: ['GET'] })).toThrow(/^shop\/db: MAL0111 .*fix: leave methods and paths out/);
    expect(() => page.calls(db)).not.toThrow();
  });

  test.each([
    [
      'a path without its slash',
      { paths: ['/ok', 'reviews'] },
      "got: 'reviews'; allowed: '/…'",
      "fix: write '/reviews'",
    ],
    ['a template without its slash', { paths: ['{*}/cards'] }, "got: '{*}/cards'", "fix: write '/{*}/cards'"],
    ['an empty path', { paths: [''] }, "got: ''", "fix: write '/'"],
    ['a method in small letters', { methods: ['GET', 'get'] }, "got: 'get'; allowed: capitals", "fix: write 'GET'"],
    ['no methods, which would be all of them', { methods: [] }, 'got: methods: []', 'fix: leave methods out'],
    ['no paths, which would be all of them', { paths: [] }, 'got: paths: []', 'fix: leave paths out'],
  ])('is not told by %s', (_what, options, got, fix) => {
    const { mesh, chart, page, stock } = shop();
    const authorizer = new ExternalAuthorizer(chart, 'opa', { mesh, service: page });
    for (const [path, declare] of [
      ['shop/stock', () => page.calls(stock, options)],
      ['shop/stock', () => stock.denyCallsFrom(page, options)],
      ['shop/audit', () => new AuditPolicy(chart, 'audit', { service: stock, ...options })],
      ['shop/opa', () => authorizer.decidesFor(stock, options)],
    ] as const) {
      expect(declare).toThrow(`${path}: MAL0122 `);
      chart.node.tryRemoveChild('audit');
      expect(declare).toThrow(got);
      chart.node.tryRemoveChild('audit');
      expect(declare).toThrow(fix);
    }
  });

  test('is told by whole methods and paths, by parts and by templates', () => {
    const { page, stock } = shop();
    const paths = ['/', '/a/*', '*.png', '*', '/users/{*}/cards', '*'];
    const methods = ['GET', 'P*', '*T', '*', 'M-SEARCH', 'VERSION-CONTROL'];
    expect(() => page.calls(stock, { methods, paths })).not.toThrow();
  });
});

describe('a service that requires tokens', () => {
  const issuer = 'https://id.example';

  test('lets requests in that bring one, and none that do not', () => {
    const { mesh, page, stock } = shop();
    stock.allowCallsFrom(Caller.anyone());
    stock.requireJwt({ issuer, jwks: KEYS, audiences: ['shop'], exceptPaths: ['/healthz'] });
    const ask = (claims?: Record<string, unknown>, path = '/') => mesh.request({ from: page, to: stock, path, claims });
    expect(ask({ iss: issuer, sub: 'ana', aud: 'shop' })).toReach(stock);
    expect(ask().status).toBe(403);
    expect(ask({ iss: issuer, sub: 'ana', aud: 'bank' }).status).toBe(403);
    expect(ask({ iss: 'https://evil.example', sub: 'ana', aud: 'shop' }).status).toBe(401);
    expect(ask(undefined, '/healthz')).toReach(stock);
  });

  test('says once where the keys are', () => {
    const { stock } = shop();
    expect(() => stock.requireJwt({ issuer })).toThrow(/MAL0140 .*got: neither jwks nor jwksUri/);
  });
});

test('an external authorizer is a provider of the mesh, asked by policies', () => {
  const { program, mesh, chart, stock, service } = shop();
  const judge = service('judge', Port.grpc(9000));
  new ExternalAuthorizer(chart, 'opa', { mesh, service: judge }).decidesFor(stock, { paths: ['/admin*'] });
  const config = parse(program.object('ConfigMap', 'istio').data.mesh);
  expect(config.extensionProviders).toContainEqual({
    name: 'shop-opa',
    envoyExtAuthzGrpc: { service: 'shop/judge.shop.svc.cluster.local', port: 9000, failOpen: false },
  });
  expect(program.object('AuthorizationPolicy', 'stock-opa').spec).toEqual({
    selector: { matchLabels: { app: 'stock' } },
    action: 'CUSTOM',
    provider: { name: 'shop-opa' },
    rules: [{ to: [{ operation: { paths: ['/admin*'] } }] }],
  });
  expect(program.complaint).toBe('nothing');
});

test('an audit policy allows and refuses nothing', () => {
  const { program, mesh, chart, page, stock } = shop();
  page.calls(stock);
  new AuditPolicy(chart, 'writes', { service: stock, methods: ['PUT', 'DELETE'] });
  expect(program.object('AuthorizationPolicy', 'stock-audit-writes').spec).toMatchObject({ action: 'AUDIT' });
  expect(mesh.request({ from: page, to: stock, method: 'PUT' })).toReach(stock);
});
