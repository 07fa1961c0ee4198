import { Duration, Match, MeshService, Port, Workload } from '../../constructs';
import { Program } from './program';

function reviewsIn(program: Program, ports = [Port.http(9080)]) {
  return new MeshService(program.shop, 'reviews', {
    mesh: program.mesh,
    ports,
    versions: { v1: Workload.image('reviews:1'), v2: Workload.image('reviews:2') },
  });
}

const destination = (subset?: string, port = 9080) => ({
  destination: { host: 'reviews.shop.svc.cluster.local', ...(subset && { subset }), port: { number: port } },
});

describe('routes', () => {
  test('stand in the order of their declaration', () => {
    const program = new Program();
    const reviews = reviewsIn(program);
    reviews.addRoute('testers', { match: [Match.header('End-User', 'jason')], to: reviews.version('v2') });
    reviews.addRoute('everyone', {
      split: [
        { to: reviews.version('v1'), weight: 90 },
        { to: reviews.version('v2'), weight: 10 },
      ],
      timeout: Duration.seconds(2),
      retries: { attempts: 2, perTryTimeout: Duration.millis(250), on: ['5xx', 'reset'] },
    });
    expect(program.object('VirtualService', 'reviews').spec.http).toEqual([
      { name: 'testers', match: [{ headers: { 'end-user': { exact: 'jason' } } }], route: [destination('v2')] },
      {
        name: 'everyone',
        route: [
          { ...destination('v1'), weight: 90 },
          { ...destination('v2'), weight: 10 },
        ],
        timeout: '2s',
        retries: { attempts: 2, perTryTimeout: '0.25s', retryOn: '5xx,reset' },
      },
    ]);
  });

  test('leave what none of them takes to any version', () => {
    const program = new Program();
    const reviews = reviewsIn(program);
    reviews.addRoute('testers', { match: [Match.header('end-user', 'jason')], to: reviews.version('v2') });
    expect(program.object('VirtualService', 'reviews').spec.http[1]).toEqual({
      name: 'default',
      route: [destination()],
    });
  });

  test('hold for each port of a service that has several', () => {
    const program = new Program();
    const reviews = reviewsIn(program, [Port.http(80), Port.grpc(90)]);
    reviews.addRoute('all', { to: reviews.version('v1') });
    expect(program.object('VirtualService', 'reviews').spec.http).toEqual([
      { name: 'all-80', match: [{ port: 80 }], route: [destination('v1', 80)] },
      { name: 'all-90', match: [{ port: 90 }], route: [destination('v1', 90)] },
    ]);
  });
});

describe('matches', () => {
  test.each([
    ['header', Match.header('X-A', 'b'), [{ headers: { 'x-a': { exact: 'b' } } }]],
    ['headerPrefix', Match.headerPrefix('x-a', 'b'), [{ headers: { 'x-a': { prefix: 'b' } } }]],
    ['headerRegex', Match.headerRegex('x-a', 'b.*'), [{ headers: { 'x-a': { regex: 'b.*' } } }]],
    ['headerPresent', Match.headerPresent('x-a'), [{ headers: { 'x-a': {} } }]],
    ['path', Match.path('/a'), [{ uri: { exact: '/a' } }]],
    ['pathPrefix', Match.pathPrefix('/a/'), [{ uri: { prefix: '/a/' } }]],
    ['pathRegex', Match.pathRegex('/a/[0-9]+'), [{ uri: { regex: '/a/[0-9]+' } }]],
    ['method', Match.method('GET', 'HEAD'), [{ method: { exact: 'GET' } }, { method: { exact: 'HEAD' } }]],
    ['query', Match.query('q', '1'), [{ queryParams: { q: { exact: '1' } } }]],
    ['queryRegex', Match.queryRegex('q', '[0-9]'), [{ queryParams: { q: { regex: '[0-9]' } } }]],
  ])('say what they mean: %s', (_, match, expected) => {
    expect(Match.all([match])).toEqual(expected);
  });

  test('know the caller by its labels and namespace', () => {
    const program = new Program();
    expect(Match.all([Match.caller(reviewsIn(program))])).toEqual([
      { sourceLabels: { app: 'reviews' }, sourceNamespace: 'shop' },
    ]);
  });

  test('all have to hold, and alternatives are multiplied out', () => {
    const any = Match.any(Match.header('a', '1'), Match.header('b', '2'));
    expect(Match.all([any, Match.method('GET')])).toEqual([
      { headers: { a: { exact: '1' } }, method: { exact: 'GET' } },
      { headers: { b: { exact: '2' } }, method: { exact: 'GET' } },
    ]);
  });

  test('cannot ask two things of one part of a request', () => {
    expect(() => Match.all([Match.path('/a'), Match.path('/b')])).toThrow(/two conditions on path.*Match\.any/);
    expect(() => Match.all([Match.header('a', '1'), Match.header('a', '2')])).toThrow(/two conditions on headers a/);
  });

  test('want paths from the root', () => {
    expect(() => Match.pathPrefix('reviews')).toThrow("path 'reviews' does not start with '/'; write '/reviews'");
  });
});

describe('a method', () => {
  test.each(['get', 'Post', 'OPTIONs'])('that HTTP knows is written as requests have it: %s', (method) => {
    expect(() => Match.method('PUT', method)).toThrow(
      `Match.method: got '${method}', which no request has, because methods are compared letter by letter; write '${method.toUpperCase()}'`,
    );
  });

  test.each(['PATCH', 'PROPFIND', 'x-own'])('may be any other: %s', (method) => {
    expect(() => Match.method(method)).not.toThrow();
  });
});
