/** The policies of one action as Envoy's RBAC. */
import type { AuthorizationPolicy } from '../../api';
import type { envoy } from '../../envoy/generated/envoy';
import type { WorldView } from '../../world';
import { type RuleContext, rbacPolicy } from './rule';
import { trustDomainsOf } from './trust-domains';

type Rbac = envoy.config.rbac.v3.RBAC;
type Action = NonNullable<Rbac['action']>;

/** How Envoy, its logs and its statistics name a rule. */
export function ruleName(policy: AuthorizationPolicy, index: number): string {
  const { namespace = 'default', name } = policy.metadata;
  return `ns[${namespace}]-policy[${name}]-rule[${index}]`;
}

/** The annotation that has a policy only counted, not enforced. */
export const DRY_RUN = 'istio.io/dry-run';

export function isDryRun({ metadata }: AuthorizationPolicy): boolean {
  return ['1', 't', 'T', 'true', 'TRUE', 'True'].includes(metadata.annotations?.[DRY_RUN] ?? '');
}

export function rbac(
  world: WorldView,
  policies: readonly AuthorizationPolicy[],
  action: Action,
  transport: RuleContext['transport'],
): Rbac {
  const trustDomains = trustDomainsOf(world.meshConfig());
  const effect = action === 'ALLOW' ? 'grant' : 'restrict';
  const rules = policies.flatMap((policy) => {
    const context = { namespace: policy.metadata.namespace ?? 'default', trustDomains, transport, effect } as const;
    return (policy.spec?.rules ?? []).flatMap((rule, index) => {
      const made = rbacPolicy(rule ?? {}, context);
      return made ? [[ruleName(policy, index), made] as const] : [];
    });
  });
  return { action, policies: Object.fromEntries(rules) };
}

/** Without policies, ALLOW refuses everything, and every other action does nothing. */
export function isIdle({ action, policies = {} }: Rbac): boolean {
  return action !== 'ALLOW' && Object.keys(policies).length === 0;
}
