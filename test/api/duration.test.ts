import * as fc from 'fast-check';
import { parseDuration, protobufDuration } from '../../lib/api';

describe('a duration', () => {
  it.each([
    ['250ms', 250],
    ['2s', 2_000],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['1us', 0.001],
    ['-3s', -3_000],
    ['0', 0],
  ])('%s is %d milliseconds', (text, milliseconds) => {
    expect(parseDuration(text)).toBeCloseTo(milliseconds, 9);
  });

  it.each(['', '5', 's', '1 s', '1s2', '1d', '--1s', 'one second', `${'1'.repeat(200)}s`])(
    'is not written as %p',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );

  it('is written as protobuf writes it', () => {
    expect([250, 2_000, 1_500, 0.001, 0, -250].map(protobufDuration)).toEqual([
      '0.250s',
      '2s',
      '1.500s',
      '0.000001s',
      '0s',
      '-0.250s',
    ]);
  });

  it('means the same after it was written for protobuf', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000_000 }), (milliseconds) => {
        expect(parseDuration(protobufDuration(milliseconds))).toBeCloseTo(milliseconds, 6);
      }),
    );
  });

  it('is refused or understood in no time, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2_000 }), (text) => {
        const value = parseDuration(text);
        expect(value === undefined || Number.isFinite(value)).toBe(true);
      }),
    );
  });
});
