/** Envoy's RBAC as a filter for requests, or for connections. */
import type { envoy } from '../../envoy/generated/envoy';
import { any } from '../../envoy/message';
import { HTTP_RBAC_FILTER, NETWORK_RBAC_FILTER } from '../names';

export type HttpFilter = envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter;
export type NetworkFilter = envoy.config.listener.v3.Filter;
export type AuthorizationFilter = HttpFilter | NetworkFilter;
export type Transport = 'http' | 'tcp';

export function rbacFilter(
  filter: envoy.extensions.filters.http.rbac.v3.RBAC,
  transport: Transport,
): AuthorizationFilter {
  if (transport === 'http') {
    return { name: HTTP_RBAC_FILTER, typed_config: any('envoy.extensions.filters.http.rbac.v3.RBAC', filter) };
  }
  return {
    name: NETWORK_RBAC_FILTER,
    typed_config: any('envoy.extensions.filters.network.rbac.v3.RBAC', { ...filter, stat_prefix: 'tcp.' }),
  };
}
