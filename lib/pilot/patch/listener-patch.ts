/** Patches of a listener and of what is in it: chains, network filters, HTTP filters, routes that come with it. */
import type { ListenerMatch } from '../../api';
import type { envoy } from '../../envoy/generated/envoy';
import { merge } from '../../envoy/merge';
import { PATCHED_MESSAGES } from '../../world';
import { VIRTUAL_INBOUND_LISTENER } from '../names';
import { type ExtensionConfigs, patchHttpFilters } from './http-filter-patch';
import { changed, editList, isMerge, mergeOptions } from './named-list';
import type { Patch } from './patch';
import { type GatewayOfRoute, patchRoutes } from './route-patch';

type Listener = envoy.config.listener.v3.Listener;
type FilterChain = envoy.config.listener.v3.FilterChain;
type Filter = envoy.config.listener.v3.Filter;
type Manager = envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager;

export interface ListenerContext {
  readonly extensions: ExtensionConfigs;
  readonly gateways: readonly GatewayOfRoute[];
}

const MANAGER = 'envoy.filters.network.http_connection_manager';
const MANAGER_TYPE = `type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`;
const TERMINAL = [MANAGER, 'envoy.filters.network.tcp_proxy'];

/** The listener after the patch; the same where it does nothing; undefined where it is removed. */
export function patchListener(listener: Listener, patch: Patch, context: ListenerContext): Listener | undefined {
  const match = patch.match.listener ?? {};
  if (!isListener(listener, match)) return listener;
  switch (patch.applyTo) {
    case 'LISTENER':
      if (!isMerge(patch)) return patch.operation === 'REMOVE' ? undefined : listener;
      return merge(PATCHED_MESSAGES.LISTENER, listener, patch.value, mergeOptions(patch.operation));
    case 'LISTENER_FILTER':
      return withList(listener, 'listener_filters', (filters) =>
        editList(filters, patch, {
          message: PATCHED_MESSAGES.LISTENER_FILTER,
          isMeant: ({ name }) => !match.listenerFilter || name === match.listenerFilter,
          isNarrowed: Boolean(match.listenerFilter),
        }),
      );
    case 'FILTER_CHAIN':
      return withList(listener, 'filter_chains', (chains) =>
        editList(chains, patch, {
          message: PATCHED_MESSAGES.FILTER_CHAIN,
          isMeant: (chain) => isChain(listener, chain, match),
          isNarrowed: match.filterChain !== undefined,
        }),
      );
    default:
      return inChains(listener, (chain) =>
        isChain(listener, chain, match)
          ? withList(chain, 'filters', (f) => patchFilters(f, patch, listener, chain, context))
          : chain,
      );
  }
}

function patchFilters(
  filters: readonly Filter[] | undefined,
  patch: Patch,
  listener: Listener,
  chain: FilterChain,
  context: ListenerContext,
): readonly Filter[] {
  const wanted = patch.match.listener?.filterChain?.filter?.name;
  const isWanted = (filter: Filter) => !wanted || filter.name === nameToday(wanted);
  const list = filters ?? [];
  if (patch.applyTo === 'NETWORK_FILTER') {
    const { '@type': type } = (patch.value['typed_config'] ?? {}) as { '@type'?: string };
    const last = list.findIndex(({ name = '' }) => TERMINAL.includes(name));
    return editList(list, patch, {
      message: PATCHED_MESSAGES.NETWORK_FILTER,
      isMeant: (filter) =>
        isWanted(filter) && (Boolean(wanted) || !isMerge(patch) || !type || filter.typed_config?.['@type'] === type),
      isNarrowed: Boolean(wanted),
      ...(last >= 0 && { end: last }),
    });
  }
  return changed(list, (filter) => {
    if (!isManager(filter)) return filter;
    const manager = filter.typed_config as Manager;
    if (patch.applyTo === 'HTTP_FILTER') {
      if (!isWanted(filter) || !seesTraffic(patch, listener, chain)) return filter;
      return withManager(
        filter,
        withList(manager, 'http_filters', (f) => patchHttpFilters(f, patch, context.extensions)),
      );
    }
    const routes = manager.route_config;
    const patched = routes && patchRoutes(routes, patch, context.gateways);
    return patched === routes ? filter : withManager(filter, { ...manager, route_config: patched });
  });
}

function withManager(filter: Filter, manager: Manager): Filter {
  return manager === filter.typed_config ? filter : { ...filter, typed_config: { ...manager, '@type': MANAGER_TYPE } };
}

function isManager({ typed_config }: Filter): boolean {
  return typed_config?.['@type'] === MANAGER_TYPE;
}

/** What Envoy called it once, and rules for it still do. */
function nameToday(name: string): string {
  return name === 'envoy.http_connection_manager' ? MANAGER : name;
}

/** The port of `virtualInbound` is that of each chain, since the listener takes all. */
function isListener({ name, address }: Listener, match: ListenerMatch): boolean {
  if (match.name && match.name !== name) return false;
  if (!match.portNumber || name === VIRTUAL_INBOUND_LISTENER) return true;
  return address?.socket_address?.port_value === match.portNumber;
}

function isChain(listener: Listener, chain: FilterChain, { filterChain = {}, portNumber }: ListenerMatch): boolean {
  const on = chain.filter_chain_match ?? {};
  if (portNumber && listener.name === VIRTUAL_INBOUND_LISTENER && on.destination_port !== portNumber) return false;
  const { name, sni, transportProtocol, applicationProtocols, transportSocket, destinationPort, filter } = filterChain;
  if (name && name !== chain.name) return false;
  if (sni && !on.server_names?.includes(sni)) return false;
  if (transportProtocol && transportProtocol !== on.transport_protocol) return false;
  if (transportSocket && transportSocket !== chain.transport_socket?.name) return false;
  if (destinationPort && destinationPort !== on.destination_port) return false;
  const protocols = (applicationProtocols ?? '').split(',').filter(Boolean);
  if (protocols.some((protocol) => !on.application_protocols?.includes(protocol.trim()))) return false;
  return !filter?.name || Boolean(chain.filters?.some((each) => each.name === nameToday(filter.name!)));
}

/** Whether the filter of an extension is for the traffic of a chain. */
function seesTraffic({ traffic }: Patch, listener: Listener, chain: FilterChain): boolean {
  if (!traffic?.length) return true;
  const side = listener.traffic_direction === 'INBOUND' ? 'SERVER' : 'CLIENT';
  const port = chain.filter_chain_match?.destination_port ?? listener.address?.socket_address?.port_value ?? 0;
  return traffic.some(({ mode = 'CLIENT_AND_SERVER', ports }) => {
    const isSide = mode === 'UNDEFINED' || mode === 'CLIENT_AND_SERVER' || mode === side;
    return isSide && (!ports?.length || ports.some(({ number }) => number === port));
  });
}

function inChains(listener: Listener, change: (chain: FilterChain) => FilterChain): Listener {
  const patched = withList(listener, 'filter_chains', (chains) => changed(chains ?? [], change));
  const { default_filter_chain: last } = patched;
  const changedLast = last && change(last);
  return changedLast === last ? patched : { ...patched, default_filter_chain: changedLast };
}

/** The message with another list in the place of one; the same message where the list is. */
function withList<M extends object, K extends keyof M, L extends readonly unknown[]>(
  message: M,
  key: K,
  change: (list: M[K]) => L,
): M {
  const before = message[key];
  const after = change(before);
  return (after as unknown) === before || (before === undefined && after.length === 0)
    ? message
    : { ...message, [key]: after };
}
