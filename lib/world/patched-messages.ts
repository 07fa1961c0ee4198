/** What an EnvoyFilter may change, and the message of Envoy that the value of such a patch is. */
export const PATCHED_MESSAGES = {
  LISTENER: 'envoy.config.listener.v3.Listener',
  LISTENER_FILTER: 'envoy.config.listener.v3.ListenerFilter',
  FILTER_CHAIN: 'envoy.config.listener.v3.FilterChain',
  NETWORK_FILTER: 'envoy.config.listener.v3.Filter',
  HTTP_FILTER: 'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter',
  ROUTE_CONFIGURATION: 'envoy.config.route.v3.RouteConfiguration',
  VIRTUAL_HOST: 'envoy.config.route.v3.VirtualHost',
  HTTP_ROUTE: 'envoy.config.route.v3.Route',
  CLUSTER: 'envoy.config.cluster.v3.Cluster',
  EXTENSION_CONFIG: 'envoy.config.core.v3.TypedExtensionConfig',
} as const;

export type Patched = keyof typeof PATCHED_MESSAGES;

/** Not so `BOOTSTRAP`: what a proxy starts with comes from its Pod, and nothing changes it later (`bootstrap-patches.ts`). */
export function isPatched(applyTo: string | undefined): applyTo is Patched {
  return applyTo !== undefined && Object.hasOwn(PATCHED_MESSAGES, applyTo);
}
