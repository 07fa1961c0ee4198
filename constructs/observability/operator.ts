/**
 * For clusters that have the Prometheus operator, and a Grafana whose sidecar gathers dashboards: what is to be scraped,
 * the rules, and the dashboards, as objects that these find by their labels.
 */
import { ApiObject } from 'cdk8s';
import { ConfigMap } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import type { ConfigMap as KubeConfigMap } from '../../lib/api/kubernetes';
import type { KubeObject } from '../../lib/api/object';
import { CONTROL_PLANE_NAME } from '../../lib/api/revisions';
import { onRendered } from '../rendered';
import { dashboardFiles } from './grafana';
import type { MeshGraph } from './mesh-dashboards';
import type { RuleGroup } from './objective';
import { WITHOUT_PREFIX } from './prometheus';

/** How the operator and Grafana find what is written for them. */
export interface OperatorOptions {
  /** Labels of PodMonitor, ServiceMonitor and PrometheusRule. Default: `release: prometheus`. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The label by which Grafana's sidecar finds ConfigMaps of dashboards. Default: `grafana_dashboard: "1"`. */
  readonly dashboardLabels?: Readonly<Record<string, string>>;
}

interface OperatorProps extends OperatorOptions {
  readonly namespace: string;
  readonly rules: () => readonly RuleGroup[];
  readonly graph: () => MeshGraph;
}

/** What attaches the mesh to a monitoring that is there. Made by `Mesh` for `Monitoring.operator()`. */
export class OperatorMonitoring extends Construct {
  constructor(scope: Construct, id: string, props: OperatorProps) {
    super(scope, id);
    const { namespace, rules, graph } = props;
    const labels = { ...(props.labels ?? { release: 'prometheus' }) };
    const write = (kind: string, name: string, spec: object) =>
      new ApiObject(this, kind, {
        apiVersion: 'monitoring.coreos.com/v1',
        kind,
        metadata: { name, namespace, labels },
        spec,
      });
    write('PodMonitor', 'malha-proxies', {
      jobLabel: 'malha-proxies',
      namespaceSelector: { any: true },
      selector: { matchExpressions: [{ key: 'sidecar.istio.io/metrics', operator: 'NotIn', values: ['none'] }] },
      podMetricsEndpoints: [
        {
          port: 'http-envoy-prom',
          path: '/stats/prometheus',
          interval: '15s',
          relabelings: [{ targetLabel: 'job', replacement: 'malha-proxies' }],
          metricRelabelings: [
            {
              sourceLabels: WITHOUT_PREFIX.source_labels,
              regex: WITHOUT_PREFIX.regex,
              targetLabel: WITHOUT_PREFIX.target_label,
              replacement: WITHOUT_PREFIX.replacement,
            },
          ],
        },
      ],
    });
    write('ServiceMonitor', CONTROL_PLANE_NAME, {
      // The label of the Services of all revisions.
      selector: { matchLabels: { app: CONTROL_PLANE_NAME } },
      endpoints: [
        {
          port: 'http-monitoring',
          interval: '15s',
          relabelings: [{ targetLabel: 'job', replacement: CONTROL_PLANE_NAME }],
        },
      ],
    });
    onRendered<KubeObject<object>>(write('PrometheusRule', 'malha', {}), (rendered) => ({
      ...rendered,
      spec: { groups: rules() },
    }));
    const dashboards = new ConfigMap(this, 'Dashboards', {
      metadata: {
        name: 'malha-dashboards',
        namespace,
        labels: { ...(props.dashboardLabels ?? { grafana_dashboard: '1' }) },
      },
    });
    onRendered<KubeConfigMap>(ApiObject.of(dashboards), (rendered) => ({ ...rendered, data: dashboardFiles(graph()) }));
  }
}
