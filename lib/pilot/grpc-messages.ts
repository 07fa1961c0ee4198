/**
 * How many messages go either way in a gRPC call. One filter counts them, in a state that formats cannot take apart; so
 * a few lines of Lua behind it write both numbers down for the logger that counts, with each part of an answer, so that what was
 * said before a call was broken off counts too. No message is held back or looked into.
 */
import type { envoy } from '../envoy/generated/envoy';
import { any } from '../envoy/message';

type HttpFilter = envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter;
type AccessLogFilter = envoy.config.accesslog.v3.AccessLogFilter;

const COUNTER = 'envoy.filters.http.grpc_stats';
const NAMESPACE = 'malha.grpc';
const REQUESTS = 'request_messages';
const RESPONSES = 'response_messages';

/** Formats of the two numbers, once the call is over. */
export const REQUEST_MESSAGES = `%DYNAMIC_METADATA(${NAMESPACE}:${REQUESTS})%` as const;
export const RESPONSE_MESSAGES = `%DYNAMIC_METADATA(${NAMESPACE}:${RESPONSES})%` as const;

/** Requests that were no gRPC have no numbers to add. */
export const wasGrpc: AccessLogFilter = {
  metadata_filter: {
    matcher: { filter: NAMESPACE, path: [{ key: REQUESTS }], value: { present_match: true } },
    match_if_key_not_found: false,
  },
};

/** A trailer alone is an answer too: it has no body to go through. */
const SCRIPT = `function envoy_on_response(handle)
  local kind = handle:headers():get('content-type')
  if kind == nil or kind:sub(1, 16) ~= 'application/grpc' then return end
  local function note()
    local counts = handle:streamInfo():filterState():get('${COUNTER}')
    local asked, answered = (counts or ''):match('^(%d+),(%d+)$')
    if asked == nil then return end
    local metadata = handle:streamInfo():dynamicMetadata()
    metadata:set('${NAMESPACE}', '${REQUESTS}', tonumber(asked))
    metadata:set('${NAMESPACE}', '${RESPONSES}', tonumber(answered))
  end
  note()
  for _ in handle:bodyChunks() do note() end
end
`;

/** In the order of requests: answers pass the second first. */
export function grpcMessageFilters(): HttpFilter[] {
  return [
    {
      name: 'malha.filters.http.grpc_messages',
      typed_config: any('envoy.extensions.filters.http.lua.v3.Lua', { default_source_code: { inline_string: SCRIPT } }),
    },
    {
      name: COUNTER,
      typed_config: any('envoy.extensions.filters.http.grpc_stats.v3.FilterConfig', { emit_filter_state: true }),
    },
  ];
}
