/** How a proxy speaks to an endpoint: the transport socket of the cluster, or the one that fits the endpoint's metadata. */
import type { envoy } from '../envoy/generated/envoy';
import type { Snapshot } from '../envoy/resource';

type Cluster = envoy.config.cluster.v3.Cluster;
type TransportSocket = envoy.config.core.v3.TransportSocket;
type ClusterLoadAssignment = envoy.config.endpoint.v3.ClusterLoadAssignment;
type UpstreamTls = envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext;
type ProxyProtocol = envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport;

/** TLS that a client speaks. */
export interface ClientTls {
  readonly sni: string;
  /** What it offers to speak inside. */
  readonly alpn: readonly string[];
  /** It has the certificate of its workload to show. */
  readonly showsIdentity: boolean;
}

const MATCH_METADATA = 'envoy.transport_socket_match';
const OWN_SECRET = 'default';

/** Undefined: plaintext. @param endpoint `address:port`, one of the cluster's. */
export function clientTlsOf(snapshot: Snapshot, cluster: string, endpoint: string): ClientTls | undefined {
  const message = snapshot.clusters.find(({ name }) => name === cluster)?.message as Cluster | undefined;
  if (!message) return undefined;
  const labels = labelsAt(snapshot, message, endpoint);
  const fitting = message.transport_socket_matches?.find(({ match }) =>
    Object.entries(match ?? {}).every(([key, value]) => labels[key] === value),
  );
  return tlsIn(fitting ? fitting.transport_socket : message.transport_socket);
}

function tlsIn(socket: TransportSocket | undefined): ClientTls | undefined {
  const config = socket?.typed_config;
  const type = config?.['@type'] ?? '';
  if (type.endsWith('.ProxyProtocolUpstreamTransport')) return tlsIn((config as ProxyProtocol).transport_socket);
  if (!type.endsWith('.UpstreamTlsContext')) return undefined;
  const { sni = '', common_tls_context: context = {} } = config as UpstreamTls;
  const secrets = context.tls_certificate_sds_secret_configs ?? [];
  return {
    sni,
    alpn: context.alpn_protocols ?? [],
    showsIdentity: secrets.some(({ name }) => name === OWN_SECRET),
  };
}

function labelsAt({ endpoints }: Snapshot, cluster: Cluster, endpoint: string): Record<string, unknown> {
  const name = cluster.eds_cluster_config?.service_name || cluster.name;
  const assignment =
    cluster.load_assignment ??
    (endpoints.find((each) => each.name === name)?.message as ClusterLoadAssignment | undefined);
  for (const { lb_endpoints: all = [] } of assignment?.endpoints ?? []) {
    for (const { endpoint: host, metadata } of all) {
      const socket = host?.address?.socket_address;
      if (`${socket?.address}:${socket?.port_value}` !== endpoint) continue;
      return (metadata?.filter_metadata?.[MATCH_METADATA] ?? {}) as Record<string, unknown>;
    }
  }
  return {};
}
