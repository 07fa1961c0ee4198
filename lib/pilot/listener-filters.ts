/** Filters that look at a connection before its filter chain is chosen. */
import type { envoy } from '../envoy/generated/envoy';
import { any } from '../envoy/message';

type ListenerFilter = envoy.config.listener.v3.ListenerFilter;

/** Restores the address that a redirected connection was meant for. */
export function originalDestination(): ListenerFilter {
  return {
    name: 'envoy.filters.listener.original_dst',
    typed_config: any('envoy.extensions.filters.listener.original_dst.v3.OriginalDst', {}),
  };
}

/** Reads the server name that a TLS client asks for. */
export function tlsInspector(): ListenerFilter {
  return {
    name: 'envoy.filters.listener.tls_inspector',
    typed_config: any('envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector', {}),
  };
}
