/** What is asked of a Prometheus that looks at Bookinfo's mesh, and what runs beside it for that. */
import { join } from 'node:path';
import { parse } from 'yaml';
import type { ConfigMap } from '../../lib/api/kubernetes';
import type { KubeObject } from '../../lib/api/object';
import { RUN_ANNOTATION } from '../../lib/local';
import type { BookinfoManifests } from './bookinfo-manifests';

/** The series that Istio's own dashboards ask for. */
export const SERIES = [
  'istio_requests_total',
  'istio_request_duration_milliseconds_bucket',
  'istio_request_bytes_bucket',
  'istio_response_bytes_bucket',
  'istio_tcp_sent_bytes_total > 0',
  'istio_tcp_received_bytes_total > 0',
  'istio_tcp_connections_opened_total',
  'istio_tcp_connections_closed_total',
  'istio_build',
  'pilot_xds',
  'pilot_xds_pushes',
  'pilot_xds_push_time_bucket',
  'pilot_xds_config_size_bytes_bucket',
  'pilot_push_triggers',
  'pilot_total_xds_rejects',
  'pilot_total_xds_internal_errors',
  'pilot_k8s_reg_events',
  'pilot_k8s_cfg_events',
  'galley_validation_passed',
  'sidecar_injection_success_total',
  'sidecar_injection_failure_total',
];

/** By the labels that they tell apart by. */
export const LABELLED = [
  'istio_requests_total{reporter="source",source_workload="productpage-v1",destination_workload="details-v1"}',
  'istio_requests_total{reporter="destination",destination_workload="details-v1",destination_workload_namespace="bookinfo"}',
  'istio_requests_total{source_workload_namespace="bookinfo",destination_service=~"reviews.*",response_code="200"}',
  'istio_requests_total{connection_security_policy!="",source_principal!="",destination_principal!=""}',
  'istio_requests_total{app="productpage",pod="productpage-v1",namespace="bookinfo",container="istio-proxy"}',
  'istio_tcp_connections_closed_total{reporter="source",destination_workload="db",destination_service_name="db"}',
  'istio_tcp_sent_bytes_total{reporter="destination",destination_service="db.bookinfo.svc.cluster.local"}',
  'istio_build{component="pilot"}',
];

/** A connection to `db`, with a few bytes there and back. */
export const TALK_TO_DB = `
const socket = require('node:net').connect(5432, 'db', () => socket.write('hello'));
socket.on('data', () => socket.end());
`;

/** A TCP service in the mesh, and an Alertmanager outside of it. */
export function beside(folder: string): KubeObject[] {
  const echo = `node -e "require('node:net').createServer((s) => s.pipe(s)).listen(5432, '0.0.0.0')"`;
  const alertmanager =
    `prometheus-alertmanager --config.file=${join(folder, 'alertmanager.yml')} --storage.path=${folder}/alerts ` +
    '--web.listen-address=0.0.0.0:9093 --cluster.listen-address=';
  return [
    ...program('bookinfo', 'db', { name: 'tcp', port: 5432 }, echo),
    ...program('malha-system', 'alertmanager', { name: 'http', port: 9093 }, alertmanager),
    {
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: 'db', namespace: 'bookinfo' },
      spec: { selector: { matchLabels: { app: 'db' } }, rules: [{}] },
    },
  ];
}

function program(namespace: string, name: string, port: { name: string; port: number }, run: string): KubeObject[] {
  const labels = { app: name };
  const metadata = { name, namespace };
  return [
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: labels, ports: [port] } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels, annotations: { [RUN_ANNOTATION]: run } },
          spec: { containers: [{ name, image: `example/${name}` }] },
        },
      },
    },
  ];
}

/** Every request for details fails. */
export const FAULT: KubeObject = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name: 'details-fault', namespace: 'bookinfo' },
  spec: {
    hosts: ['details'],
    http: [
      {
        fault: { abort: { httpStatus: 503, percentage: { value: 100 } } },
        route: [{ destination: { host: 'details' } }],
      },
    ],
  },
};

interface Dashboard {
  panels: { targets: { expr: string }[] }[];
}

/** The queries of all panels of all dashboards, with variables filled in. */
export function panelQueries(manifests: BookinfoManifests, service = 'reviews.bookinfo.svc.cluster.local'): string[] {
  const { data = {} } = manifests.object<ConfigMap>('ConfigMap', 'grafana-dashboards');
  const values: Record<string, string> = { $service: service, $workload: 'reviews-v2', $namespace: 'bookinfo' };
  return Object.values(data)
    .flatMap((text) => (JSON.parse(text) as Dashboard).panels)
    .flatMap(({ targets }) => targets)
    .map(({ expr }) => expr.replace(/\$(service|workload|namespace)/g, (variable) => values[variable]!));
}

interface Rules {
  groups: { rules: { record?: string; expr: string }[] }[];
}

/** What rules ask for, without the limits that make alerts of it: in a healthy mesh, no alert has a value. */
export function ruleQueries(manifests: BookinfoManifests): string[] {
  const { data } = manifests.object<ConfigMap>('ConfigMap', 'prometheus-config');
  const { groups } = parse(data!['rules.yml']!) as Rules;
  return groups
    .flatMap(({ rules }) => rules)
    .flatMap(({ record, expr }) =>
      record
        ? [expr]
        : expr
            .replace(/^absent\((.*) == 1\)$/, '$1')
            .split(' and ')
            .map((side) => side.replace(/ [<>] [\d.]+$/, '')),
    );
}

const labels = 'reporter="source",destination_service="details.bookinfo.svc.cluster.local"';
const alertLabels = {
  severity: 'page',
  objective: 'availability',
  destination_service: 'details.bookinfo.svc.cluster.local',
};
const burn = (share: string, factor: number) => ({
  exp_annotations: {
    summary: `details.bookinfo.svc.cluster.local burns its error budget of availability ${factor} times too fast`,
    description: `Promised: 99.9 %. Over ${factor === 14.4 ? '1h' : '6h'}, ${share} of requests fell short.`,
  },
});

/** One request a second: for 5 % of errors two alerts, for 0.05 % none; without requests neither a value nor an alert. */
export const burnTests = {
  rule_files: ['rules.yml'],
  evaluation_interval: '1m',
  tests: [
    {
      interval: '1m',
      input_series: [
        { series: `istio_requests_total{${labels},response_code="200"}`, values: '0+57x720' },
        { series: `istio_requests_total{${labels},response_code="503"}`, values: '0+3x720' },
      ],
      alert_rule_test: [
        {
          eval_time: '10h',
          alertname: 'ErrorBudgetBurn',
          exp_alerts: [
            { exp_labels: { ...alertLabels, long_window: '1h' }, ...burn('5%', 14.4) },
            { exp_labels: { ...alertLabels, long_window: '6h' }, ...burn('5%', 6) },
            { exp_labels: { ...alertLabels, severity: 'ticket', long_window: '1d' }, ...ticket('5%', 3, '1d') },
            { exp_labels: { ...alertLabels, severity: 'ticket', long_window: '3d' }, ...ticket('5%', 1, '3d') },
          ],
        },
      ],
    },
    {
      interval: '1m',
      input_series: [
        { series: `istio_requests_total{${labels},response_code="200"}`, values: '0+1999x720' },
        { series: `istio_requests_total{${labels},response_code="503"}`, values: '0+1x720' },
      ],
      alert_rule_test: [{ eval_time: '10h', alertname: 'ErrorBudgetBurn', exp_alerts: [] }],
    },
    {
      interval: '1m',
      input_series: [{ series: `istio_requests_total{${labels},response_code="200"}`, values: '7x720' }],
      alert_rule_test: [{ eval_time: '10h', alertname: 'ErrorBudgetBurn', exp_alerts: [] }],
      promql_expr_test: [{ expr: 'malha:availability_errors:ratio_rate5m > 0', eval_time: '10h', exp_samples: [] }],
    },
  ],
};

function ticket(share: string, factor: number, window: string) {
  return {
    exp_annotations: {
      summary: `details.bookinfo.svc.cluster.local burns its error budget of availability ${factor} times too fast`,
      description: `Promised: 99.9 %. Over ${window}, ${share} of requests fell short.`,
    },
  };
}
