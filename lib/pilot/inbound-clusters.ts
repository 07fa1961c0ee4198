/** The clusters by which a sidecar reaches its own application, one per port. */
import type { envoy } from '../envoy/generated/envoy';
import type { EnvoyResource } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import { isIpAddress } from '../world';
import type { ClientView } from './client-view';
import { connectionBounds } from './connection-pool';
import { loadAssignment } from './endpoints';
import { type InboundPort, portKey } from './inbound-ports';
import type { Evaluation, Query } from './memo';
import { provenance } from './metadata';
import { INBOUND_SOURCE_ADDRESS, inboundClusterName } from './names';
import { socketAddress } from './shapes';
import { inboundHttp } from './upstream-http';

interface InboundTarget {
  readonly port: InboundPort;
  /** Empty: the address that the connection was meant for. */
  readonly appAddress: string;
}

export function inboundCluster(evaluation: Evaluation, view: ClientView, port: InboundPort): EnvoyResource | undefined {
  const key = `${portKey(port)}|${view.appAddress}`;
  return evaluation.derive(inboundClusterQuery, key, { port, appAddress: view.appAddress });
}

const inboundClusterQuery: Query<InboundTarget, EnvoyResource | undefined> = {
  name: 'inbound cluster',
  compute: (evaluation, target) =>
    evaluation.resource(TypeUrl.cluster, inboundClusterName(target.port.number), () => translate(evaluation, target)),
};

function translate(evaluation: Evaluation, { port, appAddress }: InboundTarget): envoy.config.cluster.v3.Cluster {
  const name = inboundClusterName(port.number);
  const metadata = provenance({ services: port.service && [port.service] });
  const shared = {
    ...connectionBounds(port.pool, evaluation.meshConfig()),
    ...inboundHttp(port, port.pool),
    ...(metadata && { metadata }),
  };
  const source = { upstream_bind_config: { source_address: socketAddress(INBOUND_SOURCE_ADDRESS, 0).socket_address } };
  const to = port.to ?? (appAddress ? { address: appAddress, port: port.number } : undefined);
  if (to) {
    return {
      name,
      type: 'STATIC',
      load_assignment: loadAssignment(name, [{ locality: '', endpoints: [{ ...to, labels: {}, locality: '' }] }]),
      ...shared,
      // Without it, what goes to the Pod's own address would be redirected to the proxy once more.
      ...(!appAddress && isIpv4(to.address) && source),
    };
  }
  return {
    name,
    type: 'ORIGINAL_DST',
    lb_policy: 'CLUSTER_PROVIDED',
    ...shared,
    ...source,
  };
}

function isIpv4(address: string): boolean {
  return isIpAddress(address) && !address.includes(':');
}
