/** Clusters that every proxy has: for what is dropped, and for what is passed on to wherever the client meant. */
import type { envoy } from '../envoy/generated/envoy';
import type { EnvoyResource } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import type { ClientView } from './client-view';
import { connectionBounds } from './connection-pool';
import { dnsCacheCluster } from './forward-proxy';
import type { Evaluation, Query } from './memo';
import { labelled } from './metadata';
import {
  BLACK_HOLE_CLUSTER,
  DYNAMIC_DNS_CLUSTER,
  INBOUND_PASSTHROUGH_CLUSTER,
  INBOUND_SOURCE_ADDRESS,
  PASSTHROUGH_CLUSTER,
} from './names';
import { socketAddress } from './shapes';
import { clientProtocol, protocolOptions } from './upstream-http';

type Cluster = envoy.config.cluster.v3.Cluster;

/** The fixed clusters of a proxy. */
export function fixedClusters(evaluation: Evaluation, view: ClientView): (EnvoyResource | undefined)[] {
  const translate: Record<string, (evaluation: Evaluation) => Cluster> = {
    [BLACK_HOLE_CLUSTER]: blackHole,
    [PASSTHROUGH_CLUSTER]: view.capture === 'REDIRECT' ? passthrough : forwardProxy,
    ...(view.type === 'sidecar' && view.elsewhere.resolvesNames && { [DYNAMIC_DNS_CLUSTER]: dynamicDns }),
    ...(view.type === 'sidecar' &&
      view.capture === 'REDIRECT' && { [INBOUND_PASSTHROUGH_CLUSTER]: inboundPassthrough }),
  };
  return Object.entries(translate).map(([name, build]) =>
    evaluation.derive(fixedClusterQuery, `${name}|${view.type}|${view.capture}`, { name, build }),
  );
}

const fixedClusterQuery: Query<
  { name: string; build: (evaluation: Evaluation) => Cluster },
  EnvoyResource | undefined
> = {
  name: 'fixed cluster',
  compute: (evaluation, { name, build }) =>
    evaluation.resource(TypeUrl.cluster, name, () => ({
      ...build(evaluation),
      metadata: labelled(undefined, { hostname: name, name }),
    })),
};

/** Without endpoints, every request and connection fails. */
function blackHole(evaluation: Evaluation): Cluster {
  const { connect_timeout } = connectionBounds(undefined, evaluation.meshConfig());
  return { name: BLACK_HOLE_CLUSTER, type: 'STATIC', connect_timeout };
}

function passthrough(evaluation: Evaluation): Cluster {
  return {
    name: PASSTHROUGH_CLUSTER,
    type: 'ORIGINAL_DST',
    lb_policy: 'CLUSTER_PROVIDED',
    ...connectionBounds(undefined, evaluation.meshConfig()),
    ...protocolOptions(clientProtocol({})),
  };
}

/** To whatever host the authority names. */
function dynamicDns(evaluation: Evaluation): Cluster {
  return {
    name: DYNAMIC_DNS_CLUSTER,
    ...dnsCacheCluster(),
    ...connectionBounds(undefined, evaluation.meshConfig()),
    ...protocolOptions(clientProtocol({})),
  };
}

/** With explicit capture the authority is all that says where a request was meant to go. */
function forwardProxy(evaluation: Evaluation): Cluster {
  return {
    name: PASSTHROUGH_CLUSTER,
    ...dnsCacheCluster(),
    ...connectionBounds(undefined, evaluation.meshConfig()),
  };
}

/** To the application, at the address and port that the connection had; 127.0.0.6 keeps it from being redirected again. */
function inboundPassthrough(evaluation: Evaluation): Cluster {
  return {
    name: INBOUND_PASSTHROUGH_CLUSTER,
    type: 'ORIGINAL_DST',
    lb_policy: 'CLUSTER_PROVIDED',
    ...connectionBounds(undefined, evaluation.meshConfig()),
    ...protocolOptions(clientProtocol({})),
    upstream_bind_config: { source_address: socketAddress(INBOUND_SOURCE_ADDRESS, 0).socket_address },
  };
}
