/** Envoy's RBAC filters, for requests and for connections (envoy.config.rbac.v3). */
import { BlockList, isIP } from 'node:net';
import type { envoy } from '../envoy/generated/envoy';
import type { Call } from './authorization';
import { SimulationError } from './simulation-error';
import { matchesHeader, matchesString } from './string-matcher';

type Rbac = envoy.config.rbac.v3.RBAC;
type Permission = envoy.config.rbac.v3.Permission;
type Principal = envoy.config.rbac.v3.Principal;
type ValueMatcher = envoy.type.matcher.v3.ValueMatcher;

/** What filters before have written down, by their names. */
export type DynamicMetadata = Readonly<Record<string, unknown>>;

export interface RbacVerdict {
  readonly allowed: boolean;
  /** The name of the policy that fits, the first by name. */
  readonly policy?: string;
}

/** What a configuration says about a call. */
export function judge(rbac: Rbac, call: Call, metadata: DynamicMetadata = {}): RbacVerdict {
  const policy = Object.entries(rbac.policies ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .find(
      ([, { permissions = [], principals = [] }]) =>
        permissions.some((each) => permits(each, call, metadata)) &&
        principals.some((each) => isPrincipal(each, call, metadata)),
    )?.[0];
  const action = rbac.action ?? 'ALLOW';
  const allowed = action === 'LOG' || (policy !== undefined) === (action === 'ALLOW');
  return { allowed, ...(policy !== undefined && { policy }) };
}

function permits(permission: Permission, call: Call, metadata: DynamicMetadata): boolean {
  const { and_rules, or_rules, not_rule, destination_ip, destination_port, requested_server_name } = permission;
  if (permission.any) return true;
  if (and_rules) return (and_rules.rules ?? []).every((each) => permits(each, call, metadata));
  if (or_rules) return (or_rules.rules ?? []).some((each) => permits(each, call, metadata));
  if (not_rule) return !permits(not_rule, call, metadata);
  if (destination_ip) return inRange(destination_ip, call.destinationAddress);
  if (destination_port !== undefined) return destination_port === call.destinationPort;
  if (requested_server_name) return matchesString(requested_server_name, call.sni ?? '');
  return matchesShared(permission, call, metadata);
}

function isPrincipal(principal: Principal, call: Call, metadata: DynamicMetadata): boolean {
  const { and_ids, or_ids, not_id, authenticated, direct_remote_ip, remote_ip } = principal;
  if (principal.any) return true;
  if (and_ids) return (and_ids.ids ?? []).every((each) => isPrincipal(each, call, metadata));
  if (or_ids) return (or_ids.ids ?? []).some((each) => isPrincipal(each, call, metadata));
  if (not_id) return !isPrincipal(not_id, call, metadata);
  if (authenticated) {
    const { principal_name: name } = authenticated;
    return call.peer !== undefined && (!name || matchesString(name, call.peer));
  }
  if (direct_remote_ip) return inRange(direct_remote_ip, call.sourceAddress);
  if (remote_ip) return inRange(remote_ip, call.remoteAddress ?? call.sourceAddress);
  return matchesShared(principal, call, metadata);
}

/** The matchers that permissions and principals have in common. */
function matchesShared(rule: Permission & Principal, { http }: Call, metadata: DynamicMetadata): boolean {
  if (rule.header) return http !== undefined && matchesHeader(rule.header, headerValues(http, rule.header.name ?? ''));
  if (rule.url_path?.path) return http !== undefined && matchesString(rule.url_path.path, http.path.split('?', 1)[0]!);
  if (rule.metadata) return matchesMetadata(rule.metadata, metadata);
  throw SimulationError.unknown(Object.keys(rule).join(', ') || 'an empty rule', 'an RBAC filter');
}

/** Also routes look at what filters have written down. */
export function matchesMetadata(
  { filter = '', path = [], value = {}, invert = false }: envoy.type.matcher.v3.MetadataMatcher,
  metadata: DynamicMetadata,
): boolean {
  let found: unknown = metadata[filter];
  for (const { key = '' } of path) found = memberOf(found, key);
  return matchesValue(value, found) !== invert;
}

function headerValues(http: NonNullable<Call['http']>, name: string): readonly string[] {
  if (name === ':method') return [http.method];
  if (name === ':authority' || name.toLowerCase() === 'host') return [http.authority];
  if (name === ':path') return [http.path];
  return http.headers.get(name.toLowerCase()) ?? [];
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

function matchesValue(matcher: ValueMatcher, value: unknown): boolean {
  if (matcher.or_match) return (matcher.or_match.value_matchers ?? []).some((each) => matchesValue(each, value));
  if (matcher.list_match) {
    return Array.isArray(value) && value.some((each) => matchesValue(matcher.list_match?.one_of ?? {}, each));
  }
  if (matcher.string_match) return typeof value === 'string' && matchesString(matcher.string_match, value);
  throw SimulationError.unknown(Object.keys(matcher).join(', '), 'a metadata matcher');
}

function inRange({ address_prefix = '', prefix_len = 0 }: envoy.config.core.v3.CidrRange, address: string): boolean {
  const family = isIP(address_prefix) === 6 ? 'ipv6' : 'ipv4';
  if ((isIP(address) === 6 ? 'ipv6' : 'ipv4') !== family) return false;
  const block = new BlockList();
  block.addSubnet(address_prefix, Number(prefix_len), family);
  return block.check(address, family);
}
