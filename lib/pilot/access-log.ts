/** Access logs: where they go, which requests are logged, and what a line says. */
import { type EnvoyFileAccessLogProvider, judgeCel, type MeshConfig } from '../api';
import type { envoy } from '../envoy/generated/envoy';
import { any } from '../envoy/message';
import type { WorldView } from '../world';
import { httpServiceLog, openTelemetryLog, tcpServiceLog } from './access-log-services';
import { providerNamed } from './providers';
import { BUILT_IN_LOG, effectiveLogs } from './telemetry';
import type { ObservedSide } from './tracing';

type AccessLog = envoy.config.accesslog.v3.AccessLog;

const STANDARD_OUTPUT = '/dev/stdout';

/** The operators of the API's default format, by the names that they have in JSON logs. */
const FIELDS: readonly [string, string][] = [
  ['start_time', '%START_TIME%'],
  ['method', '%REQ(:METHOD)%'],
  ['path', '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%'],
  ['protocol', '%PROTOCOL%'],
  ['response_code', '%RESPONSE_CODE%'],
  ['response_flags', '%RESPONSE_FLAGS%'],
  ['response_code_details', '%RESPONSE_CODE_DETAILS%'],
  ['connection_termination_details', '%CONNECTION_TERMINATION_DETAILS%'],
  ['upstream_transport_failure_reason', '%UPSTREAM_TRANSPORT_FAILURE_REASON%'],
  ['bytes_received', '%BYTES_RECEIVED%'],
  ['bytes_sent', '%BYTES_SENT%'],
  ['duration', '%DURATION%'],
  ['upstream_service_time', '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%'],
  ['x_forwarded_for', '%REQ(X-FORWARDED-FOR)%'],
  ['user_agent', '%REQ(USER-AGENT)%'],
  ['request_id', '%REQ(X-REQUEST-ID)%'],
  ['authority', '%REQ(:AUTHORITY)%'],
  ['upstream_host', '%UPSTREAM_HOST%'],
  ['upstream_cluster', '%UPSTREAM_CLUSTER_RAW%'],
  ['upstream_local_address', '%UPSTREAM_LOCAL_ADDRESS%'],
  ['downstream_local_address', '%DOWNSTREAM_LOCAL_ADDRESS%'],
  ['downstream_remote_address', '%DOWNSTREAM_REMOTE_ADDRESS%'],
  ['requested_server_name', '%REQUESTED_SERVER_NAME%'],
  ['route_name', '%ROUTE_NAME%'],
];

/** The default line groups the request, and quotes what a client can write. */
const TEXT_GROUPS: readonly (readonly string[] | string)[] = [
  ['method', 'path', 'protocol'],
  'response_code',
  'response_flags',
  'response_code_details',
  'connection_termination_details',
  ['upstream_transport_failure_reason'],
  'bytes_received',
  'bytes_sent',
  'duration',
  'upstream_service_time',
  ['x_forwarded_for'],
  ['user_agent'],
  ['request_id'],
  ['authority'],
  ['upstream_host'],
  'upstream_cluster',
  'upstream_local_address',
  'downstream_local_address',
  'downstream_remote_address',
  'requested_server_name',
  'route_name',
];

const operators = new Map(FIELDS);

/** `[time] "GET / HTTP/1.1" 200 …` */
const DEFAULT_TEXT = `[${operators.get('start_time')}] ${TEXT_GROUPS.map((group) =>
  typeof group === 'string' ? operators.get(group) : `"${group.map((name) => operators.get(name)).join(' ')}"`,
).join(' ')}\n`;

/** The logs of one side of the requests of a proxy. */
export function accessLogs(world: WorldView, side: ObservedSide, kind: 'http' | 'tcp'): AccessLog[] {
  const logs = effectiveLogs(world, side.namespace, side.labels, side.mode);
  const mesh = world.meshConfig();
  if (!logs) return mesh.accessLogFile ? [meshLog(mesh, mesh.accessLogFile)] : [];
  return logs.flatMap(({ provider, expression }) => {
    const log = logTo(world, side, kind, provider);
    const filter = expression === undefined ? undefined : celFilter(expression);
    return log ? [{ ...log, ...(filter && { filter }) }] : [];
  });
}

function logTo(world: WorldView, side: ObservedSide, kind: 'http' | 'tcp', name: string): AccessLog | undefined {
  const mesh = world.meshConfig();
  const provider = providerNamed(world, name);
  if (!provider) return name === BUILT_IN_LOG ? meshLog(mesh, mesh.accessLogFile || STANDARD_OUTPUT) : undefined;
  const { envoyFileAccessLog, envoyHttpAls, envoyTcpAls, envoyOtelAls } = provider;
  if (envoyFileAccessLog) return providerLog(envoyFileAccessLog);
  if (envoyHttpAls && kind === 'http') return httpServiceLog(world, side.viewer, envoyHttpAls);
  if (envoyTcpAls && kind === 'tcp') return tcpServiceLog(world, side.viewer, envoyTcpAls);
  return envoyOtelAls && openTelemetryLog(world, side.viewer, envoyOtelAls, DEFAULT_TEXT.trimEnd());
}

/** What Envoy could not read would cost the whole listener: Galley tells of it, and everything is logged. */
function celFilter(expression: string): AccessLog['filter'] {
  if (judgeCel(expression).kind !== 'served') return undefined;
  return {
    extension_filter: {
      name: 'envoy.access_loggers.extension_filters.cel',
      typed_config: any('envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter', { expression }),
    },
  };
}

function meshLog({ accessLogFormat, accessLogEncoding }: MeshConfig, path: string): AccessLog {
  if (accessLogEncoding !== 'JSON') return fileLog(path, text(accessLogFormat || DEFAULT_TEXT));
  return fileLog(path, { json_format: jsonFormat(accessLogFormat) ?? Object.fromEntries(FIELDS) });
}

/** The format of JSON logs is itself JSON in a string. */
function jsonFormat(format: string | undefined): Record<string, unknown> | undefined {
  if (!format) return undefined;
  try {
    const value: unknown = JSON.parse(format);
    return value && typeof value === 'object' ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function providerLog({ path = STANDARD_OUTPUT, logFormat, omitEmptyValues }: EnvoyFileAccessLogProvider): AccessLog {
  const omit = omitEmptyValues ? { omit_empty_values: true } : {};
  if (logFormat?.labels) return fileLog(path, { json_format: logFormat.labels as Record<string, unknown>, ...omit });
  return fileLog(path, { ...text(logFormat?.text ? `${logFormat.text}\n` : DEFAULT_TEXT), ...omit });
}

function text(line: string): envoy.config.core.v3.SubstitutionFormatString {
  return { text_format_source: { inline_string: line.endsWith('\n') ? line : `${line}\n` } };
}

function fileLog(path: string, log_format: envoy.config.core.v3.SubstitutionFormatString): AccessLog {
  return {
    name: 'envoy.access_loggers.file',
    typed_config: any('envoy.extensions.access_loggers.file.v3.FileAccessLog', { path, log_format }),
  };
}
