import { Counting, Duration, Gateway, LimitKey, Match, MeshService, Port, Rate } from '../../constructs';
import { RateLimit } from '../../constructs/istio';
import { Program } from './program';

function reviewsIn(program: Program, port = Port.http(9080)) {
  return new MeshService(program.shop, 'reviews', { mesh: program.mesh, port, image: 'reviews:1' });
}

describe('a limit of a service', () => {
  test('is a RateLimit of its workloads; each proxy counts for itself', () => {
    const program = new Program();
    reviewsIn(program).addLimit('all', { rate: Rate.perSecond(50), burst: 20 });
    expect(program.object('RateLimit', 'reviews-all')).toEqual({
      apiVersion: 'malha.dev/v1alpha1',
      kind: 'RateLimit',
      metadata: { name: 'reviews-all', namespace: 'shop' },
      spec: {
        selector: { matchLabels: { app: 'reviews' } },
        mode: 'local',
        rules: [{ limit: { requests: 50, per: 'second', burst: 20 } }],
      },
    });
    expect(program.complaint).toBe('nothing');
  });

  test('is counted together where it says what happens while nobody can count', () => {
    const program = new Program();
    reviewsIn(program).addLimit('writes', {
      rate: Rate.perDay(1000),
      by: LimitKey.header('X-User'),
      match: [Match.pathPrefix('/reviews'), Match.method('POST', 'PUT'), Match.headerPresent('x-plan')],
      counting: Counting.together('deny', Duration.millis(50)),
      responseHeaders: false,
    });
    expect(program.object('RateLimit', 'reviews-writes').spec).toEqual({
      selector: { matchLabels: { app: 'reviews' } },
      mode: 'global',
      onUnavailable: 'deny',
      timeout: '0.05s',
      responseHeaders: false,
      rules: [
        {
          match: { path: { prefix: '/reviews' }, methods: ['POST', 'PUT'], headers: { 'x-plan': {} } },
          key: { by: 'header', header: 'x-user' },
          limit: { requests: 1000, per: 'day' },
        },
      ],
    });
    expect(program.complaint).toBe('nothing');
  });

  test.each([
    [LimitKey.caller(), 'caller'],
    [LimitKey.path(), 'path'],
    [LimitKey.remoteAddress(), 'remoteAddress'],
  ])('counts by each $key.by', (by, expected) => {
    const program = new Program();
    reviewsIn(program).addLimit('each', { rate: Rate.perHour(1), by });
    expect(program.object('RateLimit', 'reviews-each').spec.rules[0].key).toEqual({ by: expected });
    expect(program.complaint).toBe('nothing');
  });

  test('cannot be what nobody can count', () => {
    expect(() => Rate.perMinute(0.5)).toThrow('requests of a Rate: got 0.5; allowed: a whole number from 1 to');
    const reviews = reviewsIn(new Program());
    const rate = Rate.perMinute(1);
    expect(() => reviews.addLimit('a', { rate, burst: 5, counting: Counting.together('allow') })).toThrow(
      "MAL0160 limit 'a' has a burst that nobody counts; got: burst 5 beside Counting.together",
    );
    expect(() => reviews.addLimit('b', { rate, burst: -1 })).toThrow(
      "MAL0160 limit 'b' has a burst that is none; got: -1",
    );
    expect(() => reviews.addLimit('c', { rate, match: [Match.query('a', 'b')] })).toThrow(
      "MAL0161 limit 'c' looks at what a limit does not know; got: queryParams",
    );
    const either = Match.any(Match.path('/a'), Match.path('/b'));
    expect(() => reviews.addLimit('d', { rate, match: [either] })).toThrow(
      "MAL0161 limit 'd' has alternatives, which would be counted apart; got: 2 ways to match",
    );
    expect(() => reviewsIn(new Program(), Port.tcp(9080)).addLimit('e', { rate })).toThrow(
      "MAL0111 limit 'e' needs requests that can be counted",
    );
  });
});

test('a limit of a gateway holds for its Pods alone', () => {
  const program = new Program();
  const reviews = reviewsIn(program);
  const edge = new Gateway(program.shop, 'edge', { mesh: program.mesh, hosts: ['shop.example'] });
  edge.expose(reviews);
  edge.addLimit('clients', { rate: Rate.perMinute(600), by: LimitKey.remoteAddress() });
  const { spec } = program.object('RateLimit', 'edge-clients');
  expect(spec.selector.matchLabels).toMatchObject({ 'malha.dev/gateway': 'shop.edge' });
  expect(program.complaint).toBe('nothing');
});

test('a RateLimit can be written out, and is checked like everything else', () => {
  const program = new Program();
  const metadata = { name: 'limit' };
  new RateLimit(program.shop, 'limit', {
    metadata,
    spec: { mode: 'global', rules: [{ limit: { requests: 1, per: 'day' } }] },
  });
  expect(program.complaint).toContain('onUnavailable is missing, mode: global needs it');
});
