import fc from 'fast-check';
import { encode } from '../../lib/envoy/message';
import { entriesIn, LogBudget } from '../../lib/mixer/log-budget';

describe('the budget of access logs', () => {
  test('lets so many entries in a second, and the rest go', () => {
    let now = 0;
    const budget = new LogBudget(100, () => now);
    expect([budget.take(60), budget.take(60), budget.take(1)]).toEqual([true, true, false]);
    now += 100;
    // 20 too many were taken; a tenth of a second has not paid for them yet.
    expect(budget.take(1)).toBe(false);
    now += 200;
    expect(budget.take(1)).toBe(true);
  });

  test('saves nothing up beyond one second', () => {
    let now = 0;
    const budget = new LogBudget(100, () => now);
    now += 3_600_000;
    expect([budget.take(100), budget.take(1)]).toEqual([true, false]);
  });
});

describe('the entries of a message', () => {
  test('are counted without reading them', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.boolean(), fc.boolean(), (entries, isHttp, isFirst) => {
        const log_entry = Array.from({ length: entries }, () => ({ common_properties: { upstream_cluster: 'c' } }));
        const message = {
          ...(isFirst && { identifier: { node: { id: 'sidecar~1.2.3.4~a.b~b' }, log_name: 'log' } }),
          ...(isHttp ? { http_logs: { log_entry } } : { tcp_logs: { log_entry } }),
        };
        expect(entriesIn(encode('envoy.service.accesslog.v3.StreamAccessLogsMessage', message))).toBe(entries);
      }),
    );
  });
});
