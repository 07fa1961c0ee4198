/** A Prometheus that scrapes every proxy of the mesh and the control plane. */
import { Size } from 'cdk8s';
import { Construct } from 'constructs';
import { stringify } from 'yaml';
import type { ControlPlane } from '../control-plane';
import { PROMETHEUS_IMAGE } from '../images';
import { Duration } from '../units';
import type { RuleGroup } from './objective';
import { type StorageProps, server } from './server';

const PORT = 9090;

/** How much Prometheus keeps, and whom it tells. */
export interface PrometheusOptions {
  /** How long samples are kept. Default: a day. */
  readonly retention?: Duration;
  /** A volume for the samples. Default: an empty one, lost with the Pod. */
  readonly storage?: StorageProps;
  /** `host:port` of the Alertmanager that gets alerts. Default: none; alerts are shown by Prometheus alone. */
  readonly alertmanager?: string;
}

interface PrometheusProps extends PrometheusOptions {
  readonly namespace: string;
  /** Of all revisions. */
  readonly controlPlanes: () => readonly ControlPlane[];
  /** The rules for recording and alerts. */
  readonly rules: () => readonly RuleGroup[];
}

/** The Prometheus of the mesh. Made by `Mesh` for `Monitoring.bundled()`. */
export class Prometheus extends Construct {
  /** Where it answers queries, within the cluster. */
  readonly url: string;

  constructor(scope: Construct, id: string, props: PrometheusProps) {
    super(scope, id);
    this.url = `http://prometheus.${props.namespace}.svc.cluster.local:${PORT}`;
    server(this, {
      namespace: props.namespace,
      name: 'prometheus',
      image: PROMETHEUS_IMAGE,
      user: 65534,
      args: [
        '--config.file=/etc/prometheus/prometheus.yml',
        '--storage.tsdb.path=/prometheus',
        `--storage.tsdb.retention.time=${(props.retention ?? Duration.days(1)).toHours()}h`,
        `--storage.tsdb.retention.size=${retainedBytes(props.storage)}`,
      ],
      services: { prometheus: [{ name: 'http', number: PORT, protocol: 'http' }] },
      ready: { path: '/-/ready', port: PORT },
      configs: {
        'prometheus-config': {
          folder: '/etc/prometheus',
          files: () => ({
            'prometheus.yml': stringify(configuration(props), { lineWidth: 0 }),
            'rules.yml': stringify({ groups: props.rules() }, { lineWidth: 0, aliasDuplicateObjects: false }),
          }),
        },
      },
      writable: ['/prometheus'],
      storage: props.storage && { path: '/prometheus', ...props.storage },
      cpuMillis: 100,
      memory: Size.gibibytes(1),
    });
  }
}

/**
 * Sidecars are found by asking the control plane, which knows every proxy wherever it runs; so this works alike on
 * Kubernetes, with Consul and on one machine, and Prometheus needs no rights on the API server.
 */
function configuration({ controlPlanes, alertmanager }: PrometheusProps): object {
  const targets = controlPlanes().map(({ host, httpPort }) => `${host}:${httpPort}`);
  return {
    global: { scrape_interval: '15s', evaluation_interval: '15s' },
    rule_files: ['rules.yml'],
    ...(alertmanager && { alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanager] }] }] } }),
    scrape_configs: [
      { job_name: 'malha-control-plane', static_configs: [{ targets }] },
      {
        job_name: 'malha-proxies',
        metrics_path: '/stats/prometheus',
        http_sd_configs: targets.map((http) => ({ url: `http://${http}/sd/targets`, refresh_interval: '15s' })),
        metric_relabel_configs: [WITHOUT_PREFIX],
      },
    ],
  };
}

/** Envoy puts its own prefix before the metrics of the mesh, and dashboards know them without. */
export const WITHOUT_PREFIX = {
  source_labels: ['__name__'],
  regex: 'envoy_(istio_.*)',
  target_label: '__name__',
  replacement: '$1',
};

/** A full volume would stop everything, so that a part of it stays free. */
function retainedBytes(storage: StorageProps | undefined): string {
  return storage ? `${Math.floor(storage.size.toMebibytes() * 0.8)}MB` : '1GB';
}
