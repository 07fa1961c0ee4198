/** A Prometheus that scrapes every proxy of the mesh and the control plane. */
import { Size } from 'cdk8s';
import { Construct } from 'constructs';
import { stringify } from 'yaml';
import type { ControlPlane } from '../control-plane';
import { PROMETHEUS_IMAGE } from '../images';
import { server } from './server';

const PORT = 9090;

/** The Prometheus of the mesh. Made by `Mesh` for `Monitoring.bundled()`. */
export class Prometheus extends Construct {
  /** Where it answers queries, within the cluster. */
  readonly url: string;

  constructor(scope: Construct, id: string, props: { namespace: string; controlPlane: ControlPlane }) {
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
        '--storage.tsdb.retention.time=24h',
        '--storage.tsdb.retention.size=1GB',
      ],
      services: { prometheus: [{ name: 'http', number: PORT, protocol: 'http' }] },
      ready: { path: '/-/ready', port: PORT },
      configs: {
        'prometheus-config': {
          folder: '/etc/prometheus',
          files: { 'prometheus.yml': stringify(configuration(props.controlPlane), { lineWidth: 0 }) },
        },
      },
      writable: ['/prometheus'],
      cpuMillis: 100,
      memory: Size.gibibytes(1),
    });
  }
}

/**
 * Sidecars are found by asking the control plane, which knows every proxy wherever it runs; so this works alike on
 * Kubernetes, with Consul and on one machine, and Prometheus needs no rights on the API server.
 */
function configuration(controlPlane: ControlPlane): object {
  const http = `${controlPlane.host}:${controlPlane.httpPort}`;
  return {
    global: { scrape_interval: '15s', evaluation_interval: '15s' },
    scrape_configs: [
      { job_name: 'malha-control-plane', static_configs: [{ targets: [http] }] },
      {
        job_name: 'malha-proxies',
        metrics_path: '/stats/prometheus',
        http_sd_configs: [{ url: `http://${http}/sd/targets`, refresh_interval: '15s' }],
        // Envoy puts its own prefix before the metrics of the mesh, and dashboards know them without.
        metric_relabel_configs: [
          { source_labels: ['__name__'], regex: 'envoy_(istio_.*)', target_label: '__name__', replacement: '$1' },
        ],
      },
    ],
  };
}
