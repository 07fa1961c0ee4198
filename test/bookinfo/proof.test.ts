import { bound, countedLine, type Reply } from '../../apps/bookinfo/proof';

const split = new Map([
  ['v1', 0.9],
  ['v2', 0.1],
]);

describe('a line of the proof', () => {
  test('is ok when the counts are as likely as not', () => {
    expect(line(replies({ v1: 905, v2: 95 }), split)).toEqual({
      what: 'split',
      expected: 'v1 90 %, v2 10 %',
      seen: 'v1 90.5 % (905), v2 9.5 % (95) of 1,000',
      ok: true,
    });
  });

  test.each([
    ['a split that is another', { v1: 850, v2: 150 }],
    ['a version that should get nothing', { v1: 899, v2: 100, v3: 1 }],
    ['a version that got nothing', { v1: 1000 }],
    ['a failed request', { v1: 899, v2: 100, 'status 503': 1 }],
    ['no request at all', {}],
  ])('is wrong for %s', (_, counts) => {
    expect(line(replies(counts), split).ok).toBe(false);
  });

  test('allows nothing else where one version should get all', () => {
    const all = new Map([['v2', 1]]);
    expect(line(replies({ v2: 50 }), all)).toMatchObject({ expected: 'v2', seen: 'v2 of 50', ok: true });
    expect(line(replies({ v2: 49, v1: 1 }), all).ok).toBe(false);
  });

  test('holds a refusal to its status', () => {
    const nowhere = { shares: new Map<string, number>(), status: 404 };
    expect(countedLine('x', replies({ 'status 404': 1 }), nowhere, (who) => who)).toMatchObject({
      seen: 'status 404',
      ok: true,
    });
    expect(countedLine('x', replies({ v1: 1 }), nowhere, (who) => who).ok).toBe(false);
  });

  test('calls an answer of the wrong service a failure', () => {
    const reply = {
      status: 200,
      who: { service: 'productpage', version: 'v1', calls: { reviews: {} } },
      milliseconds: 1,
    };
    expect(countedLine('x', [reply], { shares: split }, (who) => who.calls?.reviews)).toMatchObject({
      seen: 'status 200',
      ok: false,
    });
  });

  test('has a bound that is wrong about a right mesh once in 1.7 million lines', () => {
    expect(bound(1000, 0.1)).toBeCloseTo(47.4, 1);
    expect(bound(1000, 1)).toBeLessThan(1);
  });
});

function line(given: Reply[], shares: ReadonlyMap<string, number>) {
  return countedLine('split', given, { shares }, (who) => who);
}

function replies(counts: Record<string, number>): Reply[] {
  return Object.entries(counts).flatMap(([version, count]) =>
    Array.from({ length: count }, () =>
      version.startsWith('status ')
        ? { status: Number(version.slice(7)), milliseconds: 1 }
        : { status: 200, who: { service: 'reviews', version }, milliseconds: 1 },
    ),
  );
}
