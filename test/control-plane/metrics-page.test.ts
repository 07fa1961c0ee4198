import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { METRICS } from '../../apps/control-plane/metric-names';
import { metricsPage } from '../../apps/control-plane/metrics-page';

const PAGE = join(__dirname, '../../docs/metrics.md');

describe('the page of metrics', () => {
  test('is what the program says now', () => {
    if (process.env.UPDATE_GOLDEN) writeFileSync(PAGE, metricsPage());
    expect(readFileSync(PAGE, 'utf8')).toBe(metricsPage());
  });

  test('tells every metric of the control plane once', () => {
    for (const { name } of Object.values(METRICS)) expect(metricsPage().split(`| \`${name}\` |`)).toHaveLength(2);
  });
});
