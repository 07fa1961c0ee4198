import fc from 'fast-check';
import { arranged, type Nearness } from '../../lib/pilot/locality';
import type { Endpoint } from '../../lib/world';

const locality = fc
  .tuple(fc.constantFrom('', 'r1', 'r2', 'r3'), fc.constantFrom('', 'z1', 'z2'), fc.constantFrom('', 's1'))
  .map((parts) => (parts.some(Boolean) ? parts.join('/') : ''));
const endpoint = fc
  .record({ locality, version: fc.constantFrom('v1', 'v2'), weight: fc.option(fc.integer({ min: 1, max: 9 })) })
  .map(({ locality: place, version, weight }) => ({ locality: place, version, weight: weight ?? undefined }));
const endpoints = fc.array(endpoint, { maxLength: 12 }).map((list) =>
  list.map(
    ({ locality: place, version, weight }, i): Endpoint => ({
      address: `198.18.0.${i}`,
      port: 80,
      labels: { version },
      locality: place,
      weight,
    }),
  ),
);
const client = locality.map((place) => ({ locality: place, labels: { version: 'v1' }, node: '' }));

describe('failover', () => {
  const nearness: fc.Arbitrary<Nearness> = fc.record({
    failover: fc.constantFrom<NonNullable<Nearness['failover']>[]>([], [{ from: 'r1', to: 'r2' }]),
    failoverPriority: fc.constantFrom<(string[] | undefined)[]>(
      undefined,
      ['version'],
      ['version', 'topology.kubernetes.io/region'],
    ),
  });

  test('keeps every endpoint, in priorities without gaps, whose groups weigh what their endpoints weigh', () => {
    fc.assert(
      fc.property(endpoints, nearness, client, (all, how, place) => {
        const groups = arranged(all, how, place);
        expect(
          groups
            .flatMap((group) => group.endpoints)
            .map(({ address }) => address)
            .sort(),
        ).toEqual(all.map(({ address }) => address).sort());
        const priorities = [...new Set(groups.map(({ priority }) => priority))];
        expect(priorities).toEqual(priorities.map((_, i) => i));
        for (const group of groups) {
          expect(group.weight).toBe(group.endpoints.reduce((sum, { weight }) => sum + (weight ?? 1), 0));
          expect(new Set(group.endpoints.map((each) => each.locality)).size).toBe(1);
        }
      }),
    );
  });

  test('never prefers another region to the own one', () => {
    fc.assert(
      fc.property(endpoints, client, (all, place) => {
        const region = place.locality.split('/')[0];
        const groups = arranged(all, { failover: [] }, place);
        const isOwn = groups.map((group) => group.locality.split('/')[0] === region);
        expect(isOwn.lastIndexOf(true)).toBeLessThan(isOwn.includes(false) ? isOwn.indexOf(false) : groups.length + 1);
      }),
    );
  });
});

describe('distribution', () => {
  test('gives each pattern its share of the whole, and nothing to what no pattern names', () => {
    const all = ['r1/z1/', 'r1/z2/', 'r2/z1/', 'r3/z1/'].map(
      (place, i): Endpoint => ({ address: `198.18.0.${i}`, port: 80, labels: {}, locality: place }),
    );
    const distribute = [{ from: 'r1/*', to: { 'r1/*': 60, 'r1/z2/*': 30, r2: 10 } }];
    const groups = arranged(all, { distribute }, { locality: 'r1/z1/', labels: {}, node: '' });
    expect(groups.map(({ locality: place, weight }) => [place, weight])).toEqual([
      ['r1/z2/', 30],
      ['r1/z1/', 60],
      ['r2/z1/', 10],
    ]);
  });

  test('leaves clients of localities that no rule names as they were', () => {
    fc.assert(
      fc.property(endpoints, (all) => {
        const distribute = [{ from: 'r9/*', to: { 'r1/*': 100 } }];
        const groups = arranged(all, { distribute }, { locality: 'r1/z1/', labels: {}, node: '' });
        expect(groups.every(({ weight, priority }) => weight === undefined && priority === undefined)).toBe(true);
      }),
    );
  });
});
