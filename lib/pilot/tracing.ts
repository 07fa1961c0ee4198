/** Spans: the `tracing` block of an HTTP connection manager. */
import type { CustomTag, MeshTracing } from '../api';
import { parseDuration, protobufDuration } from '../api';
import type { envoy } from '../envoy/generated/envoy';
import { any } from '../envoy/message';
import type { Labels, Viewer, WorldView } from '../world';
import { compareText } from '../world';
import type { OwnSettings } from './own-settings';
import { providerCluster, providerNamed } from './providers';
import { effectiveTracing, type TelemetryMode } from './telemetry';

type HttpTracing = envoy.config.trace.v3.Tracing.Http;
export type TracingBlock = envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.Tracing;

const DEFAULT_SAMPLING_PERCENT = 1;
const DEFAULT_ZIPKIN_PORT = 9411;
const DEFAULT_HTTP_TIMEOUT_MS = 10_000;

/** Where a connection manager stands, as far as tracing and logging care. */
export interface ObservedSide {
  readonly namespace: string;
  /** Whose clusters lead to the services that traces and logs are sent to. */
  readonly viewer: Viewer;
  readonly labels: Labels;
  readonly serviceName: string;
  readonly mode: TelemetryMode;
  /** The other side has shown a certificate of the mesh: what it says of itself is believed. Default false. */
  readonly mutualTls?: boolean;
  /** What the proxy's own settings change. */
  readonly own: OwnSettings;
  /** This Envoy is too old for the logger that counts. Default false. */
  readonly unmetered?: boolean;
}

/** Undefined: no tracing. */
export function tracingBlock(world: WorldView, side: ObservedSide): TracingBlock | undefined {
  const { provider, samplingPercentage, disabled, customTags } = effectiveTracing(
    world,
    side.namespace,
    side.labels,
    side.mode,
  );
  if (disabled) return undefined;
  const settings = side.own.tracing ?? world.meshConfig().defaultConfig?.tracing;
  const percentage = samplingPercentage ?? settings?.sampling ?? DEFAULT_SAMPLING_PERCENT;
  const tracer = provider ? tracerOf(world, side, provider, percentage) : defaultTracer(world, side.viewer, settings);
  if (!tracer) return undefined;
  const tags = Object.entries(customTags ?? settings?.customTags ?? {})
    .sort(([a], [b]) => compareText(a, b))
    .map(([tag, value]) => customTag(tag, value))
    .filter((tag) => tag !== undefined);
  const maxPathLength = tracer.maxTagLength ?? settings?.maxPathTagLength;
  return {
    client_sampling: { value: 100 },
    random_sampling: { value: tracer.samples ? 100 : percentage },
    overall_sampling: { value: 100 },
    ...(tags.length > 0 && { custom_tags: tags }),
    ...(maxPathLength && { max_path_tag_length: maxPathLength }),
    provider: tracer.provider,
  };
}

/** OpenTelemetry's spans name their service in the listener; Zipkin's take it from the node. */
export function tracesNeedServiceName(world: WorldView): boolean {
  return world.meshConfig().extensionProviders?.some(({ opentelemetry }) => opentelemetry) ?? false;
}

interface Tracer {
  readonly provider: HttpTracing;
  readonly maxTagLength?: number;
  /** The tracer decides itself which requests are traced. Zipkin's heeds its caller only where Envoy does. */
  readonly samples?: boolean;
}

function tracerOf(
  world: WorldView,
  { viewer: namespace, serviceName }: ObservedSide,
  name: string,
  percentage: number,
): Tracer | undefined {
  const { opentelemetry, zipkin } = providerNamed(world, name) ?? {};
  if (opentelemetry) {
    const target = providerCluster(world, namespace, opentelemetry);
    if (!target) return undefined;
    const { http, port } = opentelemetry;
    return {
      maxTagLength: opentelemetry.maxTagLength,
      samples: true,
      provider: {
        name: 'envoy.tracers.opentelemetry',
        typed_config: any('envoy.config.trace.v3.OpenTelemetryConfig', {
          service_name: serviceName,
          sampler: callerDecides(percentage),
          ...(http
            ? {
                http_service: {
                  http_uri: {
                    uri: `http://${target.hostname}:${port}${http.path ?? '/v1/traces'}`,
                    cluster: target.cluster,
                    timeout: protobufDuration(parseDuration(http.timeout ?? '') ?? DEFAULT_HTTP_TIMEOUT_MS),
                  },
                  ...(http.headers?.length && {
                    request_headers_to_add: http.headers
                      .filter(({ value }) => value !== undefined)
                      .map(({ name: key, value }) => ({ header: { key, value } })),
                  }),
                },
              }
            : { grpc_service: { envoy_grpc: { cluster_name: target.cluster, authority: target.hostname } } }),
        }),
      },
    };
  }
  if (!zipkin) return undefined;
  return zipkinTracer(world, namespace, zipkin);
}

/**
 * Whoever began the trace has decided; of the traces that begin here, a share is taken. Without this sampler, Envoy would
 * toss its coin at every hop, and pass the result on as the caller's decision.
 */
function callerDecides(percentage: number): envoy.config.core.v3.TypedExtensionConfig {
  return {
    name: 'envoy.tracers.opentelemetry.samplers.parent_based',
    typed_config: any('envoy.extensions.tracers.opentelemetry.samplers.v3.ParentBasedSamplerConfig', {
      wrapped_sampler: {
        name: 'envoy.tracers.opentelemetry.samplers.trace_id_ratio_based',
        typed_config: any('envoy.extensions.tracers.opentelemetry.samplers.v3.TraceIdRatioBasedSamplerConfig', {
          sampling_percentage: { numerator: Math.round(percentage * 10_000), denominator: 'MILLION' },
        }),
      },
    }),
  };
}

function zipkinTracer(
  world: WorldView,
  namespace: string,
  zipkin: {
    service: string;
    port: number;
    path?: string;
    enable64bitTraceId?: boolean;
    maxTagLength?: number;
    traceContextOption?: 'USE_B3' | 'USE_B3_WITH_W3C_PROPAGATION';
  },
): Tracer | undefined {
  const target = providerCluster(world, namespace, zipkin);
  if (!target) return undefined;
  return {
    maxTagLength: zipkin.maxTagLength,
    provider: {
      name: 'envoy.tracers.zipkin',
      typed_config: any('envoy.config.trace.v3.ZipkinConfig', {
        collector_cluster: target.cluster,
        collector_endpoint: zipkin.path ?? '/api/v2/spans',
        collector_endpoint_version: 'HTTP_JSON',
        collector_hostname: target.hostname,
        trace_id_128bit: !zipkin.enable64bitTraceId,
        shared_span_context: false,
        ...(zipkin.traceContextOption && { trace_context_option: zipkin.traceContextOption }),
      }),
    },
  };
}

/** What `enableTracing` and `defaultConfig.tracing.zipkin` ask for, the older way of the API. */
function defaultTracer(world: WorldView, namespace: string, settings: MeshTracing | undefined): Tracer | undefined {
  if (!world.meshConfig().enableTracing) return undefined;
  const address = settings?.zipkin?.address ?? `zipkin.${world.rootNamespace()}:${DEFAULT_ZIPKIN_PORT}`;
  const [host = '', port] = address.split(':');
  const [name, owner] = host.split('.');
  const service = host.includes('.svc.') || !owner ? host : `${name}.${owner}.svc.cluster.local`;
  return zipkinTracer(world, namespace, { service, port: Number(port) || DEFAULT_ZIPKIN_PORT });
}

/** Undefined for tags by a format, which the protos at hand do not know yet. */
function customTag(tag: string, value: CustomTag): envoy.type.tracing.v3.CustomTag | undefined {
  const { literal, environment, header } = value;
  if (literal) return { tag, literal: { value: literal.value } };
  if (environment) {
    return { tag, environment: { name: environment.name, default_value: environment.defaultValue ?? '' } };
  }
  if (header) return { tag, request_header: { name: header.name, default_value: header.defaultValue ?? '' } };
  return undefined;
}
