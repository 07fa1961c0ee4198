import { ApiObject, App, Chart } from 'cdk8s';
import { ConfigMap, Deployment } from 'cdk8s-plus-27';
import { Gateway, Match, Mesh, MeshService, Port, Workload } from '../../constructs';
import { Program } from './program';

function reviewsIn({ shop, mesh }: Program) {
  return new MeshService(shop, 'reviews', {
    mesh,
    port: Port.http(9080),
    versions: { v1: Workload.image('reviews:1'), v2: Workload.image('reviews:2') },
  });
}

describe('at synthesis', () => {
  test('weights that do not add up to 100 are told with their sum', () => {
    const program = new Program();
    const reviews = reviewsIn(program);
    reviews.addRoute('everyone', {
      split: [
        { to: reviews.version('v1'), weight: 80 },
        { to: reviews.version('v2'), weight: 10 },
      ],
    });
    expect(program.complaint).toMatchInlineSnapshot(`
"the mesh has 1 error

error MAL0103 shop/reviews/everyone
    the weights of the split do not add up to 100
    got: reviews v1 80, reviews v2 10, together 90
    allowed: a sum of 100
    fix: give 10 more to one of them"
`);
  });

  test('everything that is wrong is told at once, in whatever chart it stands', () => {
    const program = new Program();
    const reviews = reviewsIn(program);
    reviews.addRoute('nowhere', {});
    reviews.addRoute('late', { match: [Match.header('a', 'b')], to: reviews.version('v2') });
    reviews.addRoute('all', { split: [{ to: reviews.version('v1'), weight: 1.5 }] });
    reviews.addRoute('never', { to: reviews.version('v1'), retries: { attempts: -1 } });
    const other = new Chart(program.app, 'other', { namespace: 'other' });
    new Gateway(other, 'edge', { mesh: program.mesh, hosts: ['a.example.com'] });
    const codes = [...program.complaint.matchAll(/^error (MAL\d+) (\S+)/gm)].map(([, code, path]) => `${code} ${path}`);
    expect(codes).toEqual([
      'MAL0105 shop/reviews',
      'MAL0105 shop/reviews',
      'MAL0105 shop/reviews',
      'MAL0101 shop/reviews/nowhere',
      'MAL0102 shop/reviews/all',
      'MAL0104 shop/reviews/never',
      'MAL0106 other/edge',
    ]);
  });

  test('an object that two constructs write names both', () => {
    const program = new Program();
    new ConfigMap(program.shop, 'one', { metadata: { name: 'settings' } });
    new ConfigMap(program.shop, 'two', { metadata: { name: 'settings' } });
    expect(program.complaint).toMatchInlineSnapshot(`
"the mesh has 1 error

error MAL0107 shop/two (ConfigMap shop/settings)
    one object is written by two constructs
    got: here and at shop/one
    allowed: one of them
    fix: give one of them another name, or remove it"
`);
  });

  test('a workload that runs as somebody else names the way out', () => {
    const program = new Program();
    const existing = new Deployment(program.shop, 'old', {
      containers: [{ image: 'old:1' }],
      serviceAccount: { name: 'robot' } as never,
    });
    new MeshService(program.shop, 'web', { mesh: program.mesh, port: Port.http(80), versions: { v1: existing } });
    expect(program.complaint).toContain("pass serviceAccountName: 'robot' to the MeshService");
  });

  test("another library's own validation is told beside ours", () => {
    const program = new Program();
    const reviews = reviewsIn(program);
    reviews.addRoute('nowhere', {});
    program.shop.node.addValidation({ validate: () => ['the shop is closed'] });
    expect(program.complaint).toMatch(/the mesh has 2 errors/);
    expect(program.complaint).toContain('the shop is closed');
  });

  test('one chart alone is checked like the whole app', () => {
    const program = new Program();
    reviewsIn(program).addRoute('nowhere', {});
    expect(() => program.shop.toJson()).toThrow('MAL0101');
  });

  test('what was wrong once is checked again the next time', () => {
    const program = new Program();
    const object = new ApiObject(program.shop, 'one', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } });
    expect(program.complaint).toBe('nothing');
    new ApiObject(program.shop, 'two', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: object.name } });
    expect(program.complaint).toContain('MAL0107');
  });
});

describe('at once, where it is written', () => {
  const program = new Program();
  const { mesh, shop } = program;
  const port = Port.http(80);
  new MeshService(shop, 'taken', { mesh, port, image: 'taken:1' });

  test.each([
    ['a host claimed twice', () => new MeshService(shop, 'second', { mesh, port, image: 'a:1', name: 'taken' })],
    ['a gateway with the name of a service', () => new Gateway(shop, 'gw', { mesh, hosts: ['a.b'], name: 'taken' })],
    ['nothing behind a service', () => new MeshService(shop, 'empty', { mesh, port })],
    ['no port', () => new MeshService(shop, 'silent', { mesh, image: 'a:1' })],
    ['one port twice', () => new MeshService(shop, 'echo', { mesh, ports: [port, port], image: 'a:1' })],
    ['a name that is no host name', () => new MeshService(shop, 'Web_1', { mesh, port, image: 'a:1' })],
    ['no namespace', () => new MeshService(new Chart(new App(), 'bare'), 'web', { mesh, port, image: 'a:1' })],
    [
      'a workload of another namespace',
      () => {
        const there = new Chart(program.app, 'there', { namespace: 'there' });
        const existing = new Deployment(there, 'web', { containers: [{ image: 'a:1' }] });
        return new MeshService(shop, 'web', { mesh, port, versions: { v1: existing } });
      },
    ],
    [
      'routes on connections',
      () => {
        const db = new MeshService(shop, 'db', { mesh, port: Port.tcp(5432), image: 'db:1' });
        return db.addRoute('all', { to: db });
      },
    ],
    ['a gateway without a host', () => new Gateway(shop, 'mute', { mesh, hosts: [] })],
    ['a gateway with a host twice', () => new Gateway(shop, 'double', { mesh, hosts: ['a.b', 'a.b'] })],
    ['a port that is none', () => Port.http(70000)],
    ['no replica', () => new Mesh(new App(), 'mesh', { controlPlane: { replicas: 0 } })],
  ])('%s', (_, wrong) => {
    expect(wrong).toThrowErrorMatchingSnapshot();
  });
});
