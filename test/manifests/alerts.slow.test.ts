/** The rules that wake somebody, in Prometheus' own tool: what they ask for, and when they tell. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { meshRules } from '../../constructs/observability/alert-rules';

const run = promisify(execFile);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'malha-alerts-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Whether the alert is on at each of these times. */
async function holds(
  alertname: string,
  series: Readonly<Record<string, string>>,
  expected: Readonly<Record<string, object[]>>,
): Promise<string> {
  const { annotations, labels } = meshRules().rules.find(({ alert }) => alert === alertname)!;
  const shown = (of: object) => ({
    exp_labels: { ...labels, ...of },
    exp_annotations: Object.fromEntries(
      Object.entries(annotations!).map(([name, text]) => [
        name,
        text.replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => (of as Record<string, string>)[label]!),
      ]),
    ),
  });
  writeFileSync(join(folder, 'rules.yml'), stringify({ groups: [meshRules()] }));
  const tests = {
    rule_files: ['rules.yml'],
    evaluation_interval: '15s',
    tests: [
      {
        interval: '15s',
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        alert_rule_test: Object.entries(expected).map(([eval_time, alerts]) => ({
          eval_time,
          alertname,
          exp_alerts: alerts.map(shown),
        })),
      },
    ],
  };
  const file = join(folder, 'alerts.test.yml');
  writeFileSync(file, stringify(tests, { aliasDuplicateObjects: false }));
  const { stdout, stderr } = await run('promtool', ['test', 'rules', file]).catch((error) => error);
  return stdout + stderr;
}

describe('an absence of the control plane (THREATS 4)', () => {
  const replica = (n: number) => `up{job="malha-control-plane",instance="${n}"}`;

  // Half of the shortest life that a mesh may give, less 5 %: before that no certificate ends.
  test('pages after two minutes; the first certificate ends after 28 at the earliest', async () => {
    const series = { [replica(1)]: '1x40 0x200', [replica(2)]: '1x20 0x220' };
    expect(await holds('ControlPlaneDown', series, { '9m': [], '12m45s': [{}], '40m': [{}] })).toContain('SUCCESS');
  });

  test('of one replica of two pages nobody', async () => {
    const series = { [replica(1)]: '1x240', [replica(2)]: '1x20 0x220' };
    expect(await holds('ControlPlaneDown', series, { '40m': [] })).toContain('SUCCESS');
  });
});

test('a certificate that is not renewed pages with a third of its life left, by its level (THREATS 27)', async () => {
  const series = {
    'citadel_certificate_overdue{level="serving",instance="1"}': '0x40 1x60',
    'citadel_certificate_overdue{level="root",instance="1"}': '0x100',
  };
  const overdue = [{ level: 'serving' }];
  expect(await holds('CertificateOverdue', series, { '10m': [], '16m': overdue })).toContain('SUCCESS');
});

test('a proxy whose certificate is not renewed pages with a third of its life left, by its Pod (THREATS 27)', async () => {
  const name = 'envoy_cluster_ssl_certificate_default_expiration_unix_time_seconds';
  const of = (pod: string, cluster = 'xds-grpc') =>
    `${name}{envoy_cluster_name="${cluster}",pod="${pod}",namespace="shop",instance="${pod}:15090"}`;
  // Time begins with 0 here, and a life is a day: a third is left after sixteen hours.
  const series = {
    [of('late-1')]: '86400x6000',
    // Renewed at half of its life.
    [of('web-1')]: '86400x2879 129600x3121',
    [of('elsewhere-1', 'outbound|443||example.com')]: '3600x6000',
  };
  const labels = { envoy_cluster_name: 'xds-grpc', pod: 'late-1', namespace: 'shop', instance: 'late-1:15090' };
  expect(
    await holds('ProxyCertificateEnds', series, { '11h': [], '15h55m': [], '16h5m': [labels], '23h': [labels] }),
  ).toContain('SUCCESS');
});
