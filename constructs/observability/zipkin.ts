/** A Zipkin in one process: it takes spans over HTTP, keeps the latest in memory, and shows them. */
import { Size } from 'cdk8s';
import { Construct } from 'constructs';
import { ZIPKIN_IMAGE } from '../images';
import { server } from './server';

const PORT = 9411;
const MOST_SPANS = 500_000;

/** The Zipkin of the mesh. Made by `Mesh` for `Tracing.zipkin()`. */
export class Zipkin extends Construct {
  /** Where sidecars send their spans, and people look at them: HTTP. */
  readonly collector: { readonly host: string; readonly port: number };

  constructor(scope: Construct, id: string, props: { namespace: string }) {
    super(scope, id);
    this.collector = { host: `zipkin.${props.namespace}.svc.cluster.local`, port: PORT };
    server(this, {
      namespace: props.namespace,
      name: 'zipkin',
      image: ZIPKIN_IMAGE,
      user: 1000,
      env: {
        STORAGE_TYPE: 'mem',
        MEM_MAX_SPANS: String(MOST_SPANS),
        // Of the container's limit; the rest is for threads and buffers.
        JAVA_OPTS: '-XX:MaxRAMPercentage=65',
      },
      services: { zipkin: [{ name: 'http', number: PORT, protocol: 'http' }] },
      ready: { path: '/health', port: PORT },
      configs: {},
      writable: ['/tmp'],
      cpuMillis: 100,
      memory: Size.gibibytes(1),
    });
  }
}
