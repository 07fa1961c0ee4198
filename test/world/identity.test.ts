import fc from 'fast-check';
import { formatIdentity, type Identity, IdentityError, parseIdentity } from '../../lib/world/identity';

const label = (longest: number) =>
  fc.stringMatching(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/).filter((text) => text.length <= longest);
const identity: fc.Arbitrary<Identity> = fc.record({
  trustDomain: fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,40}$/),
  namespace: label(63),
  serviceAccount: fc.array(label(20), { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.')),
});

const PAGE = 'spiffe://cluster.local/ns/bookinfo/sa/productpage';

describe('a SPIFFE identity', () => {
  test('is read into trust domain, namespace and service account', () => {
    expect(parseIdentity(PAGE)).toEqual({
      trustDomain: 'cluster.local',
      namespace: 'bookinfo',
      serviceAccount: 'productpage',
    });
  });

  test('that was written is read back the same', () => {
    fc.assert(fc.property(identity, (given) => expect(parseIdentity(formatIdentity(given))).toEqual(given)));
  });

  test('has one spelling: whatever can be read is written the same', () => {
    const parts = fc.constantFrom(
      'spiffe://',
      'SPIFFE://',
      'td',
      'Td',
      '/',
      '//',
      'ns',
      'sa',
      'a',
      '..',
      '.',
      '%2e',
      '\0',
      '',
    );
    const nearMiss = fc.array(parts, { maxLength: 12 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(fc.oneof(nearMiss, fc.string(), identity.map(formatIdentity)), (text) => {
        let read: Identity;
        try {
          read = parseIdentity(text);
        } catch (error) {
          expect(error).toBeInstanceOf(IdentityError);
          return;
        }
        expect(formatIdentity(read)).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  test('with any single character inserted is another identity or none', () => {
    fc.assert(
      fc.property(identity, fc.nat(), fc.string({ minLength: 1, maxLength: 1, unit: 'binary' }), (given, at, extra) => {
        const text = formatIdentity(given);
        const index = at % (text.length + 1);
        const changed = text.slice(0, index) + extra + text.slice(index);
        let read: Identity | undefined;
        try {
          read = parseIdentity(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(IdentityError);
        }
        if (read) expect(read).not.toEqual(given);
      }),
    );
  });

  test.each([
    ['a NUL byte', 'spiffe://td/ns/a\0/sa/b'],
    ['a NUL byte at the end', `${PAGE}\0`],
    ['a line feed at the end', `${PAGE}\n`],
    ['a parent folder', 'spiffe://td/ns/../sa/b'],
    ['a trust domain of dots', 'spiffe://../ns/a/sa/b'],
    ['percent-encoding', 'spiffe://td/ns/a%2fb/sa/c'],
    ['a trailing slash', `${PAGE}/`],
    ['an upper-case trust domain', 'spiffe://Cluster.local/ns/a/sa/b'],
    ['an upper-case scheme', 'SPIFFE://cluster.local/ns/a/sa/b'],
    ['an upper-case namespace', 'spiffe://td/ns/A/sa/b'],
    ['a port', 'spiffe://td:8443/ns/a/sa/b'],
    ['a user', 'spiffe://u@td/ns/a/sa/b'],
    ['a query', `${PAGE}?a=b`],
    ['a fragment', `${PAGE}#a`],
    ['another shape', 'spiffe://td/workload/a'],
    ['one part too many', `${PAGE}/x`],
    ['an empty namespace', 'spiffe://td/ns//sa/b'],
    ['an empty trust domain', 'spiffe:///ns/a/sa/b'],
    ['another scheme', 'https://td/ns/a/sa/b'],
    ['a namespace of 64 characters', `spiffe://td/ns/${'a'.repeat(64)}/sa/b`],
    ['3,000 characters', `spiffe://${'a'.repeat(3000)}/ns/a/sa/b`],
    ['no text at all', ''],
  ])('is refused with %s', (_, text) => {
    expect(() => parseIdentity(text)).toThrow(IdentityError);
  });

  test.each<[string, Partial<Identity>]>([
    ['a trust domain of 255 characters', { trustDomain: 'a'.repeat(255) }],
    ['a trust domain that begins with a dot', { trustDomain: `.${'a'.repeat(254)}` }],
    ['a namespace of 63 characters', { namespace: 'a'.repeat(63) }],
    ['a service account of 253 characters', { serviceAccount: 'a'.repeat(253) }],
  ])('may have %s, and not one more', (_, part) => {
    const longest = { trustDomain: 'td', namespace: 'a', serviceAccount: 'b', ...part };
    expect(parseIdentity(formatIdentity(longest))).toEqual(longest);
    const [field, text] = Object.entries(part)[0]!;
    expect(() => formatIdentity({ ...longest, [field]: `${text}a` })).toThrow(IdentityError);
  });

  test('of more than 2,048 characters is not looked at, and no error repeats a long one', () => {
    const messageOf = (text: string) => {
      try {
        return JSON.stringify(parseIdentity(text));
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(messageOf(`${PAGE}${'a'.repeat(2049 - PAGE.length)}`)).toBe(
      'SPIFFE id of 2049 characters: at most 2048 are allowed',
    );
    const tooLong = messageOf(`${PAGE}${'a'.repeat(2048 - PAGE.length)}`);
    expect(tooLong).toContain('…" is not allowed: use a DNS subdomain');
    expect(tooLong.length).toBeLessThan(500);
  });

  test('is not written from a part that would change its meaning', () => {
    const evil = { trustDomain: 'td', namespace: 'a/sa/admin', serviceAccount: 'b' };
    expect(() => formatIdentity(evil)).toThrow(
      'namespace "a/sa/admin" is not allowed: use a DNS label: lower-case letters, digits and "-", at most 63',
    );
  });

  test('of an attacker is named in the error without its control characters', () => {
    expect(() => parseIdentity('spiffe://td/ns/\u001b[2J/sa/b')).toThrow('\\u001b[2J');
  });
});
