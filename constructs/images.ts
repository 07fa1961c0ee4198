/** The images of what `Mesh` installs beside the data plane, pinned: a manifest means the same tomorrow. */

/** Prometheus (https://prometheus.io/download). */
export const PROMETHEUS_IMAGE = 'quay.io/prometheus/prometheus:v3.5.0';

/** Grafana (https://grafana.com/grafana/download). */
export const GRAFANA_IMAGE = 'docker.io/grafana/grafana:12.1.1';

/** Jaeger 2, all roles in one process (https://www.jaegertracing.io/download). */
export const JAEGER_IMAGE = 'docker.io/jaegertracing/jaeger:2.10.0';

/** Zipkin with its own page (https://github.com/openzipkin/zipkin/releases). */
export const ZIPKIN_IMAGE = 'docker.io/openzipkin/zipkin:3.5.1';

/** The core OpenTelemetry Collector (https://github.com/open-telemetry/opentelemetry-collector-releases/releases). */
export const COLLECTOR_IMAGE = 'docker.io/otel/opentelemetry-collector:0.136.0';
