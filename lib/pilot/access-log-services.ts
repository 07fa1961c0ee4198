/** Access logs that are sent to a service: Envoy's own (such as Mixer's), or OpenTelemetry's. */
import type { EnvoyHttpGrpcV3LogProvider, EnvoyOpenTelemetryLogProvider, EnvoyTcpGrpcV3LogProvider } from '../api';
import type { envoy, opentelemetry } from '../envoy/generated/envoy';
import { any } from '../envoy/message';
import { compareText, type Viewer, type WorldView } from '../world';
import { providerCluster } from './providers';

type AccessLog = envoy.config.accesslog.v3.AccessLog;
type CommonConfig = envoy.extensions.access_loggers.grpc.v3.CommonGrpcAccessLogConfig;
type AnyValue = opentelemetry.proto.common.v1.AnyValue;

/** What comes while the stream's TLS is negotiated must fit, or is lost; Envoy's own 16 kB are some twenty requests. */
const BUFFER_BYTES = 256 * 1024;

interface Service {
  readonly service: string;
  readonly port: number;
  readonly logName?: string;
  readonly filterStateObjectsToLog?: readonly string[];
}

/** Undefined where the proxy does not see the service. */
export function httpServiceLog(
  world: WorldView,
  viewer: Viewer,
  provider: EnvoyHttpGrpcV3LogProvider,
): AccessLog | undefined {
  const common_config = common(world, viewer, provider, 'http_envoy_accesslog');
  const headers = {
    additional_request_headers_to_log: provider.additionalRequestHeadersToLog,
    additional_response_headers_to_log: provider.additionalResponseHeadersToLog,
    additional_response_trailers_to_log: provider.additionalResponseTrailersToLog,
  };
  return (
    common_config && {
      name: 'envoy.access_loggers.http_grpc',
      typed_config: any('envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig', {
        common_config,
        ...Object.fromEntries(Object.entries(headers).filter(([, names]) => names?.length)),
      }),
    }
  );
}

export function tcpServiceLog(
  world: WorldView,
  viewer: Viewer,
  provider: EnvoyTcpGrpcV3LogProvider,
): AccessLog | undefined {
  const common_config = common(world, viewer, provider, 'tcp_envoy_accesslog');
  return (
    common_config && {
      name: 'envoy.access_loggers.tcp_grpc',
      typed_config: any('envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig', { common_config }),
    }
  );
}

/** @param defaultText the body of entries whose format says nothing. */
export function openTelemetryLog(
  world: WorldView,
  viewer: Viewer,
  provider: EnvoyOpenTelemetryLogProvider,
  defaultText: string,
): AccessLog | undefined {
  const common_config = common(world, viewer, provider, 'otel_envoy_accesslog');
  const { text = defaultText, labels = {} } = provider.logFormat ?? {};
  const attributes = Object.entries(labels as Record<string, unknown>)
    .sort(([a], [b]) => compareText(a, b))
    .map(([key, value]) => ({ key, value: valueOf(value) }));
  return (
    common_config && {
      name: 'envoy.access_loggers.open_telemetry',
      typed_config: any('envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig', {
        common_config,
        disable_builtin_labels: true,
        body: { string_value: text },
        ...(attributes.length > 0 && { attributes: { values: attributes } }),
      }),
    }
  );
}

/** Envoy formats strings, and strings in lists and maps. */
function valueOf(value: unknown): AnyValue {
  if (Array.isArray(value)) return { array_value: { values: value.map(valueOf) } };
  if (typeof value === 'object' && value !== null) {
    return {
      kvlist_value: { values: Object.entries(value).map(([key, inner]) => ({ key, value: valueOf(inner) })) },
    };
  }
  return { string_value: String(value ?? '') };
}

function common(world: WorldView, viewer: Viewer, provider: Service, logName: string): CommonConfig | undefined {
  const target = providerCluster(world, viewer, provider);
  if (!target) return undefined;
  const { filterStateObjectsToLog: state } = provider;
  return {
    log_name: provider.logName || logName,
    buffer_size_bytes: BUFFER_BYTES,
    transport_api_version: 'V3',
    grpc_service: { envoy_grpc: { cluster_name: target.cluster, authority: target.hostname } },
    ...(state?.length && { filter_state_objects_to_log: [...state] }),
  };
}
