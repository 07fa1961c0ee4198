/**
 * A rule of a RateLimit in Envoy's words: the requests that it is for, and the descriptor that they are counted by. A
 * descriptor has two entries: which rule, and the value that has a count of its own.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/rate_limit_filter
 *
 * What a client writes becomes a key only as long as it is short: longer values, and requests without one, share one count.
 * So neither Envoy nor the service ever keeps a long key, and leaving a header out is no way around its limit.
 */
import type { RateLimitKey, RateLimitMatch, RateLimitRule } from '../../api';
import type { envoy } from '../../envoy/generated/envoy';
import { any } from '../../envoy/message';
import { literal } from '../authorization/pattern';
import { stringMatcher } from '../string-match';

type EnvoyLimit = envoy.config.route.v3.RateLimit;
type Action = NonNullable<EnvoyLimit['actions']>[number];
type HeaderMatcher = envoy.config.route.v3.HeaderMatcher;

/** Under which the rule stands in a descriptor. */
export const RULE_ENTRY = 'rule';
/** Under which the value stands that is counted. */
export const VALUE_ENTRY = 'value';
/** The longest value that a client may choose. */
export const LONGEST_VALUE = 256;
/** What requests without a value, or with one that is too long, are counted by. No header has it for a value unless a client says so. */
const SHARED = '-';

/** `namespace/name/index`: by which the rate limit service knows a rule. */
export function ruleId(limit: { metadata: { namespace?: string; name: string } }, index: number): string {
  return `${limit.metadata.namespace ?? 'default'}/${limit.metadata.name}/${index}`;
}

/** What puts `rule` to requests. */
export function envoyLimit(rule: RateLimitRule, id: string): EnvoyLimit {
  return { actions: [ruleAction(id, requestMatchers(rule.match)), valueAction(rule.key)] };
}

function valueAction(key: RateLimitKey | undefined): Action {
  switch (key?.by) {
    case 'caller':
      return expression(`connection.mtls ? connection.uri_san_peer_certificate : "${SHARED}"`);
    case 'header': {
      // No name of a header has a quotation mark or a backslash.
      const name = `"${key.header?.toLowerCase()}"`;
      return expression(`${name} in request.headers && ${bounded(`request.headers[${name}]`)}`);
    }
    case 'path':
      return expression(bounded('request.url_path'));
    case 'remoteAddress':
      return { masked_remote_address: { v4_prefix_mask_len: 32, v6_prefix_mask_len: IPV6_NETWORK } };
    default:
      return { generic_key: { descriptor_key: VALUE_ENTRY, descriptor_value: SHARED } };
  }
}

function bounded(value: string): string {
  return `size(${value}) <= ${LONGEST_VALUE} ? ${value} : "${SHARED}"`;
}

/** One client has all addresses of such a network. */
const IPV6_NETWORK = 64;

/** The names under which the value of an action stands: one that cannot be chosen for masked addresses, none where it cannot be read. */
export function valueEntriesOf(key: RateLimitKey | undefined): (string | undefined)[] {
  if (key?.by === 'remoteAddress') return ['masked_remote_address'];
  return key === undefined || key.by === 'all' ? [VALUE_ENTRY] : [VALUE_ENTRY, undefined];
}

function ruleAction(id: string, headers: HeaderMatcher[]): Action {
  if (headers.length === 0) return { generic_key: { descriptor_key: RULE_ENTRY, descriptor_value: id } };
  return { header_value_match: { descriptor_key: RULE_ENTRY, descriptor_value: id, headers } };
}

function expression(text: string): Action {
  return {
    extension: {
      name: 'envoy.rate_limit_descriptors.expr',
      typed_config: any('envoy.extensions.rate_limit_descriptors.expr.v3.Descriptor', {
        descriptor_key: VALUE_ENTRY,
        text,
        // A value that cannot be read, such as broken UTF-8, is left out; the rule still counts, for all of these together.
        skip_if_error: true,
      }),
    },
  };
}

/** All of them have to match. Paths come with their query, which is not looked at. */
function requestMatchers(match: RateLimitMatch | undefined): HeaderMatcher[] {
  const { path, methods, headers = {} } = match ?? {};
  const result: HeaderMatcher[] = [];
  if (path) result.push({ name: ':path', string_match: pathMatcher(path) });
  if (methods?.length) {
    result.push({ name: ':method', string_match: { safe_regex: { regex: methods.map(literal).join('|') } } });
  }
  for (const name of Object.keys(headers).sort()) {
    const string_match = stringMatcher(headers[name]);
    result.push(string_match ? { name, string_match } : { name, present_match: true });
  }
  return result;
}

function pathMatcher({ exact, prefix, regex }: NonNullable<RateLimitMatch['path']>) {
  if (prefix !== undefined) return { prefix };
  return { safe_regex: { regex: `(?:${exact === undefined ? regex : literal(exact)})(\\?.*)?` } };
}
