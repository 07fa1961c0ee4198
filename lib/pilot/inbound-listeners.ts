/** The listeners for what is sent to an application: transparent, one for all ports; explicit, one per port. */
import type { envoy } from '../envoy/generated/envoy';
import type { EnvoyResource } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import { isHttp } from '../world';
import type { ClientView } from './client-view';
import { httpConnectionManager } from './hcm';
import type { InboundPort, InboundView } from './inbound-ports';
import { inboundRoute } from './inbound-route';
import { originalDestination } from './listener-filters';
import type { Evaluation, Query } from './memo';
import {
  BLACK_HOLE_CLUSTER,
  INBOUND_PASSTHROUGH_CLUSTER,
  inboundClusterName,
  listenerName,
  VIRTUAL_INBOUND_LISTENER,
  VIRTUAL_INBOUND_PORT,
  WILDCARD_ADDRESS,
} from './names';
import { socketAddress } from './shapes';
import { tcpProxy, tcpToCluster } from './tcp-proxy';
import type { ObservedSide } from './tracing';

interface InboundArgs {
  readonly view: ClientView;
  readonly inbound: InboundView;
}

export function inboundListeners(
  evaluation: Evaluation,
  view: ClientView,
  inbound: InboundView,
): (EnvoyResource | undefined)[] {
  if (view.capture === 'REDIRECT') {
    return [evaluation.derive(virtualInboundQuery, `${view.key}|${inbound.key}`, { view, inbound })];
  }
  return inbound.ports.map((port) =>
    evaluation.derive(
      portListenerQuery,
      `${view.key}|${port.number}|${port.protocol}|${port.service?.key}|${port.servicePort}`,
      { view, port },
    ),
  );
}

const virtualInboundQuery: Query<InboundArgs, EnvoyResource | undefined> = {
  name: 'virtual inbound',
  compute: (evaluation, { view, inbound }) => {
    const side = serverSide(view);
    return evaluation.resource(TypeUrl.listener, VIRTUAL_INBOUND_LISTENER, () => ({
      name: VIRTUAL_INBOUND_LISTENER,
      address: socketAddress(WILDCARD_ADDRESS, VIRTUAL_INBOUND_PORT),
      use_original_dst: false,
      traffic_direction: 'INBOUND' as const,
      filter_chains: [
        {
          name: 'virtualInbound-blackhole',
          filter_chain_match: { destination_port: VIRTUAL_INBOUND_PORT },
          filters: [tcpToCluster(evaluation, side, BLACK_HOLE_CLUSTER)],
        },
        ...inbound.ports.map((port) => ({
          name: listenerName(WILDCARD_ADDRESS, port.number),
          filter_chain_match: { destination_port: port.number },
          filters: [portFilter(evaluation, side, port, WILDCARD_ADDRESS)],
        })),
        {
          name: VIRTUAL_INBOUND_LISTENER,
          filters: [tcpToCluster(evaluation, side, INBOUND_PASSTHROUGH_CLUSTER)],
        },
      ],
      listener_filters: [originalDestination()],
    }));
  },
};

const portListenerQuery: Query<{ view: ClientView; port: InboundPort }, EnvoyResource | undefined> = {
  name: 'inbound listener',
  compute: (evaluation, { view, port }) => {
    const name = listenerName(view.ip, port.number);
    return evaluation.resource(TypeUrl.listener, name, () => ({
      name,
      address: socketAddress(view.ip, port.number),
      traffic_direction: 'INBOUND' as const,
      filter_chains: [{ filters: [portFilter(evaluation, serverSide(view), port, view.ip)] }],
    }));
  },
};

function serverSide({ namespace, viewer, labels, serviceName }: ClientView): ObservedSide {
  return { namespace, viewer, labels, serviceName, mode: 'SERVER' };
}

function portFilter(
  evaluation: Evaluation,
  side: ObservedSide,
  port: InboundPort,
  address: string,
): envoy.config.listener.v3.Filter {
  if (!isHttp(port.protocol)) {
    const cluster = inboundClusterName(port.number);
    return tcpProxy(evaluation, { statPrefix: cluster, side, target: { cluster } });
  }
  return httpConnectionManager(evaluation, {
    role: 'inbound',
    statPrefix: `inbound_${listenerName(address, port.number)}`,
    route: inboundRoute(port),
    side,
    grpcWeb: port.protocol === 'GRPC-Web',
  });
}
