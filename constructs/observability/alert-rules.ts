/** What has to wake somebody in any mesh: the control plane, its proxies, and what they do not take. */
import type { RuleGroup } from './objective';

/** @param certificateSeconds what the certificate of a workload lives. Default: a day. */
export const meshRules = (certificateSeconds = 86_400): RuleGroup => ({
  name: 'malha',
  rules: [
    {
      alert: 'ControlPlaneDown',
      expr: 'absent(up{job="malha-control-plane"} == 1)',
      for: '2m',
      labels: { severity: 'page' },
      annotations: {
        summary: 'no replica of the control plane answers',
        description:
          'Proxies go on with what they have; changes and new Pods wait. Certificates of workloads end after half of their life.',
      },
    },
    {
      alert: 'CertificateOverdue',
      expr: 'max by (level) (citadel_certificate_overdue) > 0',
      for: '5m',
      labels: { severity: 'page' },
      annotations: {
        summary: 'a certificate of the control plane is not renewed ({{ $labels.level }})',
        description: 'A third of its life is left; after it nobody accepts it. The log of the control plane says why.',
      },
    },
    // The certificate by which a proxy calls its control plane, which a kubelet renews. Keys over ADS are counted by who makes them.
    {
      alert: 'ProxyCertificateEnds',
      expr: `envoy_cluster_ssl_certificate_default_expiration_unix_time_seconds{envoy_cluster_name="xds-grpc"} - time() < ${Math.floor(certificateSeconds / 3)}`,
      for: '1m',
      labels: { severity: 'page' },
      annotations: {
        summary: 'the certificate of {{ $labels.pod }} in {{ $labels.namespace }} is not renewed',
        description:
          'Less than a third of its life is left; after it nobody accepts it. `kubectl get podcertificaterequests` says what its kubelet was answered.',
      },
    },
    {
      alert: 'ProxiesUnreachable',
      expr: 'sum(up{job="malha-proxies"} == bool 0) / count(up{job="malha-proxies"}) > 0.1',
      for: '5m',
      labels: { severity: 'ticket' },
      annotations: {
        summary: '{{ $value | humanizePercentage }} of the proxies cannot be scraped',
        description: 'Their metrics are missing from every rate.',
      },
    },
    {
      alert: 'ConfigurationRejected',
      expr: 'sum by (type) (increase(pilot_total_xds_rejects[5m])) > 0',
      labels: { severity: 'page' },
      annotations: {
        summary: 'proxies reject what they are sent ({{ $labels.type }})',
        description: '`malha proxy-status` says which, and why. They go on with what they had.',
      },
    },
    {
      alert: 'ConfigurationStale',
      expr: 'max(malha_configuration_stale) > 0',
      for: '10m',
      labels: { severity: 'ticket' },
      annotations: {
        summary: 'the newest objects have errors and are not in force',
        description: 'The findings on the control plane’s status say which.',
      },
    },
    {
      alert: 'ControlPlaneCannotTranslate',
      expr: 'sum(increase(pilot_total_xds_internal_errors[5m])) > 0',
      labels: { severity: 'page' },
      annotations: {
        summary: 'the control plane cannot translate some objects',
        description: 'The last good resources of these objects stay in force.',
      },
    },
    {
      alert: 'SlowConvergence',
      expr: 'histogram_quantile(0.99, sum by (le) (rate(pilot_proxy_convergence_time_bucket[10m]))) > 10',
      for: '10m',
      labels: { severity: 'ticket' },
      annotations: {
        summary: 'changes take {{ $value | humanizeDuration }} to reach all proxies',
        description: 'The control plane may be short of CPU.',
      },
    },
  ],
});
