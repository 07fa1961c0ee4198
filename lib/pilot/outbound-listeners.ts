/** The listeners for what an application sends: transparent, one per address and port; explicit, an HTTP proxy. */
import type { envoy } from '../envoy/generated/envoy';
import type { EnvoyResource } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import { keyOf, partsOf } from '../world';
import type { ClientView } from './client-view';
import { httpConnectionManager } from './hcm';
import { originalDestination, tlsInspector } from './listener-filters';
import type { Evaluation, Query } from './memo';
import {
  BLACK_HOLE_CLUSTER,
  DEFAULT_HTTP_PROXY_PORT,
  HTTP_PROXY_ROUTE,
  listenerName,
  PASSTHROUGH_CLUSTER,
  VIRTUAL_OUTBOUND_LISTENER,
  VIRTUAL_OUTBOUND_PORT,
  WILDCARD_ADDRESS,
} from './names';
import { opaqueChains } from './outbound-chains';
import { bindingsTable, httpServicesTable, opaqueServicesTable } from './outbound-tables';
import { socketAddress } from './shapes';
import { isRegistryOnly } from './sidecar-routes';
import { tcpToCluster } from './tcp-proxy';
import type { ObservedSide } from './tracing';

type Listener = envoy.config.listener.v3.Listener;

/** All outbound listeners of a sidecar. */
export function outboundListeners(evaluation: Evaluation, view: ClientView): (EnvoyResource | undefined)[] {
  const proxyPort = httpProxyPort(evaluation, view);
  const proxy = proxyPort
    ? [evaluation.derive(proxyListenerQuery, `${view.key}|${proxyPort}`, { view, port: proxyPort })]
    : [];
  if (view.capture === 'NONE') return proxy;
  const bindings = evaluation.read(bindingsTable, view.namespace).map((binding) => {
    const [address, port] = partsOf(binding, 2);
    return evaluation.derive(bindingQuery, `${view.key}|${binding}`, { view, address, port: Number(port) });
  });
  return [evaluation.derive(virtualOutboundQuery, view.key, view), ...bindings, ...proxy];
}

/** The port on which the application finds an HTTP proxy; 0 for none. */
export function httpProxyPort(evaluation: Evaluation, view: ClientView): number {
  const configured = evaluation.meshConfig().proxyHttpPort;
  return configured || (view.capture === 'NONE' ? DEFAULT_HTTP_PROXY_PORT : 0);
}

function clientSide({ namespace, labels, serviceName }: ClientView): ObservedSide {
  return { namespace, labels, serviceName, mode: 'CLIENT' };
}

interface Binding {
  readonly view: ClientView;
  readonly address: string;
  readonly port: number;
}

const bindingQuery: Query<Binding, EnvoyResource | undefined> = {
  name: 'outbound listener',
  compute: (evaluation, binding) =>
    evaluation.resource(TypeUrl.listener, listenerName(binding.address, binding.port), () =>
      translate(evaluation, binding),
    ),
};

function translate(evaluation: Evaluation, { view, address, port }: Binding): Listener {
  const side = clientSide(view);
  const name = listenerName(address, port);
  const services = evaluation.read(opaqueServicesTable, keyOf(view.namespace, address, port));
  const { chosen, otherwise } = opaqueChains(evaluation, view, side, { services, address, port });
  const http = address === WILDCARD_ADDRESS ? evaluation.read(httpServicesTable, keyOf(view.namespace, port)) : [];
  const isHttp = http.length > 0;
  const fallback = isHttp
    ? {
        filters: [
          httpConnectionManager(evaluation, {
            role: 'outbound',
            statPrefix: `outbound_${name}`,
            route: String(port),
            side,
            grpcWeb: http.some(({ ports }) => ports.some((p) => p.number === port && p.protocol === 'GRPC-Web')),
          }),
        ],
      }
    : (otherwise ?? { filters: [tcpToCluster(evaluation, side, elsewhere(evaluation))] });
  const needsServerName = chosen.some((chain) => chain.filter_chain_match?.server_names);
  return {
    name,
    address: socketAddress(address, port),
    // Connections come from virtualOutbound, which finds the listener by their original destination.
    bind_to_port: false,
    traffic_direction: 'OUTBOUND',
    ...(needsServerName && { listener_filters: [tlsInspector()] }),
    filter_chains: chosen.length > 0 ? chosen : [fallback],
    ...(chosen.length > 0 && { default_filter_chain: fallback }),
    // In a protocol where the server speaks first, the client waits for it.
    ...(needsServerName && { continue_on_listener_filters_timeout: true }),
  };
}

/** Where connections go that no service claims. */
function elsewhere(evaluation: Evaluation): string {
  return isRegistryOnly(evaluation.meshConfig()) ? BLACK_HOLE_CLUSTER : PASSTHROUGH_CLUSTER;
}

const virtualOutboundQuery: Query<ClientView, EnvoyResource | undefined> = {
  name: 'virtual outbound',
  compute: (evaluation, view) =>
    evaluation.resource(TypeUrl.listener, VIRTUAL_OUTBOUND_LISTENER, () => ({
      name: VIRTUAL_OUTBOUND_LISTENER,
      address: socketAddress(WILDCARD_ADDRESS, VIRTUAL_OUTBOUND_PORT),
      use_original_dst: true,
      traffic_direction: 'OUTBOUND' as const,
      filter_chains: [
        // Who connects to this port itself would be sent round in circles.
        {
          name: 'virtualOutbound-blackhole',
          filter_chain_match: { destination_port: VIRTUAL_OUTBOUND_PORT },
          filters: [tcpToCluster(evaluation, clientSide(view), BLACK_HOLE_CLUSTER)],
        },
        {
          name: 'virtualOutbound-catchall-tcp',
          filters: [tcpToCluster(evaluation, clientSide(view), elsewhere(evaluation))],
        },
      ],
      listener_filters: [originalDestination()],
    })),
};

const proxyListenerQuery: Query<{ view: ClientView; port: number }, EnvoyResource | undefined> = {
  name: 'http proxy listener',
  compute: (evaluation, { view, port }) => {
    const address = view.appAddress || '127.0.0.1';
    const name = listenerName(address, port);
    return evaluation.resource(TypeUrl.listener, name, () => ({
      name,
      address: socketAddress(address, port),
      traffic_direction: 'OUTBOUND' as const,
      filter_chains: [
        {
          filters: [
            httpConnectionManager(evaluation, {
              role: 'outbound',
              statPrefix: `outbound_${name}`,
              route: HTTP_PROXY_ROUTE,
              side: clientSide(view),
              forwardProxy: view.capture === 'NONE' && !isRegistryOnly(evaluation.meshConfig()),
            }),
          ],
        },
      ],
    }));
  },
};
