/** Where Prometheus finds the metrics of the connected proxies, as its HTTP service discovery wants to be told. */

import type { Node } from './source';
import type { ProxyStatus } from './status';

/** One element of https://prometheus.io/docs/prometheus/latest/http_sd/. */
export interface ScrapeTarget {
  readonly targets: readonly [string];
  readonly labels: Readonly<Record<string, string>>;
}

/** Envoy's merged metrics, on the address of the Pod. */
const METRICS_PORT = 15090;

/** One target for each proxy; one that is just reconnecting counts once. */
export function scrapeTargets(
  proxies: readonly ProxyStatus[],
  labelsOf: (node: Node) => Readonly<Record<string, string>> | undefined,
): ScrapeTarget[] {
  const targets = new Map<string, ScrapeTarget>();
  for (const { node } of proxies) {
    const [type, ip, workload = ''] = node.id.split('~');
    const dot = workload.lastIndexOf('.');
    if (!type || !ip || dot < 0) continue;
    const labels = labelsOf(node) ?? {};
    targets.set(node.id, {
      targets: [`${ip.includes(':') ? `[${ip}]` : ip}:${METRICS_PORT}`],
      labels: {
        pod: workload.slice(0, dot),
        namespace: workload.slice(dot + 1),
        container: 'istio-proxy',
        proxy_type: type,
        ...pick(labels, 'app', 'version'),
      },
    });
  }
  return [...targets.values()];
}

/** The canonical labels of a workload, in either spelling. */
function pick(labels: Readonly<Record<string, string>>, ...names: ('app' | 'version')[]): Record<string, string> {
  const picked: Record<string, string> = {};
  const spelling = {
    app: ['service.istio.io/canonical-name', 'app.kubernetes.io/name', 'app'],
    version: ['service.istio.io/canonical-revision', 'app.kubernetes.io/version', 'version'],
  };
  for (const name of names) {
    const value = spelling[name].map((label) => labels[label]).find(Boolean);
    if (value) picked[name] = value;
  }
  return picked;
}
