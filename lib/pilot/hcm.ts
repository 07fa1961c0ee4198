/** The HTTP connection manager: how a listener reads requests, and by which filters it sends them on. */
import type { MeshConfig } from '../api';
import type { envoy } from '../envoy/generated/envoy';
import { any } from '../envoy/message';
import type { WorldView } from '../world';
import { accessLogs } from './access-log';
import { corsFilter } from './cors';
import { forwardProxyFilters } from './dynamic-hosts';
import { faultFilter } from './fault';
import { scopedRoutes } from './gateway-shards';
import { type GatewayTopology, NOTHING_IN_FRONT } from './gateway-topology';
import { type MeteredPlace, metricFilters, metricLogs } from './metrics';
import { offeredProtocolsFilter } from './offered-protocols';
import { peerFilter } from './peer';
import type { HeadersOfProxy } from './proxy-headers';
import { ads } from './shapes';
import { type ObservedSide, tracingBlock } from './tracing';

type Manager = envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager;
type HttpFilter = envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter;

/** On which side of whom the listener stands. */
export type HttpRole =
  /** A sidecar, for requests of its application. */
  | 'outbound'
  /** A sidecar, for requests to its application. */
  | 'inbound'
  /** A gateway, for requests from anywhere. */
  | 'gateway';

export interface HttpOptions {
  readonly role: HttpRole;
  /** Of a gateway: what is in front of it. Default: nothing. */
  readonly topology?: GatewayTopology;
  readonly statPrefix: string;
  /** The name of a route configuration that comes over RDS, or one that never changes apart from the listener. */
  readonly route: string | envoy.config.route.v3.RouteConfiguration;
  /** The named route configuration comes in parts. Default: as one. */
  readonly inShards?: boolean;
  readonly side: ObservedSide;
  /** Filters that may refuse a request before anything else is done with it. */
  readonly guards?: readonly HttpFilter[];
  /** What metrics say of the requests. */
  readonly metered?: Omit<MeteredPlace, 'of'>;
  /** gRPC-Web is translated to gRPC. */
  readonly grpcWeb?: boolean;
  /** Routes may say which protocols are offered to servers of the mesh. */
  readonly identified?: boolean;
  /** Requests may name hosts that Envoy has to resolve. */
  readonly forwardProxy?: boolean;
}

export function httpConnectionManager(world: WorldView, options: HttpOptions): envoy.config.listener.v3.Filter {
  const { side, statPrefix } = options;
  const tracing = tracingBlock(world, side);
  const logs = [...accessLogs(world, side, 'http'), ...metricLogs(world, side, { of: 'http', ...options.metered })];
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
      stat_prefix: statPrefix,
      ...routing(options),
      ...trust(options),
      ...ownHeaders(side.own.headers),
      ...pathNormalization(world.meshConfig()),
      http_filters: httpFilters(options, metricFilters(world, side, options.metered)),
      ...(tracing && { tracing }),
      request_id_extension: {
        typed_config: any('envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig', {
          use_request_id_for_trace_sampling: true,
        }),
      },
      upgrade_configs: [{ upgrade_type: 'websocket' }],
      // Long polls and streams are the application's business.
      stream_idle_timeout: '0s',
      ...side.own.connections.manager,
      ...provenAnew(side),
      ...(logs.length > 0 && { access_log: logs }),
    }),
  };
}

function routing({ route, inShards }: HttpOptions): Partial<Manager> {
  if (typeof route !== 'string') return { route_config: route };
  return inShards ? scopedRoutes(route) : { rds: { config_source: ads(), route_config_name: route } };
}

/**
 * Who a client is was proven at the handshake, so there is one each hour: whose certificate has ended, or whose root has gone, is out by
 * then. HTTP/2 is told to go, HTTP/1 with the next answer; nothing that was asked is lost.
 */
function provenAnew({ mutualTls, own }: ObservedSide): Partial<Manager> {
  if (!mutualTls) return {};
  return {
    common_http_protocol_options: {
      max_connection_duration: '3600s',
      ...own.connections.manager.common_http_protocol_options,
    },
    http1_safe_max_connection_duration: true,
  };
}

/** What the proxy writes of its own accord. */
function ownHeaders({ requestId, forwardedPort }: HeadersOfProxy): Partial<Manager> {
  return {
    ...(!requestId && { generate_request_id: false }),
    ...(forwardedPort && { append_x_forwarded_port: true }),
  };
}

function serverHeader({ server }: HeadersOfProxy, role: HttpRole): Partial<Manager> {
  if (server === undefined) return { server_header_transformation: 'PASS_THROUGH' };
  return role === 'outbound' ? {} : { server_name: server };
}

/** What is believed of the other side, and what it is told. */
function trust({ role, topology = NOTHING_IN_FRONT, side: { own } }: HttpOptions): Partial<Manager> {
  switch (role) {
    case 'outbound':
      return { use_remote_address: false, ...serverHeader(own.headers, role) };
    case 'inbound':
      return {
        use_remote_address: false,
        ...serverHeader(own.headers, role),
        forward_client_cert_details: own.headers.certificatePolicy,
        set_current_client_cert_details: own.headers.certificateDetails,
      };
    case 'gateway':
      return {
        // The peer is the client: its address is appended to X-Forwarded-For, its X-Envoy-* headers are dropped.
        use_remote_address: true,
        ...(topology.trustedProxies > 0 && { xff_num_trusted_hops: topology.trustedProxies }),
        ...serverHeader(own.headers, role),
        forward_client_cert_details: topology.certificateDetails,
        set_current_client_cert_details: own.headers.certificateDetails,
        // Request IDs of clients tie their logs to ours.
        preserve_external_request_id: true,
      };
  }
}

/** Paths are made comparable before anything looks at them: by RFC 3986 at least. */
function pathNormalization(mesh: MeshConfig): Partial<Manager> {
  switch (mesh.pathNormalization?.normalization) {
    case 'NONE':
      return { normalize_path: false };
    case 'MERGE_SLASHES':
      return { normalize_path: true, merge_slashes: true };
    case 'DECODE_AND_MERGE_SLASHES':
      return {
        normalize_path: true,
        merge_slashes: true,
        path_with_escaped_slashes_action: 'UNESCAPE_AND_FORWARD',
      };
    default:
      return { normalize_path: true };
  }
}

function httpFilters(
  { role, side, guards = [], grpcWeb, forwardProxy, identified }: HttpOptions,
  counting: readonly HttpFilter[],
): HttpFilter[] {
  return [
    ...(role === 'inbound' && side.mutualTls ? [peerFilter()] : []),
    ...(grpcWeb
      ? [
          {
            name: 'envoy.filters.http.grpc_web',
            typed_config: any('envoy.extensions.filters.http.grpc_web.v3.GrpcWeb', {}),
          },
        ]
      : []),
    // Behind the translation of gRPC-Web, which is gRPC from there on.
    ...counting,
    ...guards,
    ...(role === 'inbound' ? [] : [faultFilter(), corsFilter()]),
    ...(identified ? [offeredProtocolsFilter()] : []),
    ...(forwardProxy ? forwardProxyFilters() : []),
    {
      name: 'envoy.filters.http.router',
      typed_config: any(
        'envoy.extensions.filters.http.router.v3.Router',
        side.own.headers.debug ? {} : { suppress_envoy_headers: true },
      ),
    },
  ];
}
