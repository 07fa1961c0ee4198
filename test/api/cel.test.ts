import fc from 'fast-check';
import { judgeCel, judgeTagValue } from '../../lib/api';

describe('an expression of the Telemetry API', () => {
  test.each([
    'response.code >= 400',
    '!has(response.code) || response.code >= 500',
    "connection.mtls && request.url_path.contains('v1beta3')",
    "request.headers['x-a'] == 'b' ? request.host : 'other'",
    'response.code in [500, 503]',
    "request.path.matches('^/a.*$')",
    "int(response.code) + 1 > 500 && duration('1s') < request.duration",
    'size(request.path) > 3',
    "-response.code < -499 && !(request.method == 'GET')",
  ])('is served: %s', (expression) => {
    expect(judgeCel(expression)).toMatchObject({ kind: 'served' });
  });

  test.each([
    ["upstream_peer.labels['app'].value", 'upstream_peer'],
    ["has(request.headers['x-a'])", 'has() takes a field'],
    ["request.path.split('/')[1] == 'a'", 'split'],
    ["request.headers.exists(h, h == 'a')", 'exists'],
    ["request.path == '100%'", "'100%'"],
    ['response.code % 2 == 0', '%'],
    ['{1: 2}', 'maps'],
    ["r'\\d' == request.path", "r'\\d'"],
    ['google.protobuf.Timestamp{seconds: 1} < request.time', 'maps'],
    ['0xff == response.code', '0xff'],
  ])('is CEL, but beyond a proxy: %s', (expression, named) => {
    expect(judgeCel(expression)).toEqual({ kind: 'unserved', problem: expect.stringContaining(named) });
  });

  test.each(['', '>', 'a b', 'request.', '(request.path', "'open", 'a ? b', 'a[', 'f(,)', '&', 'a == == b', '=='])(
    'is no CEL: %s',
    (expression) => {
      expect(judgeCel(expression).kind).toBe('malformed');
    },
  );

  test('is judged at once, however long and deep it is', () => {
    for (const bracket of ['(', '[', '!', '-', 'a[', 'f(', '{']) {
      expect(judgeCel(bracket.repeat(500)).kind).toBe('malformed');
    }
    expect(judgeCel(`'${'a'.repeat(2000)}'`).kind).toBe('malformed');
  });

  test('never throws', () => {
    const part = fc.constantFrom(
      ...'request . path [ ] ( ) { } \' " """ a 1 0x1 1e5 && || ! ? : , % \\ == in r\'x\' has('.split(' '),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 20 }), fc.string(), (parts, text) => {
        judgeCel(parts.join(' ') + text);
        judgeTagValue(text + parts.join(''));
      }),
    );
  });
});

describe('the value of a tag', () => {
  test.each([
    ['string(destination.port)', 'destination.port'],
    ["node.metadata['X']", "xds.node.metadata['X']"],
    [' request.host ', 'request.host'],
  ])('%s asks for %s', (expression, text) => {
    expect(judgeTagValue(expression)).toMatchObject({ kind: 'served', text });
  });
});
