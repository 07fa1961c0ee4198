/** The CORS filter: its place in the chain, and the policy of a route. */
import { type CorsPolicy, parseDuration, type StringMatch } from '../api';
import type { envoy, google } from '../envoy/generated/envoy';
import { any } from '../envoy/message';
import { fraction } from './shapes';
import { stringMatcher } from './string-match';

export const CORS_FILTER = 'envoy.filters.http.cors';

export function corsFilter(): envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter {
  return { name: CORS_FILTER, typed_config: any('envoy.extensions.filters.http.cors.v3.Cors', {}) };
}

/** For `typed_per_filter_config` of a route. */
export function corsOf(cors: CorsPolicy | undefined): google.protobuf.Any | undefined {
  if (!cors) return undefined;
  const joined = (values: readonly string[] | undefined) => (values?.length ? values.join(',') : undefined);
  const fields = {
    allow_methods: joined(cors.allowMethods),
    allow_headers: joined(cors.allowHeaders),
    expose_headers: joined(cors.exposeHeaders),
    max_age: cors.maxAge === undefined ? undefined : String(Math.round((parseDuration(cors.maxAge) ?? 0) / 1000)),
    allow_credentials: cors.allowCredentials,
  };
  return any('envoy.extensions.filters.http.cors.v3.CorsPolicy', {
    allow_origin_string_match: originsOf(cors).map(
      (origin) => stringMatcher(origin) ?? { safe_regex: { regex: '.*' } },
    ),
    ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
    forward_not_matching_preflights: cors.unmatchedPreflights !== 'IGNORE',
    filter_enabled: { default_value: fraction(100) },
  });
}

/** `allowOrigin` is the older form, of texts that have to be equal; `*` stood for all. */
function originsOf({ allowOrigins, allowOrigin = [] }: CorsPolicy): StringMatch[] {
  if (allowOrigins?.length) return allowOrigins;
  return allowOrigin.map((origin) => (origin === '*' ? { regex: '.*' } : { exact: origin }));
}
