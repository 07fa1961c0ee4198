/** One rule of an AuthorizationPolicy as a policy of Envoy's RBAC. */
import type { Condition, Operation, Rule, Source } from '../../api';
import type { envoy } from '../../envoy/generated/envoy';
import { attributeNamed, type Place } from './attribute';

type Policy = envoy.config.rbac.v3.Policy;
type Permission = envoy.config.rbac.v3.Permission;
type Principal = envoy.config.rbac.v3.Principal;

/** What a match leads to. Whatever cannot be decided counts against the caller. */
export type Effect =
  /** ALLOW: a rule that cannot be decided does not match. */
  | 'grant'
  /** DENY, CUSTOM and AUDIT: a condition that cannot be decided is taken as met. */
  | 'restrict';

export interface RuleContext extends Place {
  readonly transport: 'http' | 'tcp';
  readonly effect: Effect;
}

/** The attribute behind each field of a source and of an operation. */
const SOURCE_FIELDS: readonly [keyof Source, keyof Source, string][] = [
  ['principals', 'notPrincipals', 'source.principal'],
  ['requestPrincipals', 'notRequestPrincipals', 'request.auth.principal'],
  ['namespaces', 'notNamespaces', 'source.namespace'],
  ['serviceAccounts', 'notServiceAccounts', 'source.serviceAccount'],
  ['trustDomains', 'notTrustDomains', 'source.trustDomain'],
  ['ipBlocks', 'notIpBlocks', 'source.ip'],
  ['remoteIpBlocks', 'notRemoteIpBlocks', 'remote.ip'],
];

const OPERATION_FIELDS: readonly [keyof Operation, keyof Operation, string][] = [
  ['hosts', 'notHosts', 'request.host'],
  ['ports', 'notPorts', 'destination.port'],
  ['methods', 'notMethods', 'request.method'],
  ['paths', 'notPaths', 'request.path'],
];

/** Undefined when the rule can match nothing. */
export function rbacPolicy(rule: Rule, context: RuleContext): Policy | undefined {
  const when = rule.when ?? [];
  const sources = (rule.from ?? [{}]).map(({ source }) => [...conditionsOf(source, SOURCE_FIELDS), ...when]);
  const operations = (rule.to ?? [{}]).map(({ operation }) => [...conditionsOf(operation, OPERATION_FIELDS), ...when]);
  const principals = sources.flatMap((conditions) => conjunction('principal', conditions, context) ?? []);
  const permissions = operations.flatMap((conditions) => conjunction('permission', conditions, context) ?? []);
  return principals.length > 0 && permissions.length > 0 ? { permissions, principals } : undefined;
}

function conditionsOf<F extends object>(
  fields: F | undefined,
  names: readonly [keyof F, keyof F, string][],
): Condition[] {
  return names.flatMap(([values, notValues, key]) => {
    const condition = { key, values: fields?.[values] as string[], notValues: fields?.[notValues] as string[] };
    return condition.values?.length || condition.notValues?.length ? [condition] : [];
  });
}

interface Terms {
  permission: Permission;
  principal: Principal;
}

const LOGIC: {
  [Of in keyof Terms]: Record<'all' | 'one', (terms: Terms[Of][]) => Terms[Of]> & {
    not: (term: Terms[Of]) => Terms[Of];
  };
} = {
  permission: {
    all: (rules) => ({ and_rules: { rules } }),
    one: (rules) => ({ or_rules: { rules } }),
    not: (rule) => ({ not_rule: rule }),
  },
  principal: {
    all: (ids) => ({ and_ids: { ids } }),
    one: (ids) => ({ or_ids: { ids } }),
    not: (id) => ({ not_id: id }),
  },
};

/**
 * All conditions that are about callers (principals), or all that are about what they call (permissions): RBAC keeps the
 * two apart, and wants at least one of each. Undefined when they cannot all be met.
 */
function conjunction<Of extends keyof Terms>(
  of: Of,
  conditions: readonly Condition[],
  context: RuleContext,
): Terms[Of] | undefined {
  const { all, one, not } = LOGIC[of];
  const terms: Terms[Of][] = [];
  for (const { key, values = [], notValues = [] } of conditions) {
    const attribute = attributeNamed(key);
    if (attribute && attribute.of !== of) continue;
    const isDecidable = attribute && (context.transport === 'http' || !attribute.http);
    for (const [list, isNegated] of [
      [values, false],
      [notValues, true],
    ] as const) {
      if (list.length === 0) continue;
      const generous = (context.effect === 'restrict') !== isNegated;
      const found = isDecidable
        ? list.map((value) => attribute.matchers(value, context, generous) as Terms[Of][] | undefined)
        : [undefined];
      if (found.includes(undefined)) {
        if (context.effect === 'grant') return undefined;
        continue;
      }
      const matchers = found.flatMap((some) => some ?? []);
      if (matchers.length === 0) {
        // No value can be met: `values` fail, `notValues` hold.
        if (!isNegated) return undefined;
        continue;
      }
      const any = matchers.length === 1 ? matchers[0]! : one(matchers);
      terms.push(isNegated ? not(any) : any);
    }
  }
  if (terms.length === 0) return { any: true } as Terms[Of];
  return terms.length === 1 ? terms[0] : all(terms);
}
