/**
 * RateLimits in front of a workload or gateway: one filter for each, behind those that refuse callers, so that whoever may not
 * call uses nobody's limit up. A local one counts by itself; a global one asks the control plane, which wants to know who asks.
 */
import type { RateLimit, RateLimitQuota, RateLimitRule } from '../../api';
import type { envoy } from '../../envoy/generated/envoy';
import { any } from '../../envoy/message';
import type { Evaluation, Query } from '../memo';
import { duration } from '../shapes';
import { envoyLimit, RULE_ENTRY, ruleId, valueEntriesOf } from './descriptor';
import { limitsOf, type RateLimitView } from './view';

type HttpFilter = envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter;
type LocalDescriptor = envoy.extensions.common.ratelimit.v3.LocalRateLimitDescriptor;

/** What our service counts. */
export const RATE_LIMIT_DOMAIN = 'malha.dev';
const DEFAULT_TIMEOUT = '100ms';
/** Values that a proxy counts at once for each rule; then the one that was not seen for longest begins anew. */
const MAX_VALUES = 10_000;

export const SECONDS_PER = { second: 1, minute: 60, hour: 3600, day: 86_400 } as const satisfies Record<
  RateLimitQuota['per'],
  number
>;

/** @param port of the workload, or of the gateway's server. */
export function rateLimitFilters(evaluation: Evaluation, view: RateLimitView, port: number): readonly HttpFilter[] {
  if (view.limits.length === 0) return [];
  return evaluation.derive(rateLimitQuery, `${port}|${view.key}`, { view, port });
}

const rateLimitQuery: Query<{ view: RateLimitView; port: number }, readonly HttpFilter[]> = {
  name: 'rate limits',
  compute: (evaluation, { view, port }) =>
    limitsOf(evaluation, view).flatMap((limit) => filterOf(limit, port, view.service)),
};

interface NamedRule {
  readonly id: string;
  readonly rule: RateLimitRule;
}

function filterOf(limit: RateLimit, port: number, service: RateLimitView['service']): HttpFilter[] {
  const rules = limit.spec.rules
    .map((rule, index) => ({ id: ruleId(limit, index), rule }))
    .filter(({ rule }) => !rule.match?.ports?.length || rule.match.ports.includes(port));
  if (rules.length === 0) return [];
  const { namespace = 'default', name } = limit.metadata;
  const isGlobal = limit.spec.mode === 'global';
  return [
    {
      name: `malha.rate_limit.${namespace}.${name}`,
      typed_config: isGlobal ? globalFilter(limit, rules, service) : localFilter(limit, rules),
    },
  ];
}

const headersOf = ({ spec }: RateLimit) =>
  spec.responseHeaders === false ? {} : { enable_x_ratelimit_headers: 'DRAFT_VERSION_03' as const };

const always = { default_value: { numerator: 100, denominator: 'HUNDRED' as const } };

function localFilter(limit: RateLimit, rules: readonly NamedRule[]) {
  return any('envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit', {
    stat_prefix: 'http_local_rate_limiter',
    filter_enabled: always,
    filter_enforced: always,
    ...headersOf(limit),
    rate_limited_as_resource_exhausted: true,
    always_consume_default_token_bucket: false,
    max_dynamic_descriptors: MAX_VALUES,
    rate_limits: rules.map(({ id, rule }) => envoyLimit(rule, id)),
    descriptors: rules.flatMap(({ id, rule }) => localDescriptors(id, rule)),
  });
}

/** An entry without a value stands for any, each with a bucket of its own. */
function localDescriptors(id: string, { key, limit }: RateLimitRule): LocalDescriptor[] {
  const { requests, per, burst = 0 } = limit;
  const token_bucket = {
    max_tokens: requests + burst,
    tokens_per_fill: requests,
    fill_interval: `${SECONDS_PER[per]}s`,
  };
  return valueEntriesOf(key).map((entry) => ({
    entries: [{ key: RULE_ENTRY, value: id }, ...(entry === undefined ? [] : [{ key: entry }])],
    token_bucket,
  }));
}

function globalFilter(limit: RateLimit, rules: readonly NamedRule[], service: RateLimitView['service']) {
  const { timeout = DEFAULT_TIMEOUT, onUnavailable } = limit.spec;
  return any('envoy.extensions.filters.http.ratelimit.v3.RateLimit', {
    domain: RATE_LIMIT_DOMAIN,
    timeout: duration(timeout),
    // Whoever has not said what happens is on the safe side.
    failure_mode_deny: onUnavailable !== 'allow',
    status_on_error: { code: 'ServiceUnavailable' as const },
    ...headersOf(limit),
    rate_limited_as_resource_exhausted: true,
    rate_limit_service: {
      grpc_service: { envoy_grpc: service },
      transport_api_version: 'V3' as const,
    },
    rate_limits: rules.map(({ id, rule }) => envoyLimit(rule, id)),
  });
}
