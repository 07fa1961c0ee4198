/** The dashboards of the mesh: as a whole, of a service, of a workload, and of the control plane. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboard, type Panel, quantiles, share } from './dashboard';

/** What dashboards know of the program: its services and workloads, as metrics name them. */
export interface MeshGraph {
  /** Host names. */
  readonly services: readonly string[];
  readonly workloads: readonly { readonly name: string; readonly namespace: string }[];
}

/** By the names of their files. */
export function meshDashboards(graph: MeshGraph): Readonly<Record<string, Dashboard>> {
  return {
    'mesh.json': meshDashboard(),
    'service.json': serviceDashboard(graph),
    'workload.json': workloadDashboard(graph),
    'control-plane.json': controlPlaneDashboard(),
  };
}

const rate = (metric: string, selector: string, by: readonly string[] = []) =>
  `sum${by.length > 0 ? ` by (${by.join(', ')})` : ''} (rate(${metric}${selector}[1m]))`;

const SERVER_ERRORS = 'response_code=~"5.."';

/** Requests, errors and times of one selection, as callers or as servers see them. */
function golden(selection: string, by: string): Panel[] {
  const all = `{${selection}}`;
  const errors = `{${selection},${SERVER_ERRORS}}`;
  return [
    {
      title: 'Requests',
      description: 'Answered requests a second.',
      unit: 'reqps',
      queries: [{ expr: rate('istio_requests_total', all, [by]), legend: `{{${by}}}` }],
    },
    {
      title: 'Share of 5xx answers',
      description: 'No requests is no data, not zero errors.',
      unit: 'percentunit',
      queries: [
        {
          expr: share(rate('istio_requests_total', errors, [by]), rate('istio_requests_total', all, [by])),
          legend: `{{${by}}}`,
        },
      ],
    },
    {
      title: 'Time of answers',
      description: 'Until the answer is complete.',
      unit: 'ms',
      queries: quantiles('istio_request_duration_milliseconds', all),
    },
    {
      title: 'Answers by status',
      description:
        'Flags say what the proxy had to do with it: UH, no healthy endpoint; UF, no connection; NR, no route.',
      unit: 'reqps',
      queries: [
        {
          expr: rate('istio_requests_total', all, ['response_code', 'response_flags']),
          legend: '{{response_code}} {{response_flags}}',
        },
      ],
    },
  ];
}

function meshDashboard(): Dashboard {
  const calls = '{reporter="source"}';
  return dashboard({
    uid: 'malha-mesh',
    title: 'Mesh',
    panels: [
      {
        title: 'Proxies',
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
        description: 'All requests, as callers see them.',
        unit: 'reqps',
        kind: 'stat',
        width: 8,
        queries: [{ expr: rate('istio_requests_total', calls), legend: 'requests' }],
      },
      {
        title: 'Requests over mutual TLS',
        description: 'The share of requests that servers took from a caller with a certificate.',
        unit: 'percentunit',
        kind: 'stat',
        width: 8,
        queries: [
          {
            expr: share(
              rate('istio_requests_total', '{reporter="destination",connection_security_policy="mutual_tls"}'),
              rate('istio_requests_total', '{reporter="destination"}'),
            ),
            legend: 'mutual TLS',
          },
        ],
      },
      ...golden('reporter="source"', 'destination_service'),
      {
        title: 'Who calls whom',
        description: 'Requests a second by workloads at both ends.',
        unit: 'reqps',
        queries: [
          {
            expr: `${rate('istio_requests_total', calls, ['source_workload', 'destination_workload'])} > 0`,
            legend: '{{source_workload}} → {{destination_workload}}',
          },
        ],
      },
      {
        title: 'Memory of proxies',
        description: 'What Envoy has allocated.',
        unit: 'bytes',
        queries: [{ expr: 'envoy_server_memory_allocated', legend: '{{pod}}' }],
      },
    ],
  });
}

function serviceDashboard({ services }: MeshGraph): Dashboard {
  const selection = 'reporter="source",destination_service="$service"';
  return dashboard({
    uid: 'malha-service',
    title: 'Service',
    variables: [
      {
        name: 'service',
        label: 'Service',
        values: { metric: 'istio_requests_total', label: 'destination_service' },
        initial: services[0],
      },
    ],
    panels: [
      ...golden(selection, 'source_workload'),
      {
        title: 'Requests by version',
        description: 'Which version answered.',
        unit: 'reqps',
        queries: [
          {
            expr: rate('istio_requests_total', `{${selection}}`, ['destination_version']),
            legend: '{{destination_version}}',
          },
        ],
      },
      {
        title: 'Sizes',
        description: 'Bytes of requests and answers, headers and bodies, a second.',
        unit: 'Bps',
        queries: [
          { expr: rate('istio_request_bytes_sum', `{${selection}}`), legend: 'requests' },
          { expr: rate('istio_response_bytes_sum', `{${selection}}`), legend: 'answers' },
        ],
      },
    ],
  });
}

function workloadDashboard({ workloads }: MeshGraph): Dashboard {
  const as = (end: string) => `${end}_workload="$workload",${end}_workload_namespace="$namespace"`;
  const titled = (prefix: string) => (panel: Panel) => ({ ...panel, title: `${prefix}: ${panel.title.toLowerCase()}` });
  return dashboard({
    uid: 'malha-workload',
    title: 'Workload',
    variables: [
      {
        name: 'namespace',
        label: 'Namespace',
        values: { metric: 'istio_requests_total', label: 'destination_workload_namespace' },
        initial: workloads[0]?.namespace,
      },
      {
        name: 'workload',
        label: 'Workload',
        values: {
          metric: 'istio_requests_total{destination_workload_namespace="$namespace"}',
          label: 'destination_workload',
        },
        initial: workloads[0]?.name,
      },
    ],
    panels: [
      ...golden(`reporter="destination",${as('destination')}`, 'source_principal').map(titled('Incoming')),
      ...golden(`reporter="source",${as('source')}`, 'destination_service').map(titled('Outgoing')),
    ],
  });
}

function controlPlaneDashboard(): Dashboard {
  const job = '{job="malha-control-plane"}';
  const panel = (title: string, description: string, unit: string, ...queries: Panel['queries']): Panel => ({
    title,
    description,
    unit,
    queries,
  });
  return dashboard({
    uid: 'malha-control-plane',
    title: 'Control plane',
    panels: [
      panel('Connected proxies', 'By replica.', 'none', { expr: `pilot_xds${job}`, legend: '{{instance}}' }),
      panel('Pushes', 'Responses a second, by type.', 'ops', {
        expr: rate('pilot_xds_pushes', job, ['type']),
        legend: '{{type}}',
      }),
      panel('Why', 'Configurations that came into force, by what changed.', 'none', {
        expr: `sum by (type) (pilot_push_triggers${job})`,
        legend: '{{type}}',
      }),
      {
        ...panel('Convergence', 'Seconds from a change until a proxy has acknowledged all that follows.', 's'),
        queries: quantiles('pilot_proxy_convergence_time', job),
      },
      panel('Time of a push', 'Making and writing one response.', 's', ...quantiles('pilot_xds_push_time', job)),
      panel('Size of a push', 'Bytes of a response.', 'bytes', ...quantiles('pilot_xds_config_size_bytes', job)),
      panel('Rejected by proxies', 'Responses that a proxy did not take.', 'none', {
        expr: `sum by (type) (pilot_total_xds_rejects${job})`,
        legend: '{{type}}',
      }),
      panel('Untranslated', 'What the control plane itself could not make.', 'none', {
        expr: `sum(pilot_total_xds_internal_errors${job})`,
        legend: 'errors',
      }),
      panel('Findings', 'In the newest objects, by level.', 'none', {
        expr: `max by (level) (malha_findings${job})`,
        legend: '{{level}}',
      }),
      panel('Events of the registry', 'Services, endpoints, Pods.', 'none', {
        expr: `sum by (type, event) (pilot_k8s_reg_events${job})`,
        legend: '{{type}} {{event}}',
      }),
      panel('Validation', 'Objects of the mesh API that passed.', 'none', {
        expr: `sum(galley_validation_passed${job})`,
        legend: 'passed',
      }),
      panel(
        'Injection',
        'Pods that got a sidecar from the webhook, and Pods that could not.',
        'none',
        {
          expr: `sum(sidecar_injection_success_total${job})`,
          legend: 'injected',
        },
        {
          expr: `sum(sidecar_injection_failure_total${job})`,
          legend: 'failed',
        },
      ),
      panel('CPU', 'Cores.', 'none', {
        expr: rate('process_cpu_seconds_total', job, ['instance']),
        legend: '{{instance}}',
      }),
      panel('Memory', 'Resident.', 'bytes', { expr: `process_resident_memory_bytes${job}`, legend: '{{instance}}' }),
    ],
  });
}
