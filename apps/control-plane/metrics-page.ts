/** docs/metrics.md, made of the names that proxies and the control plane use; a test holds the page to them. */
import { MOST_COUNTERS, MOST_HISTOGRAMS } from '../../lib/pilot/metrics';
import { STANDARD_LABELS, STANDARD_METRICS, type StandardMetric } from '../../lib/pilot/standard-metrics';
import { METRICS, type MetricName } from './metric-names';

/** The page, as Markdown. */
export function metricsPage(): string {
  const ofProxies: [string, StandardMetric][] = Object.entries(STANDARD_METRICS);
  const ofControlPlane: MetricName[] = Object.values(METRICS);
  return `${[
    '# Metrics\n',
    'This page is made from the program (`npm run test:update` writes it). What the metrics are for: [telemetry](telemetry.md).\n',
    '## Of proxies\n',
    'At port 15090 of each sidecar and gateway, path `/stats/prometheus`. In the Telemetry API they go by the names of the last column.\n',
    '| metric | kind | meaning | Telemetry API |',
    '|---|---|---|---|',
    ...ofProxies.map(([key, { name, unit, help }]) =>
      row(`\`${name}\``, unit ? 'histogram' : 'counter', help, `\`${key}\``),
    ),
    `\nLabels: ${STANDARD_LABELS.map((label) => `\`${label}\``).join(', ')}. Metrics of connections have no \`response_code\` and no`,
    '`grpc_response_status`; that one is only where requests may be gRPC. What is not known is `unknown`.\n',
    `A listener keeps at most ${MOST_COUNTERS} counters and ${MOST_HISTOGRAMS} histograms; what would come beyond is not counted.\n`,
    '## Of the control plane\n',
    'At port 15014, path `/metrics`, beside the usual ones of a Node.js process.\n',
    '| metric | kind | labels | meaning |',
    '|---|---|---|---|',
    ...ofControlPlane.map(({ name, kind, labels = [], help }) =>
      row(`\`${name}\``, kind, labels.map((label) => `\`${label}\``).join(' '), help),
    ),
  ].join('\n')}\n`;
}

function row(...cells: string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
