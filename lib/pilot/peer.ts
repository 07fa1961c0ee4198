/**
 * What the proxies at both ends of a request tell each other about themselves, for the labels of metrics. A client's
 * sidecar knows the server's workload from the endpoint; the server's learns the client's from this header. It is
 * believed over mutual TLS only; from anywhere else it is taken away before the application sees it.
 */
import type { envoy } from '../envoy/generated/envoy';
import { any } from '../envoy/message';
import { CLUSTER_DOMAIN } from '../world';
import { parseOutboundClusterName } from './names';

type HttpFilter = envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter;
type VirtualHost = envoy.config.route.v3.VirtualHost;

/** The values of the group `peer` of packed labels. The certificate tells the namespace. */
export const PEER_HEADER = 'x-malha-peer';

/** The variable of the proxy that holds the header's value; the injector sets it. */
export const PEER_VARIABLE = 'MALHA_PEER';

/** Where a server's proxy keeps what the header says, for its access loggers. */
export const PEER_METADATA = { namespace: 'malha', key: 'peer' } as const;

/** For virtual hosts that lead into the mesh; what the application or a client says of itself there is overwritten. */
export function introduction(
  routes: readonly envoy.config.route.v3.Route[] | undefined,
): Pick<VirtualHost, 'request_headers_to_add'> {
  if (!routes?.some(leadsIntoMesh)) return {};
  return { request_headers_to_add: [INTRODUCTION] };
}

/** Frozen, so that it is encoded once. */
const INTRODUCTION: envoy.config.core.v3.HeaderValueOption = Object.freeze({
  header: { key: PEER_HEADER, value: `%ENVIRONMENT(${PEER_VARIABLE})%` },
  append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
});

/** Names of workloads are nobody's business outside. */
function leadsIntoMesh({ route }: envoy.config.route.v3.Route): boolean {
  const clusters = [route?.cluster, ...(route?.weighted_clusters?.clusters ?? []).map(({ name }) => name)];
  return clusters.some((name) => name && parseOutboundClusterName(name)?.hostname.endsWith(`.svc.${CLUSTER_DOMAIN}`));
}

/** Reads the header and takes it away. */
export function peerFilter(): HttpFilter {
  return {
    name: 'envoy.filters.http.header_to_metadata',
    typed_config: any('envoy.extensions.filters.http.header_to_metadata.v3.Config', {
      request_rules: [
        {
          header: PEER_HEADER,
          on_header_present: {
            metadata_namespace: PEER_METADATA.namespace,
            key: PEER_METADATA.key,
            type: 'STRING',
            // Up to what can be in no name or label of Kubernetes: no caller gets at the items beside its own.
            regex_value_rewrite: { pattern: { regex: '^([A-Za-z0-9_.,-]*).*$' }, substitution: '\\1' },
          },
          remove: true,
        },
      ],
    }),
  };
}
