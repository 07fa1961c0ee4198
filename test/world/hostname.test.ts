import fc from 'fast-check';
import { bySpecificity, covers, intersect, resolveHost } from '../../lib/world';

describe('a host name', () => {
  test.each([
    ['reviews', 'reviews.shop.svc.cluster.local'],
    ['Reviews', 'reviews.shop.svc.cluster.local'],
    ['reviews.other', 'reviews.other'],
    ['www.Example.com', 'www.example.com'],
    ['*', '*'],
    ['*.example.com', '*.example.com'],
    ['198.18.0.1', '198.18.0.1'],
    ['fd00::1', 'fd00::1'],
  ])('%s in namespace shop means %s', (host, complete) => {
    expect(resolveHost(host, 'shop')).toBe(complete);
  });

  test.each([
    ['*', 'a.b', true],
    ['*.b', 'a.b', true],
    ['*.b', 'x.a.b', true],
    ['*.b', 'b', false],
    ['*.b', '.b', false],
    ['*.b', 'a.bb', false],
    ['*.b', '*.a.b', true],
    ['*.a.b', '*.b', false],
    ['a.b', '*.b', false],
    ['*', '*', true],
  ])('%s covers %s: %s', (wide, narrow, expected) => {
    expect(covers(wide, narrow)).toBe(expected);
  });

  test('of two that overlap, the narrower is what both stand for', () => {
    expect(intersect('*.example.com', 'shop.example.com')).toBe('shop.example.com');
    expect(intersect('shop.example.com', '*')).toBe('shop.example.com');
    expect(intersect('*.example.com', '*.shop.example.com')).toBe('*.shop.example.com');
    expect(intersect('a.example.com', 'b.example.com')).toBeUndefined();
  });

  test('covers exactly what a wildcard of Envoy would match', () => {
    const label = fc.stringMatching(/^[a-z]{1,3}$/);
    const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
    fc.assert(
      fc.property(name, name, (suffix, host) => {
        expect(covers(`*.${suffix}`, host)).toBe(host.endsWith(`.${suffix}`));
      }),
    );
  });

  test('is the more specific the longer, and exact before wildcard', () => {
    const sorted = ['*', '*.b', 'z', '*.a.b', 'a.b'].sort(bySpecificity);
    expect(sorted).toEqual(['a.b', 'z', '*.a.b', '*.b', '*']);
  });
});
