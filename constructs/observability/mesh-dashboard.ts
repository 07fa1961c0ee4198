/**
 * The dashboard of the mesh: who calls whom, how often, how well and how fast, and how the proxies are. Every query
 * uses what an unmodified Envoy counts; a cluster's name, `outbound|9080|v1|reviews.shop.svc.cluster.local`, tells the
 * service, its port and its version.
 */

/** Calls between services, without the proxies' own calls to the control plane. */
const CALLS = '{envoy_cluster_name=~"outbound.+"}';

interface Panel {
  readonly title: string;
  readonly description: string;
  readonly unit: string;
  readonly queries: readonly { readonly expr: string; readonly legend: string }[];
  readonly kind?: 'timeseries' | 'stat';
  readonly width: number;
}

const panels: readonly Panel[] = [
  {
    title: 'Connected proxies',
    description: 'Sidecars and gateways that Prometheus reaches.',
    unit: 'none',
    kind: 'stat',
    width: 4,
    queries: [{ expr: 'sum(up{job="malha-proxies"})', legend: 'proxies' }],
  },
  {
    title: 'Control planes',
    description: 'Replicas of the control plane that Prometheus reaches.',
    unit: 'none',
    kind: 'stat',
    width: 4,
    queries: [{ expr: 'sum(up{job="malha-control-plane"})', legend: 'replicas' }],
  },
  {
    title: 'Requests',
    description: 'All requests from sidecars and gateways to services.',
    unit: 'reqps',
    kind: 'stat',
    width: 8,
    queries: [{ expr: `sum(rate(envoy_cluster_upstream_rq_total${CALLS}[1m]))`, legend: 'requests' }],
  },
  {
    title: 'Share of 5xx answers',
    description: 'No requests is no data, not zero errors.',
    unit: 'percentunit',
    kind: 'stat',
    width: 8,
    queries: [
      {
        expr:
          'sum(rate(envoy_cluster_upstream_rq_xx{envoy_response_code_class="5",envoy_cluster_name=~"outbound.+"}[1m])) / ' +
          `sum(rate(envoy_cluster_upstream_rq_total${CALLS}[1m]))`,
        legend: '5xx',
      },
    ],
  },
  {
    title: 'Requests by service and version',
    description: 'As callers see them.',
    unit: 'reqps',
    width: 12,
    queries: [
      {
        expr: `sum by (envoy_cluster_name) (rate(envoy_cluster_upstream_rq_total${CALLS}[1m])) > 0`,
        legend: '{{envoy_cluster_name}}',
      },
    ],
  },
  {
    title: 'Answers by class',
    description: 'By the first digit of the status.',
    unit: 'reqps',
    width: 12,
    queries: [
      {
        expr: `sum by (envoy_response_code_class) (rate(envoy_cluster_upstream_rq_xx${CALLS}[1m]))`,
        legend: '{{envoy_response_code_class}}xx',
      },
    ],
  },
  {
    title: 'Latency',
    description: 'Time until the answer is complete, as callers see it.',
    unit: 'ms',
    width: 12,
    queries: [0.5, 0.99].map((quantile) => ({
      expr: `histogram_quantile(${quantile}, sum by (le) (rate(envoy_cluster_upstream_rq_time_bucket${CALLS}[1m])))`,
      legend: `p${quantile * 100}`,
    })),
  },
  {
    title: 'Retries and refusals',
    description: 'Requests tried again, and requests that a limit refused.',
    unit: 'reqps',
    width: 12,
    queries: [
      { expr: `sum(rate(envoy_cluster_upstream_rq_retry${CALLS}[1m]))`, legend: 'retries' },
      { expr: `sum(rate(envoy_cluster_upstream_rq_pending_overflow${CALLS}[1m]))`, legend: 'over the limit' },
    ],
  },
  {
    title: 'Memory of proxies',
    description: 'What Envoy has allocated.',
    unit: 'bytes',
    width: 12,
    queries: [{ expr: 'envoy_server_memory_allocated', legend: '{{instance}}' }],
  },
  {
    title: 'Connections to services',
    description: 'Open at the moment.',
    unit: 'none',
    width: 12,
    queries: [
      {
        expr: `sum by (envoy_cluster_name) (envoy_cluster_upstream_cx_active${CALLS}) > 0`,
        legend: '{{envoy_cluster_name}}',
      },
    ],
  },
];

const HEIGHT = 8;
const GRID = 24;

/** The dashboard as Grafana reads it from a file. */
export const meshDashboard: object = {
  uid: 'malha-mesh',
  title: 'Mesh',
  tags: ['malha'],
  schemaVersion: 39,
  timezone: 'browser',
  refresh: '10s',
  time: { from: 'now-15m', to: 'now' },
  editable: false,
  panels: laidOut(panels),
};

function laidOut(list: readonly Panel[]): object[] {
  let [x, y] = [0, 0];
  return list.map((panel, index) => {
    if (x + panel.width > GRID) [x, y] = [0, y + HEIGHT];
    const gridPos = { x, y, w: panel.width, h: HEIGHT };
    x += panel.width;
    return {
      id: index + 1,
      type: panel.kind ?? 'timeseries',
      title: panel.title,
      description: panel.description,
      datasource: { type: 'prometheus', uid: 'prometheus' },
      fieldConfig: { defaults: { unit: panel.unit, min: 0 }, overrides: [] },
      gridPos,
      targets: panel.queries.map(({ expr, legend }, query) => ({
        refId: String.fromCharCode('A'.charCodeAt(0) + query),
        expr,
        legendFormat: legend,
      })),
    };
  });
}
