/** An OpenTelemetry Collector: takes spans by OTLP, gathers them, and hands them on. Bounded: what it cannot keep, it refuses. */
import { Size } from 'cdk8s';
import { Construct } from 'constructs';
import { stringify } from 'yaml';
import { COLLECTOR_IMAGE } from '../images';
import { server } from './server';

const OTLP_GRPC = 4317;
const OTLP_HTTP = 4318;
const HEALTH = 13133;

/** The collector of the mesh. Made by `Mesh` for `Tracing.viaCollector()`. */
export class OpenTelemetryCollector extends Construct {
  /** Where sidecars send their spans: OTLP over gRPC. */
  readonly collector: { readonly host: string; readonly port: number };

  constructor(scope: Construct, id: string, props: { namespace: string; to: { host: string; port: number } }) {
    super(scope, id);
    this.collector = { host: `otel-collector.${props.namespace}.svc.cluster.local`, port: OTLP_GRPC };
    server(this, {
      namespace: props.namespace,
      name: 'otel-collector',
      image: COLLECTOR_IMAGE,
      user: 10001,
      args: ['--config', '/etc/otelcol/config.yaml'],
      services: {
        'otel-collector': [
          { name: 'grpc-otlp', number: OTLP_GRPC, protocol: 'grpc' },
          { name: 'http-otlp', number: OTLP_HTTP, protocol: 'http' },
        ],
      },
      ready: { path: '/', port: HEALTH },
      configs: {
        'otel-collector-config': {
          folder: '/etc/otelcol',
          files: () => ({ 'config.yaml': stringify(configuration(props.to), { lineWidth: 0 }) }),
        },
      },
      cpuMillis: 100,
      memory: Size.mebibytes(512),
    });
  }
}

/** https://opentelemetry.io/docs/collector/configuration/ */
function configuration({ host, port }: { host: string; port: number }): object {
  return {
    extensions: { health_check: { endpoint: `0.0.0.0:${HEALTH}` } },
    receivers: {
      otlp: {
        protocols: { grpc: { endpoint: `0.0.0.0:${OTLP_GRPC}` }, http: { endpoint: `0.0.0.0:${OTLP_HTTP}` } },
      },
    },
    processors: {
      // First in the pipeline: it refuses before it runs out of memory.
      memory_limiter: { check_interval: '1s', limit_percentage: 80, spike_limit_percentage: 20 },
      batch: {},
    },
    exporters: { otlp: { endpoint: `${host}:${port}`, tls: { insecure: true }, sending_queue: { queue_size: 1_000 } } },
    service: {
      extensions: ['health_check'],
      pipelines: {
        traces: { receivers: ['otlp'], processors: ['memory_limiter', 'batch'], exporters: ['otlp'] },
      },
    },
  };
}
