import { mergedCalls } from '../../lib/mixer/merged-calls';
import type { ObservedCall } from '../../lib/mixer/observed-calls';

const call = (destination: string, more: Partial<ObservedCall> = {}): ObservedCall => ({
  source: 'web-1.shop',
  destination,
  code: 200,
  protocol: 'http',
  count: 1,
  milliseconds: 4,
  lastSeen: '2026-05-01T10:00:00.000Z',
  ...more,
});

describe('what several control planes have counted', () => {
  test('is summed by caller, callee and answer, with the mean time of all and the last time of any', () => {
    const one = [call('api:80', { count: 3, milliseconds: 10 }), call('api:80', { code: 503 })];
    const two = [call('api:80', { milliseconds: 2, lastSeen: '2026-05-01T11:00:00.000Z' }), call('db:5432')];
    const sum = call('api:80', { count: 4, milliseconds: 8, lastSeen: '2026-05-01T11:00:00.000Z' });
    expect(mergedCalls([one, two])).toEqual([sum, call('api:80', { code: 503 }), call('db:5432')]);
    expect(mergedCalls([two, one])).toContainEqual(sum);
  });

  test('has the rates of all lately, each in its own time', () => {
    const lately = (perSecond: number, times: Record<string, number>) =>
      call('api:80', { lately: { perSecond, times } });
    const [both] = mergedCalls([[lately(1.5, { 4: 20, 8: 1 })], [lately(0.5, { 4: 5, 16: 2 })], [call('api:80')]]);
    expect(both!.lately).toEqual({ perSecond: 2, times: { 4: 25, 8: 1, 16: 2 } });
    expect(mergedCalls([[call('api:80')], [call('api:80')]])[0]).not.toHaveProperty('lately');
  });

  test('keeps calls apart whatever their names are', () => {
    const odd = [call('b:80', { source: 'a","b' }), call('b","b:80', { source: 'a' })];
    expect(mergedCalls([odd, odd]).map(({ count }) => count)).toEqual([2, 2]);
  });
});
