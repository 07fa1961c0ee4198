/** Telemetry: access logs, traces and metrics. https://istio.io/latest/docs/reference/config/telemetry/ */
import { telemetryKind } from '../kind';
import type { KubeObject } from '../object';
import { choice, double, duration, flag, list, map, message, type Static, text, unserved } from '../schema';
import { PolicyTargetReference, PolicyTargetReferences, WorkloadSelector } from '../selector';

export const ProviderRef = message(
  { name: text('The name of a provider in the mesh configuration.', { minLength: 1 }) },
  { description: 'A provider of the mesh configuration.', required: ['name'] },
);
export type ProviderRef = Static<typeof ProviderRef>;

const mode = choice(['CLIENT_AND_SERVER', 'CLIENT', 'SERVER'], 'The side on which the rule holds. Default: both.');

export const CustomTag = message(
  {
    literal: message(
      { value: text('The value.', { minLength: 1 }) },
      { description: 'Always the same value.', required: ['value'] },
    ),
    environment: message(
      { name: text('The variable.', { minLength: 1 }), defaultValue: text('The value when it is not set.') },
      { description: 'The value of an environment variable of the proxy.', required: ['name'] },
    ),
    header: message(
      { name: text('The header.', { minLength: 1 }), defaultValue: text('The value when it is not there.') },
      { description: 'The value of a header of the request.', required: ['name'] },
    ),
    formatter: unserved(
      message(
        { value: text("The format, with Envoy's command operators.", { minLength: 1 }) },
        { description: 'A value made by a format.', required: ['value'] },
      ),
    ),
  },
  { description: 'A tag of a span.', exclusive: [['literal', 'environment', 'header', 'formatter']] },
);
export type CustomTag = Static<typeof CustomTag>;

export const Tracing = message(
  {
    match: message({ mode }, { description: 'The side on which the rule holds.' }),
    providers: list(ProviderRef, "Where spans are sent. Only the first is used. Default: the mesh configuration's."),
    randomSamplingPercentage: double(
      'The share of requests that is traced when the caller did not decide. Default 1.',
      { minimum: 0, maximum: 100 },
    ),
    disableSpanReporting: flag('Send no spans; contexts are still passed on.'),
    customTags: map(CustomTag, 'Tags to add to each span, by their names.'),
    enableIstioTags: unserved(flag("Whether spans carry the mesh's own tags. Default true.")),
    useRequestIdForTraceSampling: unserved(
      flag('Whether the request ID decides if a request is traced. Default true.'),
    ),
    disableContextPropagation: unserved(flag('Pass no trace context on.')),
  },
  { description: 'How requests are traced.' },
);
export type Tracing = Static<typeof Tracing>;

export const AccessLogging = message(
  {
    match: message({ mode }, { description: 'The side on which the rule holds.' }),
    providers: list(ProviderRef, "Where logs are sent. Default: the mesh configuration's."),
    disabled: flag('Send no logs.'),
    filter: message(
      { expression: text('A CEL expression over the request; true means log it.') },
      { description: 'Which requests are logged.' },
    ),
  },
  { description: 'How requests are logged.' },
);
export type AccessLogging = Static<typeof AccessLogging>;

export const MetricSelector = message(
  {
    metric: choice(
      [
        'ALL_METRICS',
        'REQUEST_COUNT',
        'REQUEST_DURATION',
        'REQUEST_SIZE',
        'RESPONSE_SIZE',
        'TCP_OPENED_CONNECTIONS',
        'TCP_CLOSED_CONNECTIONS',
        'TCP_SENT_BYTES',
        'TCP_RECEIVED_BYTES',
        'GRPC_REQUEST_MESSAGES',
        'GRPC_RESPONSE_MESSAGES',
      ],
      'One of the standard metrics, or all.',
    ),
    customMetric: unserved(text('The name of a metric that is not a standard one.', { minLength: 1 })),
    mode,
  },
  { description: 'Which metrics an override holds for.', exclusive: [['metric', 'customMetric']] },
);
export type MetricSelector = Static<typeof MetricSelector>;

export const MetricsOverrides = message(
  {
    match: MetricSelector,
    disabled: flag('Do not report these metrics.'),
    tagOverrides: map(
      message(
        {
          operation: choice(['UPSERT', 'REMOVE'], 'Set the tag, or take it away. Default UPSERT.'),
          value: text('A CEL expression for the value.'),
        },
        { description: 'What is done with a tag.' },
      ),
      'Changes to tags, by their names.',
    ),
  },
  { description: 'A change to some of the metrics.' },
);
export type MetricsOverrides = Static<typeof MetricsOverrides>;

export const Metrics = message(
  {
    providers: list(ProviderRef, 'Where metrics are sent.'),
    overrides: list(MetricsOverrides, 'Changes to metrics, applied in order.'),
    reportingInterval: unserved(duration('How often metrics of open connections are reported.')),
  },
  { description: 'How requests are counted and timed.' },
);
export type Metrics = Static<typeof Metrics>;

export const TelemetrySpec = message(
  {
    selector: WorkloadSelector,
    targetRef: PolicyTargetReference,
    targetRefs: PolicyTargetReferences,
    tracing: list(Tracing, 'How requests are traced.'),
    metrics: list(Metrics, 'How requests are counted and timed.'),
    accessLogging: list(AccessLogging, 'How requests are logged.'),
  },
  { description: 'What is observed of some workloads.', exclusive: [['selector', 'targetRef', 'targetRefs']] },
);
export type TelemetrySpec = Static<typeof TelemetrySpec>;
export type Telemetry = KubeObject<TelemetrySpec>;

export const Telemetry = telemetryKind({
  kind: 'Telemetry',
  plural: 'telemetries',
  shortNames: ['telemetry'],
  description: 'Which logs, traces and metrics are made of the traffic of some workloads.',
  schema: TelemetrySpec,
});
