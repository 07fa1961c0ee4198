/**
 * CUSTOM: an external authorizer is asked about requests that a policy names. RBAC only notes which requests these are; the
 * authorizer's filter, behind it, wakes for what has been noted. Each provider has a pair of filters of its own.
 */
import type { AuthorizationPolicy, ExtensionProvider } from '../../api';
import type { envoy } from '../../envoy/generated/envoy';
import { any } from '../../envoy/message';
import { compareText, type Viewer, type WorldView } from '../../world';
import { HTTP_RBAC_FILTER, NETWORK_RBAC_FILTER } from '../names';
import { providerCluster, providerNamed } from '../providers';
import { duration } from '../shapes';
import { stringPattern } from './pattern';
import { isDryRun, isIdle, rbac } from './rbac';
import { type AuthorizationFilter, rbacFilter, type Transport } from './rbac-filter';

type HttpProvider = NonNullable<ExtensionProvider['envoyExtAuthzHttp']>;
type GrpcProvider = NonNullable<ExtensionProvider['envoyExtAuthzGrpc']>;
type ExtAuthz = envoy.extensions.filters.http.ext_authz.v3.ExtAuthz;
type ListStringMatcher = envoy.type.matcher.v3.ListStringMatcher;

const DEFAULT_TIMEOUT = '600s';

/** Sorted by provider. Policies on trial ask nobody. */
export function custom(
  world: WorldView,
  viewer: Viewer,
  policies: readonly AuthorizationPolicy[],
  transport: Transport,
): AuthorizationFilter[] {
  const byProvider = new Map<string, AuthorizationPolicy[]>();
  for (const policy of policies.filter((each) => !isDryRun(each))) {
    const name = policy.spec?.provider?.name ?? '';
    byProvider.set(name, [...(byProvider.get(name) ?? []), policy]);
  }
  return [...byProvider]
    .sort(([a], [b]) => compareText(a, b))
    .flatMap(([name, some]) => {
      const rules = rbac(world, some, 'DENY', transport);
      if (isIdle(rules)) return [];
      const prefix = `istio_ext_authz_${name}_`;
      const asking = askingFilter(world, viewer, name, prefix, transport);
      // Where nobody can be asked, what would have been asked about is refused.
      if (!asking) return [rbacFilter({ rules }, transport)];
      return [rbacFilter({ shadow_rules: rules, shadow_rules_stat_prefix: prefix }, transport), asking];
    });
}

/** Undefined when the provider does not exist, cannot be seen from here, or does not speak of connections. */
function askingFilter(
  world: WorldView,
  viewer: Viewer,
  name: string,
  prefix: string,
  transport: Transport,
): AuthorizationFilter | undefined {
  const { envoyExtAuthzHttp: http, envoyExtAuthzGrpc: grpc } = providerNamed(world, name) ?? {};
  const provider = http ?? grpc;
  const target = provider && providerCluster(world, viewer, provider);
  if (!provider || !target) return undefined;
  const enabled = noted(prefix, transport === 'http' ? HTTP_RBAC_FILTER : NETWORK_RBAC_FILTER);
  if (transport === 'tcp') {
    return (
      grpc && {
        name: 'envoy.filters.network.ext_authz',
        typed_config: any('envoy.extensions.filters.network.ext_authz.v3.ExtAuthz', {
          stat_prefix: 'tcp.',
          grpc_service: grpcService(grpc, target),
          failure_mode_allow: grpc.failOpen ?? false,
          transport_api_version: 'V3',
          filter_enabled_metadata: enabled,
        }),
      }
    );
  }
  return {
    name: 'envoy.filters.http.ext_authz',
    typed_config: any('envoy.extensions.filters.http.ext_authz.v3.ExtAuthz', {
      ...(http ? httpSettings(http, target) : { grpc_service: grpcService(grpc!, target) }),
      transport_api_version: 'V3',
      failure_mode_allow: provider.failOpen ?? false,
      status_on_error: { code: statusOnError(provider.statusOnError) },
      ...body(provider.includeRequestBodyInCheck),
      clear_route_cache: provider.clearRouteCache ?? false,
      filter_enabled_metadata: enabled,
    }),
  };
}

/** What RBAC writes down for a request that its shadow rules would have refused. */
function noted(prefix: string, filter: string): envoy.type.matcher.v3.MetadataMatcher {
  return {
    filter,
    path: [{ key: `${prefix}shadow_engine_result` }],
    value: { string_match: { exact: 'denied' } },
  };
}

interface Target {
  readonly cluster: string;
  readonly hostname: string;
}

function grpcService({ timeout }: GrpcProvider, { cluster, hostname }: Target): envoy.config.core.v3.GrpcService {
  return {
    envoy_grpc: { cluster_name: cluster, authority: hostname },
    timeout: duration(timeout ?? DEFAULT_TIMEOUT),
  };
}

function httpSettings(provider: HttpProvider, { cluster, hostname }: Target): ExtAuthz {
  const { pathPrefix = '', headersToUpstreamOnAllow, headersToDownstreamOnDeny, headersToDownstreamOnAllow } = provider;
  const asked = provider.includeRequestHeadersInCheck ?? provider.includeHeadersInCheck;
  const added = Object.entries(provider.includeAdditionalHeadersInCheck ?? {});
  const response = {
    ...(headersToUpstreamOnAllow?.length && { allowed_upstream_headers: patterns(headersToUpstreamOnAllow) }),
    ...(headersToDownstreamOnDeny?.length && { allowed_client_headers: patterns(headersToDownstreamOnDeny) }),
    ...(headersToDownstreamOnAllow?.length && {
      allowed_client_headers_on_success: patterns(headersToDownstreamOnAllow),
    }),
  };
  return {
    http_service: {
      server_uri: {
        uri: `http://${hostname}:${provider.port}`,
        cluster,
        timeout: duration(provider.timeout ?? DEFAULT_TIMEOUT),
      },
      ...(pathPrefix && { path_prefix: pathPrefix.startsWith('/') ? pathPrefix : `/${pathPrefix}` }),
      ...(added.length > 0 && {
        authorization_request: {
          headers_to_add: added.sort(([a], [b]) => compareText(a, b)).map(([key, value]) => ({ key, value })),
        },
      }),
      ...(Object.keys(response).length > 0 && { authorization_response: response }),
    },
    ...(asked?.length && { allowed_headers: patterns(asked) }),
  };
}

/** Names of headers: whole, or with `*` at an end. They have no case. */
function patterns(names: readonly string[]): ListStringMatcher {
  return { patterns: names.map((name) => stringPattern(name, true)) };
}

function body(settings: HttpProvider['includeRequestBodyInCheck']): Pick<ExtAuthz, 'with_request_body'> {
  if (!settings?.maxRequestBytes) return {};
  const { maxRequestBytes, allowPartialMessage = false, packAsBytes = false } = settings;
  return {
    with_request_body: {
      max_request_bytes: maxRequestBytes,
      allow_partial_message: allowPartialMessage,
      pack_as_bytes: packAsBytes,
    },
  };
}

const FORBIDDEN = 403;

/** The statuses of failures that Envoy knows; for another it would refuse the listener. */
function isKnown(status: number): boolean {
  const known = [421, 422, 423, 424, 426, 428, 429, 431, 510, 511];
  return (status >= 400 && status <= 417) || (status >= 500 && status <= 508) || known.includes(status);
}

/** 403 where the text is no status of a failure. */
function statusOnError(text: string | undefined): envoy.type.v3.StatusCode {
  const status = Number(text);
  return (Number.isInteger(status) && isKnown(status) ? status : FORBIDDEN) as unknown as envoy.type.v3.StatusCode;
}
