/** The listeners for what an application sends: transparent, one per address and port; explicit, an HTTP proxy. */
import type { envoy } from '../envoy/generated/envoy';
import type { EnvoyResource } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import { isHttp, isHttp2, isSniffed, keyOf, partsOf, protocolNamed, type Service } from '../world';
import type { ClientView } from './client-view';
import { dnsListener } from './dns-listener';
import { dynamicHostsTable } from './dynamic-hosts';
import {
  type EgressView,
  type Elsewhere,
  hasOwnAddress,
  httpServicesAt,
  isClaimed,
  isOwnListener,
  routeNameOf,
  servesAllPorts,
} from './egress';
import { httpConnectionManager } from './hcm';
import { detectionTimeout, httpInspector, originalDestination, PLAIN_HTTP, tlsInspector } from './listener-filters';
import type { Evaluation, Query } from './memo';
import {
  BLACK_HOLE_CLUSTER,
  DEFAULT_HTTP_PROXY_PORT,
  DYNAMIC_DNS_CLUSTER,
  HTTP_PROXY_ROUTE,
  LOOPBACK_ADDRESS,
  listenerName,
  PASSTHROUGH_CLUSTER,
  sniffedRouteName,
  VIRTUAL_OUTBOUND_LISTENER,
  VIRTUAL_OUTBOUND_PORT,
  WILDCARD_ADDRESS,
} from './names';
import { opaqueChains } from './outbound-chains';
import { bindingsTable, opaqueAtPortTable, opaqueServicesTable } from './outbound-tables';
import { listenerBuffer } from './own-settings';
import { ownSocket } from './own-socket';
import { endpointAddress, socketAddress } from './shapes';
import { catchAll } from './sidecar-routes';
import { tcpToCluster } from './tcp-proxy';
import type { ObservedSide } from './tracing';

type Listener = envoy.config.listener.v3.Listener;

/** All outbound listeners of a sidecar. */
export function outboundListeners(evaluation: Evaluation, view: ClientView): (EnvoyResource | undefined)[] {
  const proxyPort = httpProxyPort(evaluation, view);
  return [
    view.capture === 'REDIRECT' ? evaluation.derive(virtualOutboundQuery, view.key, view) : undefined,
    dnsListener(evaluation, view),
    ...view.egress.flatMap((listener, index) =>
      placesOf(evaluation, view, listener).map(({ address, port }) =>
        evaluation.derive(bindingQuery, keyOf(view.key, index, address, port), { view, index, address, port }),
      ),
    ),
    proxyPort
      ? evaluation.derive(proxyListenerQuery, `${view.key}|${proxyPort}`, { view, port: proxyPort })
      : undefined,
  ];
}

/** Where an egress listener listens: in a place of its own, or wherever its services are. */
function placesOf(evaluation: Evaluation, view: ClientView, listener: EgressView): { address: string; port: number }[] {
  const { viewer, bind, bindToPort, port } = listener;
  const byDefault = bindToPort ? view.appAddress || LOOPBACK_ADDRESS : WILDCARD_ADDRESS;
  if (isOwnListener(listener)) return [{ address: bind || byDefault, port }];
  // Without redirection, the ports of services are other Pods'; only an address of its own makes them free.
  if (bindToPort && !bind) return [];
  const places = evaluation.read(bindingsTable, viewer).map((binding) => {
    const [address, number] = partsOf(binding, 2);
    return { address: bind || address, port: Number(number) };
  });
  const distinct = new Map(places.map((place) => [keyOf(place.address, place.port), place]));
  return [...distinct.values()].filter((place) => !isClaimed(view, listener, place.port));
}

/** The port on which the application finds an HTTP proxy; 0 for none. */
export function httpProxyPort(evaluation: Evaluation, view: ClientView): number {
  const configured = evaluation.meshConfig().proxyHttpPort;
  return configured || (view.capture === 'NONE' ? DEFAULT_HTTP_PROXY_PORT : 0);
}

function clientSide({ namespace, viewer, labels, serviceName, unmetered, own }: ClientView): ObservedSide {
  return { namespace, viewer, labels, serviceName, unmetered, own, mode: 'CLIENT' };
}

interface Binding {
  readonly view: ClientView;
  /** Of the egress listener. */
  readonly index: number;
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

function translate(evaluation: Evaluation, binding: Binding): Listener {
  const { view, index, address, port } = binding;
  const listener = view.egress[index]!;
  const side = clientSide(view);
  const name = listenerName(address, port);
  const services = opaqueServices(evaluation, listener, address, port);
  const { chosen, otherwise } = opaqueChains(evaluation, view, side, { services, address, port });
  const http = httpOf(evaluation, binding, services);
  const rest = otherwise ?? { filters: [tcpToCluster(evaluation, side, clusterElsewhere(view.elsewhere))] };
  const httpChain = http && {
    filters: [
      httpConnectionManager(evaluation, {
        role: 'outbound',
        statPrefix: `outbound_${name}`,
        route: http.route,
        side,
        identified: view.identity !== undefined,
        forwardProxy: view.elsewhere.resolvesNames || evaluation.read(dynamicHostsTable, view.viewer),
        metered: { grpc: !http.isCertain || http.services.some(speaksHttp2At(port)) },
        grpcWeb: http.services.some(({ ports }) => ports.some((p) => p.number === port && p.protocol === 'GRPC-Web')),
      }),
    ],
  };
  const sniffed = httpChain && !http.isCertain && { ...httpChain, filter_chain_match: HTTP_FOUND };
  const fallback = (!sniffed && httpChain) || rest;
  const chains = [...chosen, ...(sniffed ? [sniffed] : [])];
  const inspectors = [
    ...(chosen.some((chain) => chain.filter_chain_match?.server_names) ? [tlsInspector()] : []),
    ...(sniffed ? [httpInspector()] : []),
  ];
  return {
    name,
    address: endpointAddress(address, port),
    // Connections come from virtualOutbound, which finds the listener by their original destination.
    ...(!address.startsWith('unix:') && (listener.bindToPort ? ownSocket(view.capture) : { bind_to_port: false })),
    traffic_direction: 'OUTBOUND',
    ...listenerBuffer(view),
    ...(inspectors.length > 0 && { listener_filters: inspectors, ...detectionTimeout(evaluation, Boolean(sniffed)) }),
    filter_chains: chains.length > 0 ? chains : [fallback],
    ...(chains.length > 0 && { default_filter_chain: fallback }),
  };
}

/** A client's own TLS may offer HTTP within, which is not for us to read. */
const HTTP_FOUND = { transport_protocol: 'raw_buffer', application_protocols: PLAIN_HTTP };

/** What is HTTP at a place, or may turn out to be. */
interface HttpOfPlace {
  readonly route: string;
  readonly services: readonly Service[];
  /** Nothing else is spoken there. */
  readonly isCertain: boolean;
}

function httpOf(
  evaluation: Evaluation,
  { view, index, address, port }: Binding,
  opaque: readonly Service[],
): HttpOfPlace | undefined {
  const listener = view.egress[index]!;
  const route = routeNameOf(listener, port);
  if (servesAllPorts(listener)) return { route, services: [], isCertain: true };
  if (address === WILDCARD_ADDRESS || hasOwnAddress(listener)) {
    const services = httpServicesAt(evaluation, listener, port);
    const isCertain = hasOwnAddress(listener) && isHttp(protocolNamed(listener.protocol));
    return services.length > 0 || isCertain ? { route, services, isCertain } : undefined;
  }
  const [first] = opaque;
  const isUnknown = first?.ports.some(({ number, protocol }) => number === port && isSniffed(protocol));
  if (!first || !isUnknown) return undefined;
  return { route: sniffedRouteName(first.hostname, port), services: [first], isCertain: false };
}

function opaqueServices(evaluation: Evaluation, listener: EgressView, address: string, port: number) {
  const { viewer } = listener;
  if (servesAllPorts(listener)) return [];
  if (hasOwnAddress(listener)) return evaluation.read(opaqueAtPortTable, keyOf(viewer, port));
  return evaluation.read(opaqueServicesTable, keyOf(viewer, address, port));
}

/** Where connections go that no service claims. */
function clusterElsewhere({ isRegistryOnly, egressProxy }: Elsewhere): string {
  return isRegistryOnly ? BLACK_HOLE_CLUSTER : egressProxy || PASSTHROUGH_CLUSTER;
}

const virtualOutboundQuery: Query<ClientView, EnvoyResource | undefined> = {
  name: 'virtual outbound',
  compute: (evaluation, view) =>
    evaluation.resource(TypeUrl.listener, VIRTUAL_OUTBOUND_LISTENER, () => ({
      name: VIRTUAL_OUTBOUND_LISTENER,
      address: socketAddress(WILDCARD_ADDRESS, VIRTUAL_OUTBOUND_PORT),
      use_original_dst: true,
      traffic_direction: 'OUTBOUND' as const,
      ...listenerBuffer(view),
      filter_chains: [
        // Who connects to this port itself would be sent round in circles.
        {
          name: 'virtualOutbound-blackhole',
          filter_chain_match: { destination_port: VIRTUAL_OUTBOUND_PORT },
          filters: [tcpToCluster(evaluation, clientSide(view), BLACK_HOLE_CLUSTER)],
        },
        {
          name: 'virtualOutbound-catchall-tcp',
          filters: [tcpToCluster(evaluation, clientSide(view), clusterElsewhere(view.elsewhere))],
        },
        ...(view.elsewhere.resolvesNames ? [resolvedHttp(evaluation, view)] : []),
      ],
      listener_filters: [
        originalDestination(),
        ...(view.elsewhere.resolvesNames ? [httpInspector({ only: COMMON_HTTP_PORTS })] : []),
      ],
      ...(view.elsewhere.resolvesNames && detectionTimeout(evaluation, false)),
    })),
};

/** Elsewhere a server may speak first, and its client would wait for the inspector. */
const COMMON_HTTP_PORTS = [80, 8000, 8008, 8080];

/** Requests at ports that no service has, to hosts that nobody knows. */
function resolvedHttp(evaluation: Evaluation, view: ClientView): envoy.config.listener.v3.FilterChain {
  return {
    name: 'virtualOutbound-catchall-http',
    // Envoy does not come back from a transport that matches to the chain beside it, which names none.
    filter_chain_match: { application_protocols: PLAIN_HTTP },
    filters: [
      httpConnectionManager(evaluation, {
        role: 'outbound',
        statPrefix: VIRTUAL_OUTBOUND_LISTENER,
        route: { name: DYNAMIC_DNS_CLUSTER, virtual_hosts: [catchAll(view)], validate_clusters: false },
        side: clientSide(view),
        identified: false,
        metered: { grpc: true },
        forwardProxy: true,
      }),
    ],
  };
}

const proxyListenerQuery: Query<{ view: ClientView; port: number }, EnvoyResource | undefined> = {
  name: 'http proxy listener',
  compute: (evaluation, { view, port }) => {
    const address = view.appAddress || LOOPBACK_ADDRESS;
    const name = listenerName(address, port);
    return evaluation.resource(TypeUrl.listener, name, () => ({
      name,
      address: socketAddress(address, port),
      traffic_direction: 'OUTBOUND' as const,
      ...listenerBuffer(view),
      filter_chains: [
        {
          filters: [
            httpConnectionManager(evaluation, {
              role: 'outbound',
              statPrefix: `outbound_${name}`,
              route: HTTP_PROXY_ROUTE,
              side: clientSide(view),
              identified: view.identity !== undefined,
              metered: { grpc: true },
              forwardProxy:
                (view.capture === 'NONE' && !view.elsewhere.isRegistryOnly) ||
                view.elsewhere.resolvesNames ||
                evaluation.read(dynamicHostsTable, view.viewer),
            }),
          ],
        },
      ],
    }));
  },
};

function speaksHttp2At(port: number): (service: Service) => boolean {
  return ({ ports }) => ports.some((each) => each.number === port && isHttp2(each.protocol));
}
