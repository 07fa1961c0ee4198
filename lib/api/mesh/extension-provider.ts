/** Extension providers: services outside of the mesh's own that proxies send logs, traces and questions to. */
import {
  anyObject,
  choice,
  duration,
  flag,
  list,
  message,
  type Static,
  text,
  textMap,
  texts,
  uint32,
  unserved,
} from '../schema';

const service = text('The service, `host` or `namespace/host`, with its full name as in the registry.', {
  minLength: 1,
});
const port = uint32('The port of the service.', { minimum: 1, maximum: 65535 });

export const EnvoyFileAccessLogProvider = message(
  {
    path: text('The file that the proxy writes to. Default /dev/stdout.'),
    logFormat: message(
      {
        text: text("A line, with Envoy's command operators."),
        labels: anyObject("A JSON object whose values are formats with Envoy's command operators."),
      },
      { description: 'What is written for each request.', exclusive: [['text', 'labels']] },
    ),
    omitEmptyValues: flag('Leave out values that are not there.'),
  },
  { description: 'Logs to a file or stream of the proxy.' },
);
export type EnvoyFileAccessLogProvider = Static<typeof EnvoyFileAccessLogProvider>;

export const EnvoyHttpGrpcV3LogProvider = message(
  {
    service,
    port,
    logName: text('The name of the log in the stream. Default `http_envoy_accesslog`.'),
    filterStateObjectsToLog: texts('Filter state that is logged too.'),
    additionalRequestHeadersToLog: texts('Request headers that are logged too.'),
    additionalResponseHeadersToLog: texts('Response headers that are logged too.'),
    additionalResponseTrailersToLog: texts('Response trailers that are logged too.'),
  },
  { description: "Logs of HTTP requests to Envoy's gRPC access log service.", required: ['service', 'port'] },
);
export type EnvoyHttpGrpcV3LogProvider = Static<typeof EnvoyHttpGrpcV3LogProvider>;

export const EnvoyTcpGrpcV3LogProvider = message(
  {
    service,
    port,
    logName: text('The name of the log in the stream. Default `tcp_envoy_accesslog`.'),
    filterStateObjectsToLog: texts('Filter state that is logged too.'),
  },
  { description: "Logs of connections to Envoy's gRPC access log service.", required: ['service', 'port'] },
);
export type EnvoyTcpGrpcV3LogProvider = Static<typeof EnvoyTcpGrpcV3LogProvider>;

export const EnvoyOpenTelemetryLogProvider = message(
  {
    service,
    port,
    logName: text('The name of the log in the stream. Default `otel_envoy_accesslog`.'),
    logFormat: message(
      {
        text: text("The body of an entry, with Envoy's command operators."),
        labels: anyObject("Attributes of an entry, whose values are formats with Envoy's command operators."),
      },
      { description: 'What is sent for each request.' },
    ),
  },
  { description: 'Logs by OTLP, over gRPC.', required: ['service', 'port'] },
);
export type EnvoyOpenTelemetryLogProvider = Static<typeof EnvoyOpenTelemetryLogProvider>;

const HttpHeader = message(
  {
    name: text('The name of the header.', { minLength: 1 }),
    value: text('The value.'),
    envName: unserved(text('The environment variable of the proxy that holds the value.')),
  },
  { description: 'A header that is sent along.', exclusive: [['value', 'envName']] },
);

export const OpenTelemetryTracingProvider = message(
  {
    service,
    port,
    maxTagLength: uint32('The longest path that a span carries. Default 256.'),
    http: message(
      {
        path: text('The path to send spans to, such as `/v1/traces`.'),
        timeout: duration('How long sending may take.'),
        headers: list(HttpHeader, 'Headers that are sent along.'),
      },
      { description: 'Send by HTTP instead of gRPC.' },
    ),
    grpc: unserved(
      message(
        {
          timeout: duration('How long sending may take.'),
          initialMetadata: list(HttpHeader, 'Metadata that is sent along.'),
        },
        { description: 'Settings for sending by gRPC.' },
      ),
    ),
    resourceDetectors: unserved(
      message(
        {
          environment: message({}, { description: 'Reads OTEL_RESOURCE_ATTRIBUTES.' }),
          dynatrace: message({}, { description: 'Reads the files of a Dynatrace OneAgent.' }),
        },
        { description: 'Where attributes of the resource come from.' },
      ),
    ),
    dynatraceSampler: unserved(anyObject('The sampler of Dynatrace.')),
  },
  { description: 'Traces by OTLP.', required: ['service', 'port'] },
);
export type OpenTelemetryTracingProvider = Static<typeof OpenTelemetryTracingProvider>;

export const ZipkinTracingProvider = message(
  {
    service,
    port,
    maxTagLength: uint32('The longest path that a span carries. Default 256.'),
    enable64bitTraceId: flag('Trace IDs of 64 bits instead of 128.'),
    path: text('The path to send spans to. Default `/api/v2/spans`.'),
    traceContextOption: choice(
      ['USE_B3', 'USE_B3_WITH_W3C_PROPAGATION'],
      'Which trace headers are read and written. Default USE_B3.',
    ),
    timeout: unserved(duration('How long sending may take.')),
    headers: unserved(list(HttpHeader, 'Headers that are sent along.')),
  },
  { description: "Traces in Zipkin's format.", required: ['service', 'port'] },
);
export type ZipkinTracingProvider = Static<typeof ZipkinTracingProvider>;

const includeRequestBodyInCheck = message(
  {
    maxRequestBytes: uint32('The most bytes of the body that are sent along.'),
    allowPartialMessage: flag('Send the beginning of a longer body, instead of refusing the request.'),
    packAsBytes: flag('Send the body as bytes, not as text.'),
  },
  { description: 'How much of the body the authorizer gets.' },
);
const failOpen = flag('Let requests pass when the authorizer cannot be reached. Default false.');
const timeout = duration('How long an answer may take. Default 600s.');
const statusOnError = text('The status for requests when the authorizer cannot be reached. Default 403.');
const clearRouteCache = flag('Route again when the authorizer changed headers.');

export const EnvoyExternalAuthorizationHttpProvider = message(
  {
    service,
    port,
    timeout,
    pathPrefix: text('Put in front of the path of the question.'),
    failOpen,
    clearRouteCache,
    statusOnError,
    includeHeadersInCheck: texts('Deprecated form of `includeRequestHeadersInCheck`.'),
    includeRequestHeadersInCheck: texts('Headers of the request that the authorizer gets.'),
    includeAdditionalHeadersInCheck: textMap('Further headers for the authorizer, with fixed values.'),
    includeRequestBodyInCheck,
    headersToUpstreamOnAllow: texts('Headers of a yes that the service gets.'),
    headersToDownstreamOnDeny: texts('Headers of a no that the caller gets.'),
    headersToDownstreamOnAllow: texts('Headers of a yes that the caller gets.'),
  },
  { description: 'An authorizer asked by HTTP.', required: ['service', 'port'] },
);

export const EnvoyExternalAuthorizationGrpcProvider = message(
  { service, port, timeout, failOpen, clearRouteCache, statusOnError, includeRequestBodyInCheck },
  { description: 'An authorizer asked by gRPC.', required: ['service', 'port'] },
);

const unservedProvider = (description: string) => unserved(anyObject(description));

const providerTypes = {
  envoyFileAccessLog: EnvoyFileAccessLogProvider,
  envoyHttpAls: EnvoyHttpGrpcV3LogProvider,
  envoyTcpAls: EnvoyTcpGrpcV3LogProvider,
  envoyOtelAls: EnvoyOpenTelemetryLogProvider,
  opentelemetry: OpenTelemetryTracingProvider,
  zipkin: ZipkinTracingProvider,
  lightstep: unservedProvider('Traces for Lightstep. Deprecated.'),
  datadog: unservedProvider('Traces for Datadog.'),
  stackdriver: unservedProvider('Traces, metrics and logs for Google Cloud.'),
  opencensus: unservedProvider('Traces to an OpenCensus agent. Deprecated.'),
  skywalking: unservedProvider('Traces for SkyWalking.'),
  prometheus: message({}, { description: 'Metrics for Prometheus.' }),
  envoyExtAuthzHttp: EnvoyExternalAuthorizationHttpProvider,
  envoyExtAuthzGrpc: EnvoyExternalAuthorizationGrpcProvider,
  sds: unservedProvider('Certificates from an SDS service.'),
};

export const ExtensionProvider = message(
  { name: text('The name by which others refer to the provider.', { minLength: 1 }), ...providerTypes },
  {
    description: 'A service that proxies send something to; exactly one of the types is set.',
    required: ['name'],
    exclusive: [Object.keys(providerTypes) as (keyof typeof providerTypes)[]],
  },
);
export type ExtensionProvider = Static<typeof ExtensionProvider>;
