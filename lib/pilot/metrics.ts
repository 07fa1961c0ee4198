/**
 * The metrics of requests and connections: Envoy's access logger that counts. Nothing in a label is up to a client,
 * but what it proves by its certificate, and what its sidecar says over mutual TLS.
 */
import type { envoy } from '../envoy/generated/envoy';
import { any } from '../envoy/message';
import { labelsOfItem, PACKED_LABEL, packedValues, UNKNOWN, type WorldView } from '../world';
import { grpcMessageFilters, wasGrpc } from './grpc-messages';
import type { ServiceName } from './inbound-ports';
import { CLUSTER_NAME, METRICS_METADATA, PACKED_VALUES } from './metadata';
import { PEER_METADATA } from './peer';
import { STANDARD_METRICS, type StandardMetric, type StandardMetricName } from './standard-metrics';
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
      return disabled ? [] : [{ metric: STANDARD_METRICS[name] as StandardMetric, tags: tagsOf(labels, tags) }];
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

/** Formats of labels, in a fixed order. */
interface MetricLabels {
  /** By the keys of items. */
  readonly packed: Labels;
  /** What cannot be packed, since Envoy has to look at it. */
  readonly single: Labels;
}

function labelsOf(
  { mode, mutualTls = false }: ObservedSide,
  { of, grpc = false, service }: MeteredPlace,
): MetricLabels {
  return {
    packed: {
      ...(mode === 'CLIENT' ? SOURCE : destinationLabels(of, mutualTls, service ?? UNKNOWN_SERVICE)),
      ...(!grpc && { request_protocol: of }),
      ...(of === 'http' && { response_code: '%RESPONSE_CODE%' }),
      ...(grpc && { grpc_response_status: '%GRPC_STATUS_NUMBER%' }),
      response_flags: '%RESPONSE_FLAGS%',
    },
    single: grpc ? { request_protocol: GRPC_OR_HTTP } : {},
  };
}

const GRPC_OR_HTTP = '%REQ(CONTENT-TYPE)%';

const variable = (name: string) => `%ENVIRONMENT(${name})%`;

/** Of the proxy's own workload: what the injector wrote into its environment. */
const OWN = [
  variable('MALHA_WORKLOAD'),
  variable('POD_NAMESPACE'),
  variable('MALHA_APP'),
  variable('MALHA_VERSION'),
  CLUSTER_NAME,
  variable('MALHA_CANONICAL_SERVICE'),
  variable('MALHA_CANONICAL_REVISION'),
].join(',');

/** What a client knows: itself, the endpoint, and the service of the cluster. */
const SOURCE: Labels = {
  reporter: 'source',
  source: OWN,
  source_principal: '%UPSTREAM_LOCAL_URI_SAN%',
  destination: `%METADATA(UPSTREAM_HOST:${METRICS_METADATA}:${PACKED_VALUES})%`,
  destination_principal: '%UPSTREAM_PEER_URI_SAN%',
  service: `%METADATA(CLUSTER:${METRICS_METADATA}:${PACKED_VALUES})%`,
  connection_security_policy: UNKNOWN,
};

/** What a server knows: itself, the service that the port is of, and of whoever calls nothing without mutual TLS. */
function destinationLabels(of: 'http' | 'tcp', mutualTls: boolean, { hostname, name, namespace }: Named): Labels {
  return {
    reporter: 'destination',
    ...(mutualTls ? callerLabels(of) : UNKNOWN_CALLER),
    destination: OWN,
    destination_principal: '%DOWNSTREAM_LOCAL_URI_SAN%',
    service: packedValues([hostname, name, namespace]).replaceAll('%', '%%'),
    connection_security_policy: mutualTls ? 'mutual_tls' : 'none',
  };
}

type Named = Omit<ServiceName, 'key'>;
const UNKNOWN_SERVICE: Named = { hostname: UNKNOWN, name: UNKNOWN, namespace: UNKNOWN };

/** What Envoy writes for what it does not know. */
const NOTHING = '-';
const UNKNOWN_CALLER: Labels = { source: NOTHING, source_principal: UNKNOWN };

/** Five names and labels have 567 at most. */
const MOST_PEER_CHARACTERS = 600;

/** Over TCP only the certificate speaks. */
function callerLabels(of: 'http' | 'tcp'): Labels {
  return {
    caller: '%DOWNSTREAM_PEER_URI_SAN%',
    source_cluster: CLUSTER_NAME,
    peer:
      of === 'http'
        ? `%DYNAMIC_METADATA(${PEER_METADATA.namespace}:${PEER_METADATA.key}):${MOST_PEER_CHARACTERS}%`
        : NOTHING,
  };
}

/** The labels as Envoy keeps them, once the Telemetries have had their say: packed ones first. */
function tagsOf({ packed, single }: MetricLabels, overrides: EffectiveMetric['tags']): Labels {
  const apart: EffectiveMetric['tags'] = { ...single, ...overrides };
  const items: string[] = [];
  const leftOut: string[] = [];
  for (const [key, format] of Object.entries(packed)) {
    const names = labelsOfItem(key);
    const gone = names.filter((name) => Object.hasOwn(apart, name));
    if (gone.length === names.length) continue;
    items.push(`${key}=${format}`);
    leftOut.push(...gone.map((name) => `!${name}`));
  }
  const all = items.length > 0 ? { [PACKED_LABEL]: [...leftOut, ...items].join(';'), ...apart } : apart;
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined));
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
