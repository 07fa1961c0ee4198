/** A Jaeger 2 in one process: it takes traces by OTLP, keeps the latest in memory, and shows them. */
import { Size } from 'cdk8s';
import { Construct } from 'constructs';
import { stringify } from 'yaml';
import { JAEGER_IMAGE } from '../images';
import { server } from './server';

const OTLP = 4317;
const QUERY = 16686;
const HEALTH = 13133;
const MOST_TRACES = 50_000;

/** The Jaeger of the mesh. Made by `Mesh` for `Tracing.jaeger()`. */
export class Jaeger extends Construct {
  /** Where sidecars send their spans: OTLP over gRPC. */
  readonly collector: { readonly host: string; readonly port: number };

  constructor(scope: Construct, id: string, props: { namespace: string }) {
    super(scope, id);
    this.collector = { host: `jaeger-collector.${props.namespace}.svc.cluster.local`, port: OTLP };
    server(this, {
      namespace: props.namespace,
      name: 'jaeger',
      image: JAEGER_IMAGE,
      user: 10001,
      args: ['--config', '/etc/jaeger/config.yaml'],
      services: {
        'jaeger-collector': [{ name: 'grpc-otlp', number: OTLP, protocol: 'grpc' }],
        'jaeger-query': [{ name: 'http-query', number: QUERY, protocol: 'http' }],
      },
      ready: { path: '/status', port: HEALTH },
      configs: {
        'jaeger-config': {
          folder: '/etc/jaeger',
          files: () => ({ 'config.yaml': stringify(configuration, { lineWidth: 0 }) }),
        },
      },
      cpuMillis: 100,
      memory: Size.gibibytes(1),
    });
  }
}

/** https://www.jaegertracing.io/docs/2.10/deployment/configuration/ */
const configuration = {
  service: {
    extensions: ['jaeger_storage', 'jaeger_query', 'healthcheckv2'],
    pipelines: { traces: { receivers: ['otlp'], processors: ['batch'], exporters: ['jaeger_storage_exporter'] } },
  },
  extensions: {
    healthcheckv2: { use_v2: true, http: { endpoint: `0.0.0.0:${HEALTH}` } },
    jaeger_query: { storage: { traces: 'memory' }, http: { endpoint: `0.0.0.0:${QUERY}` } },
    jaeger_storage: { backends: { memory: { memory: { max_traces: MOST_TRACES } } } },
  },
  receivers: { otlp: { protocols: { grpc: { endpoint: `0.0.0.0:${OTLP}` } } } },
  processors: { batch: {} },
  exporters: { jaeger_storage_exporter: { trace_storage: 'memory' } },
};
