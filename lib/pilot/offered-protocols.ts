/**
 * Requests to a port of which nothing is declared: its cluster carries requests and bytes alike, so the route says to the
 * server which of the two it is, by what is offered in the handshake (ALPN).
 */
import type { envoy, google } from '../envoy/generated/envoy';
import { any } from '../envoy/message';
import { isSniffed, type Viewer, type WorldView } from '../world';
import type { ResolvedDestination } from './destinations';
import { effectivePolicy } from './traffic-policy';

type HttpFilter = envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter;

const FILTER = 'envoy.filters.http.set_filter_state';
const CONFIG = 'envoy.extensions.filters.http.set_filter_state.v3.Config';
/** Envoy's own key: a connection is made with these in place of the cluster's. */
const KEY = 'envoy.network.application_protocols';
/** Nothing that a server could pick: it finds out by itself which version of HTTP comes. */
const OFFERED = 'istio-http/1.1,istio-h2,istio';

/** The filter, which does nothing but where a route says so. */
export function offeredProtocolsFilter(): HttpFilter {
  return { name: FILTER, typed_config: any(CONFIG, {}) };
}

/** For `typed_per_filter_config` of a route to the destination, or of its share; undefined where the cluster knows. */
export function offeredProtocols(
  world: WorldView,
  viewer: Viewer,
  { hostname, port }: ResolvedDestination,
  subset?: string,
): Record<string, google.protobuf.Any> | undefined {
  const service = world.service(viewer, hostname);
  const protocol = service?.ports.find(({ number }) => number === port)?.protocol;
  if (!service || service.external || protocol === undefined || !isSniffed(protocol)) return undefined;
  const { tls } = effectivePolicy(world.destinationRules(viewer, hostname), port, subset);
  // TLS of another kind is for servers that know nothing of this.
  if (tls?.mode && tls.mode !== 'ISTIO_MUTUAL') return undefined;
  const value = { object_key: KEY, format_string: { text_format_source: { inline_string: OFFERED } } };
  return { [FILTER]: any(CONFIG, { on_request_headers: [value] }) };
}
