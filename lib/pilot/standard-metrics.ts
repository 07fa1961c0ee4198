/**
 * The metrics that every proxy keeps of requests and connections, by Istio's names: dashboards and alerts know them.
 * https://istio.io/latest/docs/reference/config/metrics/
 */
import { END_LABELS, SERVICE_LABELS } from '../world';
import { REQUEST_MESSAGES, RESPONSE_MESSAGES } from './grpc-messages';

/** By the Telemetry API's name. */
export const STANDARD_METRICS = {
  REQUEST_COUNT: { name: 'istio_requests_total', of: 'http', help: 'Requests.' },
  REQUEST_DURATION: {
    name: 'istio_request_duration_milliseconds',
    of: 'http',
    unit: 'Milliseconds',
    value: '%DURATION%',
    help: 'Milliseconds until the answer was complete.',
  },
  REQUEST_SIZE: {
    name: 'istio_request_bytes',
    of: 'http',
    unit: 'Bytes',
    value: '%DOWNSTREAM_WIRE_BYTES_RECEIVED%',
    help: 'Bytes of a request, headers and body, as they came.',
  },
  RESPONSE_SIZE: {
    name: 'istio_response_bytes',
    of: 'http',
    unit: 'Bytes',
    value: '%DOWNSTREAM_WIRE_BYTES_SENT%',
    help: 'Bytes of an answer, headers and body, as they were sent.',
  },
  GRPC_REQUEST_MESSAGES: {
    name: 'istio_request_messages_total',
    of: 'grpc',
    value: REQUEST_MESSAGES,
    help: 'gRPC messages of clients, counted when their call ends.',
  },
  GRPC_RESPONSE_MESSAGES: {
    name: 'istio_response_messages_total',
    of: 'grpc',
    value: RESPONSE_MESSAGES,
    help: 'gRPC messages of servers, counted when their call ends.',
  },
  TCP_OPENED_CONNECTIONS: { name: 'istio_tcp_connections_opened_total', of: 'tcp', help: 'Connections opened.' },
  TCP_CLOSED_CONNECTIONS: { name: 'istio_tcp_connections_closed_total', of: 'tcp', help: 'Connections closed.' },
  TCP_SENT_BYTES: {
    name: 'istio_tcp_sent_bytes_total',
    of: 'tcp',
    value: '%BYTES_SENT%',
    help: 'Bytes of answers, counted when their connection ends.',
  },
  TCP_RECEIVED_BYTES: {
    name: 'istio_tcp_received_bytes_total',
    of: 'tcp',
    value: '%BYTES_RECEIVED%',
    help: 'Bytes of requests, counted when their connection ends.',
  },
} as const satisfies Record<string, StandardMetric>;

export interface StandardMetric {
  readonly name: string;
  /** Metrics of requests, of gRPC calls among them, or of connections. */
  readonly of: 'http' | 'grpc' | 'tcp';
  readonly help: string;
  /** The access log's format of the value to add or to record; without one, occurrences are counted. */
  readonly value?: `%${string}%`;
  /** A histogram of that unit; without one, a counter. */
  readonly unit?: 'Milliseconds' | 'Bytes';
}

export type StandardMetricName = keyof typeof STANDARD_METRICS;

/** All labels of metrics of requests; those of connections have no response_code and grpc_response_status. */
export const STANDARD_LABELS: readonly string[] = [
  'reporter',
  ...END_LABELS.map((label) => `source_${label}`),
  ...END_LABELS.map((label) => `destination_${label}`),
  ...SERVICE_LABELS,
  'request_protocol',
  'response_code',
  'grpc_response_status',
  'response_flags',
  'connection_security_policy',
];
