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

/**
 * Looks whether a connection begins as HTTP does.
 * @param ports the only ones whose connections are looked at: where a server speaks first, its client waits for it in vain.
 */
export function httpInspector(ports?: readonly number[]): ListenerFilter {
  const ranges = ports?.map((port) => ({ destination_port_range: { start: port, end: port + 1 } }));
  return {
    name: 'envoy.filters.listener.http_inspector',
    typed_config: any('envoy.extensions.filters.listener.http_inspector.v3.HttpInspector', {}),
    ...(ranges && {
      filter_disabled: { not_match: ranges.length === 1 ? ranges[0]! : { or_match: { rules: ranges } } },
    }),
  };
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

/** Reads the server name that a TLS client asks for. */
export function tlsInspector(): ListenerFilter {
  return {
    name: 'envoy.filters.listener.tls_inspector',
    typed_config: any('envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector', {}),
  };
}
