/**
 * Authorization in front of a workload or gateway: filters that refuse requests. Tokens are checked first, since policies
 * look at their claims; then come the policies in the API's order: CUSTOM, AUDIT, DENY, ALLOW.
 * https://istio.io/latest/docs/reference/config/security/authorization-policy/
 */
import type { AuthorizationPolicy } from '../../api';
import type { Evaluation, Query } from '../memo';
import { requestAuthentication } from '../request-authentication';
import { custom } from './custom';
import { isDryRun, isIdle, rbac } from './rbac';
import {
  type AuthorizationFilter,
  type HttpFilter,
  type NetworkFilter,
  rbacFilter,
  type Transport,
} from './rbac-filter';
import { type AuthorizationView, policiesOf } from './view';

/** For requests. */
export function httpAuthorization(evaluation: Evaluation, view: AuthorizationView): readonly HttpFilter[] {
  return evaluation.derive(authorizationQuery, `http|${view.key}`, { view, transport: 'http' }) as HttpFilter[];
}

/** For connections that are not read as HTTP. What only HTTP tells counts against the caller. */
export function tcpAuthorization(evaluation: Evaluation, view: AuthorizationView): readonly NetworkFilter[] {
  return evaluation.derive(authorizationQuery, `tcp|${view.key}`, { view, transport: 'tcp' }) as NetworkFilter[];
}

const authorizationQuery: Query<{ view: AuthorizationView; transport: Transport }, readonly AuthorizationFilter[]> = {
  name: 'authorization',
  compute: (evaluation, { view, transport }) => {
    const policies = policiesOf(evaluation, view);
    const of = (action: string) => policies.filter(({ spec }) => (spec?.action ?? 'ALLOW') === action);
    return [
      ...(transport === 'http' ? requestAuthentication(evaluation, view.viewer, view.authentications) : []),
      ...custom(evaluation, view.viewer, of('CUSTOM'), transport),
      ...enforced(evaluation, of('AUDIT'), 'LOG', transport),
      ...enforced(evaluation, of('DENY'), 'DENY', transport),
      ...enforced(evaluation, of('ALLOW'), 'ALLOW', transport),
    ];
  },
};

/** Where Envoy counts, and writes down, what the policies on trial would have done. */
const DRY_RUN_PREFIX = { ALLOW: 'istio_dry_run_allow_', DENY: 'istio_dry_run_deny_' } as const;

function enforced(
  evaluation: Evaluation,
  policies: readonly AuthorizationPolicy[],
  action: 'LOG' | 'DENY' | 'ALLOW',
  transport: Transport,
): AuthorizationFilter[] {
  const inForce = policies.filter((policy) => !isDryRun(policy));
  const onTrial = action === 'LOG' ? [] : policies.filter(isDryRun);
  const rules = inForce.length > 0 ? rbac(evaluation, inForce, action, transport) : undefined;
  const shadow = onTrial.length > 0 ? rbac(evaluation, onTrial, action, transport) : undefined;
  const filter = {
    ...(rules && !isIdle(rules) && { rules }),
    ...(shadow && {
      shadow_rules: shadow,
      shadow_rules_stat_prefix: DRY_RUN_PREFIX[action as keyof typeof DRY_RUN_PREFIX],
    }),
  };
  return Object.keys(filter).length > 0 ? [rbacFilter(filter, transport)] : [];
}
