/**
 * Authorization in front of a workload or gateway: filters that refuse requests. Tokens are checked first, since policies
 * look at their claims; then come the policies in the API's order: CUSTOM, AUDIT, DENY, ALLOW.
 * https://istio.io/latest/docs/reference/config/security/authorization-policy/
 */
import type { AuthorizationPolicy } from '../../api';
import type { envoy } from '../../envoy/generated/envoy';
import { any } from '../../envoy/message';
import type { Evaluation, Query } from '../memo';
import { HTTP_RBAC_FILTER, NETWORK_RBAC_FILTER } from '../names';
import { requestAuthentication } from '../request-authentication';
import { isDryRun, isIdle, rbac } from './rbac';
import { type AuthorizationView, policiesOf } from './view';

type HttpFilter = envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter;
type NetworkFilter = envoy.config.listener.v3.Filter;
type HttpRbac = envoy.extensions.filters.http.rbac.v3.RBAC;
type Transport = 'http' | 'tcp';

/** For requests. */
export function httpAuthorization(evaluation: Evaluation, view: AuthorizationView): readonly HttpFilter[] {
  return evaluation.derive(authorizationQuery, `http|${view.key}`, { view, transport: 'http' }) as HttpFilter[];
}

/** For connections that are not read as HTTP. What only HTTP tells counts against the caller. */
export function tcpAuthorization(evaluation: Evaluation, view: AuthorizationView): readonly NetworkFilter[] {
  return evaluation.derive(authorizationQuery, `tcp|${view.key}`, { view, transport: 'tcp' }) as NetworkFilter[];
}

const authorizationQuery: Query<
  { view: AuthorizationView; transport: Transport },
  readonly (HttpFilter | NetworkFilter)[]
> = {
  name: 'authorization',
  compute: (evaluation, { view, transport }) => {
    const policies = policiesOf(evaluation, view);
    const of = (action: string) => policies.filter(({ spec }) => (spec?.action ?? 'ALLOW') === action);
    return [
      ...(transport === 'http' ? requestAuthentication(evaluation, view.viewer, view.authentications) : []),
      ...custom(evaluation, of('CUSTOM'), transport),
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
): (HttpFilter | NetworkFilter)[] {
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

function rbacFilter(filter: HttpRbac, transport: Transport): HttpFilter | NetworkFilter {
  if (transport === 'http') {
    return { name: HTTP_RBAC_FILTER, typed_config: any('envoy.extensions.filters.http.rbac.v3.RBAC', filter) };
  }
  return {
    name: NETWORK_RBAC_FILTER,
    typed_config: any('envoy.extensions.filters.network.rbac.v3.RBAC', { ...filter, stat_prefix: 'tcp.' }),
  };
}

/** Nobody can be asked: what would have been asked about is refused. */
function custom(
  evaluation: Evaluation,
  policies: readonly AuthorizationPolicy[],
  transport: Transport,
): (HttpFilter | NetworkFilter)[] {
  const inForce = policies.filter((policy) => !isDryRun(policy));
  const rules = rbac(evaluation, inForce, 'DENY', transport);
  return isIdle(rules) ? [] : [rbacFilter({ rules }, transport)];
}
