/** Where traces go, and how many. Written into the mesh's configuration; the sidecars send them by OTLP, or as Zipkin's spans. */
import { Percent } from './units';

/** How many traces are taken. */
export interface TracingOptions {
  /** The share of requests that are traced where the caller has not decided already. Default: 1 %, the API's. */
  readonly sampling?: Percent;
}

/** Who takes spans, and in which form. @internal */
export interface SpanSink {
  readonly host: string;
  readonly port: number;
  readonly form: 'otlp' | 'zipkin';
}

/** What is installed for it. @internal */
export type TracingInstall =
  | { readonly kind: 'jaeger' }
  | { readonly kind: 'zipkin' }
  | { readonly kind: 'collector'; readonly to: { readonly host: string; readonly port: number } };

/** A place for traces. */
export class Tracing {
  /** A Jaeger 2 in the system namespace, in memory: for looking at, not for keeping. */
  static jaeger(options: TracingOptions = {}): Tracing {
    return new Tracing({ kind: 'jaeger' }, undefined, options.sampling);
  }

  /** A Zipkin in the system namespace, in memory: for looking at, not for keeping. */
  static zipkin(options: TracingOptions = {}): Tracing {
    return new Tracing({ kind: 'zipkin' }, undefined, options.sampling);
  }

  /** A collector that is already there, by its Service: `otel-collector.observability.svc.cluster.local`, OTLP over gRPC. */
  static openTelemetry(host: string, port = 4317, options: TracingOptions = {}): Tracing {
    return new Tracing(undefined, { host, port, form: 'otlp' }, options.sampling);
  }

  /** A Zipkin, or whatever takes its spans (`POST /api/v2/spans`), that is already there, by its Service. */
  static zipkinAt(host: string, port = 9411, options: TracingOptions = {}): Tracing {
    return new Tracing(undefined, { host, port, form: 'zipkin' }, options.sampling);
  }

  /**
   * An OpenTelemetry Collector in the system namespace, which gathers spans in batches and hands them on by OTLP over gRPC, in
   * plaintext: to whom the sidecars themselves should not be bound.
   * @param host who takes the traces in the end, inside the mesh's network.
   */
  static viaCollector(host: string, port = 4317, options: TracingOptions = {}): Tracing {
    return new Tracing({ kind: 'collector', to: { host, port } }, undefined, options.sampling);
  }

  private constructor(
    /** @internal */
    readonly install: TracingInstall | undefined,
    /** Undefined: what is installed. @internal */
    readonly sink: SpanSink | undefined,
    /** The share of requests that are traced. */
    readonly sampling: Percent = Percent.of(1),
  ) {}
}
