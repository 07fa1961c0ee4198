/**
 * The metrics of requests and connections: Envoy's access logger that counts. Nothing in a label is up to a client,
 * but what it proves by its certificate, and what its sidecar says over mutual TLS.
 */
import type { envoy } from '../envoy/generated/envoy';
import { any } from '../envoy/message';
import type { WorldView } from '../world';
import { grpcMessageFilters, wasGrpc } from './grpc-messages';
import type { ServiceName } from './inbound-ports';
import { CLUSTER_NAME, WORKLOAD_METADATA } from './metadata';
import { PEER_METADATA } from './peer';
import {
  END_LABELS,
  type EndLabel,
  STANDARD_METRICS,
  type StandardMetric,
  type StandardMetricName,
  UNKNOWN,
} from './standard-metrics';
import { type EffectiveMetric, effectiveMetrics } from './telemetry';
import type { ObservedSide } from './tracing';

type AccessLog = envoy.config.accesslog.v3.AccessLog;
type AccessLogFilter = envoy.config.accesslog.v3.AccessLogFilter;
type HttpFilter = envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter;
type Config = envoy.extensions.access_loggers.stats.v3.Config;
type Labels = Readonly<Record<string, string>>;

/**
 * The most series that a listener keeps of its requests, whatever is sent to it: of counters, and of histograms (each of
 * which Prometheus stores as some 22 series). Beyond that, new series are not counted, and those that there are go on.
 */
export const MOST_COUNTERS = 2_000;
export const MOST_HISTOGRAMS = 500;

/** Not shared between listeners: Envoy 1.40 with a shared scope crashes at the end of `--mode validate`. */
const SCOPE: envoy.type.v3.Scope = { max_counters: MOST_COUNTERS, max_histograms: MOST_HISTOGRAMS };

/** Where the loggers stand. */
export interface MeteredPlace {
  readonly of: 'http' | 'tcp';
  /** Requests may be gRPC. */
  readonly grpc?: boolean;
  /** Behind an inbound port. */
  readonly service?: ServiceName;
}

/** The loggers for a connection manager or a TCP proxy. */
export function metricLogs(world: WorldView, side: ObservedSide, place: MeteredPlace): AccessLog[] {
  if (side.unmetered) return [];
  const effective = effectiveMetrics(world, side.namespace, side.labels, side.mode);
  if (!effective) return [];
  const labels = labelsOf(side, place);
  const kept = (...names: StandardMetricName[]) =>
    names.flatMap((name) => {
      const { disabled, tags } = effective.get(name)!;
      return disabled ? [] : [{ metric: STANDARD_METRICS[name] as StandardMetric, tags: withOverrides(labels, tags) }];
    });
  if (place.of === 'http') {
    return [
      ...logs(kept('REQUEST_COUNT', 'REQUEST_DURATION', 'REQUEST_SIZE', 'RESPONSE_SIZE')),
      ...(place.grpc ? logs(kept(...GRPC_METRICS), wasGrpc) : []),
    ];
  }
  return [
    ...logs(kept('TCP_OPENED_CONNECTIONS'), opened),
    ...logs(kept('TCP_CLOSED_CONNECTIONS', 'TCP_SENT_BYTES', 'TCP_RECEIVED_BYTES'), atEnd),
  ];
}

const GRPC_METRICS: readonly StandardMetricName[] = ['GRPC_REQUEST_MESSAGES', 'GRPC_RESPONSE_MESSAGES'];

/** What has to be in the way of requests for the loggers to know what they count. */
export function metricFilters(
  world: WorldView,
  side: ObservedSide,
  place: Omit<MeteredPlace, 'of'> = {},
): HttpFilter[] {
  if (side.unmetered || !place.grpc) return [];
  const effective = effectiveMetrics(world, side.namespace, side.labels, side.mode);
  return GRPC_METRICS.some((name) => effective?.get(name)?.disabled === false) ? grpcMessageFilters() : [];
}

/** A TCP proxy logs when it has connected, too: other loggers want the end alone. */
export const atEnd: AccessLogFilter = { log_type_filter: { types: ['TcpConnectionEnd'] } };
const connected: AccessLogFilter = { log_type_filter: { types: ['TcpUpstreamConnected'] } };
const ledNowhere: AccessLogFilter = { response_flag_filter: { flags: ['UF', 'UH', 'UO', 'NC', 'NR', 'URX', 'DF'] } };
/** A connection that led nowhere was opened and closed all the same. */
const opened: AccessLogFilter = {
  or_filter: { filters: [connected, { and_filter: { filters: [atEnd, ledNowhere] } }] },
};

interface Kept {
  readonly metric: StandardMetric;
  readonly tags: Labels;
}

function logs(kept: readonly Kept[], filter?: AccessLogFilter): AccessLog[] {
  if (kept.length === 0) return [];
  const counters = kept.filter(({ metric }) => !metric.unit);
  const histograms = kept.filter(({ metric }) => metric.unit);
  const statOf = ({ metric, tags }: Kept) => ({
    name: metric.name,
    tags: Object.entries(tags).map(([name, value_format]) => ({ name, value_format, ...rulesOf(name, value_format) })),
  });
  const config: Config = {
    stats_scope: SCOPE,
    ...(counters.length > 0 && {
      counters: counters.map((each) => ({
        stat: statOf(each),
        ...(each.metric.value ? { value_format: each.metric.value } : { value_fixed: 1 }),
      })),
    }),
    ...(histograms.length > 0 && {
      histograms: histograms.map((each) => ({
        stat: statOf(each),
        unit: each.metric.unit,
        value_format: each.metric.value,
      })),
    }),
  };
  return [
    {
      name: METRICS_LOGGER,
      ...(filter && { filter }),
      typed_config: any('envoy.extensions.access_loggers.stats.v3.Config', config),
    },
  ];
}

export const METRICS_LOGGER = 'envoy.access_loggers.stats';

/** Formats by the names of labels, in a fixed order. */
function labelsOf({ mode, mutualTls = false }: ObservedSide, { of, grpc = false, service }: MeteredPlace): Labels {
  const isSource = mode === 'CLIENT';
  const security = isSource ? UNKNOWN : mutualTls ? 'mutual_tls' : 'none';
  return {
    reporter: isSource ? 'source' : 'destination',
    ...prefixed('source_', isSource ? ownLabels('%UPSTREAM_LOCAL_URI_SAN%') : callerLabels(of, mutualTls)),
    ...prefixed('destination_', isSource ? endpointLabels : ownLabels('%DOWNSTREAM_LOCAL_URI_SAN%')),
    ...(isSource ? serviceOfCluster : serviceLabels(service)),
    request_protocol: of === 'tcp' ? 'tcp' : grpc ? GRPC_OR_HTTP : 'http',
    ...(of === 'http' && { response_code: '%RESPONSE_CODE%' }),
    ...(grpc && { grpc_response_status: '%GRPC_STATUS_NUMBER%' }),
    response_flags: '%RESPONSE_FLAGS%',
    connection_security_policy: security,
  };
}

const GRPC_OR_HTTP = '%REQ(CONTENT-TYPE)%';

function prefixed(prefix: string, labels: Partial<Record<EndLabel, string>>): Labels {
  return Object.fromEntries(END_LABELS.map((label) => [prefix + label, labels[label] ?? UNKNOWN]));
}

/** Of the proxy's own workload: what the injector wrote into its environment. */
function ownLabels(principal: string): Record<EndLabel, string> {
  const variable = (name: string) => `%ENVIRONMENT(${name})%`;
  return {
    workload: variable('MALHA_WORKLOAD'),
    workload_namespace: variable('POD_NAMESPACE'),
    principal,
    app: variable('MALHA_APP'),
    version: variable('MALHA_VERSION'),
    cluster: CLUSTER_NAME,
    canonical_service: variable('MALHA_CANONICAL_SERVICE'),
    canonical_revision: variable('MALHA_CANONICAL_REVISION'),
  };
}

/** Of whoever calls: nothing without mutual TLS. Over TCP only the certificate speaks. */
function callerLabels(of: 'http' | 'tcp', mutualTls: boolean): Partial<Record<EndLabel, string>> {
  if (!mutualTls) return {};
  const principal = '%DOWNSTREAM_PEER_URI_SAN%';
  if (of === 'tcp') return { principal, workload_namespace: NAMESPACE_OF_PEER, cluster: CLUSTER_NAME };
  const said = (key: string) => `%DYNAMIC_METADATA(${PEER_METADATA.namespace}:${PEER_METADATA.key}:${key})%`;
  return {
    workload: said('workload'),
    workload_namespace: `%DYNAMIC_METADATA(${PEER_METADATA.namespace}:${PEER_METADATA.namespaceKey})%`,
    principal,
    app: said('app'),
    version: said('version'),
    cluster: CLUSTER_NAME,
    canonical_service: said('service'),
    canonical_revision: said('revision'),
  };
}

/** `spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT` */
const NAMESPACE_OF_PEER =
  "%CEL(re.extract(connection.uri_san_peer_certificate, '^spiffe://[^/]+/ns/([^/]+)/sa/[^/]+$', '\\\\1'))%";

const ofEndpoint = (key: string) => `%METADATA(UPSTREAM_HOST:${WORKLOAD_METADATA}:${key})%`;

const endpointLabels: Record<EndLabel, string> = {
  workload: ofEndpoint('workload'),
  workload_namespace: ofEndpoint('namespace'),
  principal: '%UPSTREAM_PEER_URI_SAN%',
  app: ofEndpoint('app'),
  version: ofEndpoint('version'),
  cluster: ofEndpoint('cluster'),
  canonical_service: ofEndpoint('service'),
  canonical_revision: ofEndpoint('revision'),
};

const ofCluster = (key: string) => `%METADATA(CLUSTER:${WORKLOAD_METADATA}:${key})%`;

const serviceOfCluster: Labels = {
  destination_service: ofCluster('host'),
  destination_service_name: ofCluster('name'),
  destination_service_namespace: ofCluster('namespace'),
};

function serviceLabels(service: ServiceName | undefined): Labels {
  return {
    destination_service: service?.hostname ?? UNKNOWN,
    destination_service_name: service?.name ?? UNKNOWN,
    destination_service_namespace: service?.namespace ?? UNKNOWN,
  };
}

function withOverrides(labels: Labels, { ...overrides }: EffectiveMetric['tags']): Labels {
  const entries = Object.entries({ ...labels, ...overrides });
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** Of a content type only this much becomes a label: what a client writes there is its own business. */
function rulesOf(name: string, format: string): Pick<envoy.extensions.access_loggers.stats.v3.Config.Tag, 'rules'> {
  if (name !== 'request_protocol' || format !== GRPC_OR_HTTP) return {};
  const update = (new_tag_value: string) => ({
    action: {
      name: new_tag_value,
      typed_config: any('envoy.extensions.matching.actions.transform_stat.v3.TransformStat', {
        update_tag: { new_tag_value },
      }),
    },
  });
  return {
    rules: {
      matcher_tree: {
        input: {
          name: 'value',
          typed_config: any('envoy.extensions.matching.common_inputs.stats.v3.StatTagValueInput', {}),
        },
        prefix_match_map: { map: { 'application/grpc': update('grpc') } },
      },
      on_no_match: update('http'),
    },
  };
}
