/** The listeners of a gateway, one per port. */
import type { EnvoyResource } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import { gatewayChains } from './gateway-chains';
import { isInShards } from './gateway-routes';
import { proxyProtocolFilter } from './gateway-topology';
import { type GatewayProxy, gatewayViewOf } from './gateway-view';
import { tlsInspector } from './listener-filters';
import type { Evaluation, Query } from './memo';
import { listenerName, WILDCARD_ADDRESS } from './names';
import { listenerBuffer } from './own-settings';
import { endpointAddress } from './shapes';

export function gatewayListeners(evaluation: Evaluation, proxy: GatewayProxy): (EnvoyResource | undefined)[] {
  return gatewayViewOf(evaluation, proxy).ports.map(({ number, bind }) =>
    evaluation.derive(gatewayListenerQuery, `${proxy.key}|${number}|${bind}`, { proxy, number, bind }),
  );
}

interface GatewayListenerArgs {
  readonly proxy: GatewayProxy;
  readonly number: number;
  readonly bind: string;
}

const gatewayListenerQuery: Query<GatewayListenerArgs, EnvoyResource | undefined> = {
  name: 'gateway listener',
  compute: (evaluation, { proxy, number, bind }) => {
    const view = gatewayViewOf(evaluation, proxy);
    const port = view.ports.find((each) => each.number === number && each.bind === bind);
    if (!port) return undefined;
    // With explicit capture many proxies share the machine, so each keeps to its own address.
    const address = bind || view.client.ip || WILDCARD_ADDRESS;
    const name = listenerName(address, port.number);
    const chains = gatewayChains(evaluation, view, port, name, (route) => isInShards(evaluation, proxy, route));
    if (chains.length === 0) return undefined;
    const isTls = chains.some((chain) => chain.transport_socket || chain.filter_chain_match?.server_names);
    const filters = [
      ...(view.topology.proxyProtocol ? [proxyProtocolFilter()] : []),
      ...(isTls ? [tlsInspector()] : []),
    ];
    return evaluation.resource(TypeUrl.listener, name, () => ({
      name,
      address: endpointAddress(address, port.number),
      traffic_direction: 'OUTBOUND' as const,
      ...listenerBuffer(view.client),
      filter_chains: chains,
      ...(filters.length > 0 && { listener_filters: filters }),
    }));
  },
};
