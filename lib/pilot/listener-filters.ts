/** Filters that look at a connection before its filter chain is chosen. */
import type { envoy } from '../envoy/generated/envoy';
import { any } from '../envoy/message';
import type { WorldView } from '../world';
import { duration } from './shapes';

type ListenerFilter = envoy.config.listener.v3.ListenerFilter;

/** Restores the address that a redirected connection was meant for. */
export function originalDestination(): ListenerFilter {
  return {
    name: 'envoy.filters.listener.original_dst',
    typed_config: any('envoy.extensions.filters.listener.original_dst.v3.OriginalDst', {}),
  };
}

/** What an HTTP inspector finds in a connection that speaks HTTP: for `FilterChainMatch.application_protocols`. */
export const PLAIN_HTTP = ['http/1.0', 'http/1.1', 'h2c'];

/** Destination ports whose connections are looked at. */
export type PortSet = { readonly only: readonly number[] } | { readonly except: readonly number[] };

/**
 * Looks whether a connection begins as HTTP does.
 * @param ports where a server speaks first, its client would wait for it in vain. Default: all.
 */
export function httpInspector(ports?: PortSet): ListenerFilter {
  return {
    name: 'envoy.filters.listener.http_inspector',
    typed_config: any('envoy.extensions.filters.listener.http_inspector.v3.HttpInspector', {}),
    ...disabledBeyond(ports),
  };
}

function disabledBeyond(ports: PortSet | undefined): Pick<ListenerFilter, 'filter_disabled'> {
  if (!ports) return {};
  const numbers = 'only' in ports ? ports.only : ports.except;
  const ranges = numbers.map((port) => ({ destination_port_range: { start: port, end: port + 1 } }));
  const named = ranges.length === 1 ? ranges[0]! : { or_match: { rules: ranges } };
  return { filter_disabled: 'only' in ports ? { not_match: named } : named };
}

/**
 * How long first bytes are waited for before a connection goes on as one that nothing was found in.
 * @param always also where nobody has set a time: then without a limit, so that a port is never taken for another protocol
 *   because a client was slow; a protocol where the server speaks first has to be declared.
 */
export function detectionTimeout(
  world: WorldView,
  always: boolean,
): Pick<envoy.config.listener.v3.Listener, 'listener_filters_timeout' | 'continue_on_listener_filters_timeout'> {
  const timeout = world.meshConfig().protocolDetectionTimeout ?? (always ? '0s' : undefined);
  return {
    ...(timeout !== undefined && { listener_filters_timeout: duration(timeout) }),
    continue_on_listener_filters_timeout: true,
  };
}

/**
 * Looks whether a connection begins as TLS does, and reads the server name and the protocols that the client asks for.
 * @param ports Default: all.
 */
export function tlsInspector(ports?: PortSet): ListenerFilter {
  return {
    name: 'envoy.filters.listener.tls_inspector',
    typed_config: any('envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector', {}),
    ...disabledBeyond(ports),
  };
}
