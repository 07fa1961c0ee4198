/**
 * Where a proxy's metrics are scraped: the one path of its administration that leaves the Pod. Envoy puts its own
 * prefix before names, and labels are packed into one (see `world/packed-labels`), for requests to cost less. Both
 * are set right here, once per scrape, so that every Prometheus finds Istio's names, whether it follows our configuration, a PodMonitor or annotations.
 */
import type { envoy } from '../envoy/generated/envoy';
import { CALLER, LABEL_GROUPS, PACKED_LABEL, UNKNOWN } from '../world';

type HttpFilter = envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter;

/** The page is rewritten as a whole, so it has to fit in memory. */
export const METRICS_PAGE_BYTES = 32 * 1024 * 1024;

const GROUPS = Object.entries(LABEL_GROUPS)
  .map(([name, labels]) => `${name} = { ${labels.map((label) => `'${label}'`).join(', ')} }`)
  .join(', ');

/**
 * Plain Lua 5.1 patterns; a page that is too large or not text is passed on as it is. A label comes once at most:
 * Prometheus refuses the whole page otherwise.
 */
const SCRIPT = `local groups = { ${GROUPS} }
local function unpacked(text)
  local taken, labels = {}, {}
  local function put(name, value)
    if taken[name] then return end
    taken[name] = true
    value = value:gsub('%%(%x%x)', function(hex) return string.char(tonumber(hex, 16)) end)
    value = value:gsub('[\\\\"]', '\\\\%0'):gsub('\\n', '\\\\n')
    labels[#labels + 1] = name .. '="' .. value .. '"'
  end
  local function known(value)
    if value == nil or value == '' or value == '-' then return '${UNKNOWN}' end
    return value
  end
  for item in text:gmatch('[^;]+') do
    local key, value = item:match('^([%w_]+)=(.*)$')
    if not key then taken[item:sub(2)] = true
    elseif groups[key] then
      local values = {}
      for each in (value .. ','):gmatch('([^,]*),') do values[#values + 1] = each end
      for place, label in ipairs(groups[key]) do put(label, known(values[place])) end
    elseif key == '${CALLER.key}' then
      put('${CALLER.labels[0]}', known(value))
      put('${CALLER.labels[1]}', known(value:match('^spiffe://[^/]+/ns/([^/]+)/sa/[^/]+$')))
    elseif key:match('_principal$') then put(key, known(value))
    else put(key, value) end
  end
  return table.concat(labels, ',')
end
function envoy_on_response(handle)
  local body = handle:body()
  if body == nil then return end
  local page = body:getBytes(0, body:length())
  local seen = setmetatable({}, { __index = function(seen, text)
    seen[text] = unpacked(text)
    return seen[text]
  end })
  page = page:gsub('envoy_istio_', 'istio_')
  page = page:gsub('${PACKED_LABEL}="([^"]*)"', seen)
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
