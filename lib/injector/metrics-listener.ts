/**
 * Where a proxy's metrics are scraped: the one path of its administration that leaves the Pod. Envoy puts its own
 * prefix before names, and leaves labels empty that it knows nothing for; both are set right here, once per scrape,
 * so that every Prometheus finds Istio's names, whether it follows our configuration, a PodMonitor or annotations.
 */
import type { envoy } from '../envoy/generated/envoy';

type HttpFilter = envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter;

/** The page is rewritten as a whole, so it has to fit in memory. */
export const METRICS_PAGE_BYTES = 32 * 1024 * 1024;

/** Plain Lua 5.1 patterns; a page that is too large or not text is passed on as it is. */
const SCRIPT = `function envoy_on_response(handle)
  local body = handle:body()
  if body == nil then return end
  local page = body:getBytes(0, body:length())
  page = page:gsub('envoy_istio_', 'istio_')
  page = page:gsub('([,{]source_[%w_]+)="%-?"', '%1="unknown"')
  page = page:gsub('([,{]destination_[%w_]+)="%-?"', '%1="unknown"')
  body:setBytes(page)
end
`;

export function namesFilter(): HttpFilter {
  return {
    name: 'envoy.filters.http.lua',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua',
      default_source_code: { inline_string: SCRIPT },
    },
  };
}
