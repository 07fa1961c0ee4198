/** Where traces go, and how many. Written into the mesh's configuration; the sidecars send them by OTLP. */
import { Percent } from './units';

/** How many traces are taken. */
export interface TracingOptions {
  /** The share of requests that are traced where the caller has not decided already. Default: 1 %, the API's. */
  readonly sampling?: Percent;
}

/** A place for traces. */
export class Tracing {
  /** A Jaeger 2 in the system namespace, in memory: for looking at, not for keeping. */
  static jaeger(options: TracingOptions = {}): Tracing {
    return new Tracing(undefined, options.sampling ?? Percent.of(1));
  }

  /** A collector that is already there, by its Service: `otel-collector.observability.svc.cluster.local`, OTLP over gRPC. */
  static openTelemetry(host: string, port = 4317, options: TracingOptions = {}): Tracing {
    return new Tracing({ host, port }, options.sampling ?? Percent.of(1));
  }

  private constructor(
    /** The collector; undefined: the Jaeger that comes with the mesh. */
    readonly collector: { readonly host: string; readonly port: number } | undefined,
    /** The share of requests that are traced. */
    readonly sampling: Percent,
  ) {}
}
