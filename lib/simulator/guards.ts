/** The filters that may refuse a request, or a connection, before anything else is done with it. */
import type { envoy } from '../envoy/generated/envoy';
import type { Refusal } from './answer';
import type { Call } from './authorization';
import { type DynamicMetadata, judge } from './rbac';

type Any = { readonly '@type': string } | undefined;
type Rbac = envoy.extensions.filters.http.rbac.v3.RBAC;
type ExtAuthz = envoy.extensions.filters.http.ext_authz.v3.ExtAuthz;
type JwtAuthn = envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication;
type JwtProvider = envoy.extensions.filters.http.jwt_authn.v3.JwtProvider;

const HTTP_RBAC = 'envoy.extensions.filters.http.rbac.v3.RBAC';
const NETWORK_RBAC = 'envoy.extensions.filters.network.rbac.v3.RBAC';
const HTTP_EXT_AUTHZ = 'envoy.extensions.filters.http.ext_authz.v3.ExtAuthz';
const NETWORK_EXT_AUTHZ = 'envoy.extensions.filters.network.ext_authz.v3.ExtAuthz';
const JWT_AUTHN = 'envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication';

/** Names under which filters write down what others look at. */
const JWT_AUTHN_NAME = 'envoy.filters.http.jwt_authn';
const RBAC_NAMES: Readonly<Record<string, string>> = {
  [HTTP_RBAC]: 'envoy.filters.http.rbac',
  [NETWORK_RBAC]: 'envoy.filters.network.rbac',
};

/** The call may pass; of those in `asked`, clusters of external authorizers, every one has to say yes. */
export interface Pass {
  readonly kind: 'pass';
  readonly asked: readonly string[];
  /** Whether the proxy keeps a token to itself. */
  readonly keepsToken: boolean;
  /** What the filters have written down for those behind them. */
  readonly metadata: DynamicMetadata;
}

export function guarded(configs: readonly Any[], call: Call): Refusal | Pass {
  const asked: string[] = [];
  let metadata: DynamicMetadata = {};
  let keepsToken = false;
  for (const config of configs) {
    const type = config?.['@type'].slice(config['@type'].indexOf('/') + 1) ?? '';
    if (type === JWT_AUTHN) {
      const checked = checkToken(config as unknown as JwtAuthn, call);
      if ('kind' in checked) return checked;
      metadata = { ...metadata, [JWT_AUTHN_NAME]: { payload: checked.payload } };
      keepsToken ||= checked.keepsToken;
    } else if (type === HTTP_RBAC || type === NETWORK_RBAC) {
      const { rules, shadow_rules: shadow, shadow_rules_stat_prefix: prefix = '' } = config as unknown as Rbac;
      if (shadow) {
        const { allowed } = judge(shadow, call, metadata);
        const noted = { [`${prefix}shadow_engine_result`]: allowed ? 'allowed' : 'denied' };
        const name = RBAC_NAMES[type]!;
        metadata = { ...metadata, [name]: { ...(metadata[name] as object | undefined), ...noted } };
      }
      const { allowed, policy } = rules ? judge(rules, call, metadata) : { allowed: true, policy: undefined };
      if (!allowed) return forbidden(call, policy ? `${policy} refuses it` : 'no rule of an ALLOW policy takes it');
    } else if (type === HTTP_EXT_AUTHZ || type === NETWORK_EXT_AUTHZ) {
      const { filter_enabled_metadata: enabled, grpc_service, http_service } = config as unknown as ExtAuthz;
      const noted = metadata[enabled?.filter ?? ''] as Record<string, unknown> | undefined;
      if (enabled && noted?.[enabled.path?.[0]?.key ?? ''] !== enabled.value?.string_match?.exact) continue;
      asked.push(grpc_service?.envoy_grpc?.cluster_name ?? http_service?.server_uri?.cluster ?? '');
    }
  }
  return { kind: 'pass', asked, keepsToken, metadata };
}

/** A connection that is no HTTP is closed without a word. */
function forbidden(call: Call, why: string): Refusal {
  return { kind: 'refusal', ...(call.http && { status: 403 }), why };
}

interface CheckedToken {
  readonly payload?: object;
  readonly keepsToken: boolean;
}

/**
 * The claims that a call brings are those of a token whose signature is good; the issuer, the audience and whether there
 * are keys at all are looked at here.
 */
function checkToken({ providers = {}, rules = [] }: JwtAuthn, { http }: Call): Refusal | CheckedToken {
  const claims = http?.claims;
  const refused = (why: string): Refusal => ({ kind: 'refusal', status: 401, why });
  if (!claims) {
    const isRequired = !JSON.stringify(rules).includes('allow_missing');
    return isRequired ? refused('a token is required') : { keepsToken: false };
  }
  const audiences = [claims['aud']].flat();
  const known = Object.values(providers).filter(({ issuer }) => issuer === undefined || issuer === claims['iss']);
  if (known.length === 0) return refused(`no rule knows the issuer ${String(claims['iss'])}`);
  const usable = known.filter((provider) => !hasNoKeys(provider));
  if (usable.length === 0) return refused(`there are no keys of ${String(claims['iss'])}`);
  const provider = usable.find(
    ({ audiences: wanted }) => !wanted?.length || wanted.some((each) => audiences.includes(each)),
  );
  if (!provider) return { kind: 'refusal', status: 403, why: 'the token is for another audience' };
  const names = provider.normalize_payload_in_metadata?.space_delimited_claims ?? [];
  return { payload: separated(claims, names), keepsToken: !provider.forward };
}

function hasNoKeys({ remote_jwks: remote }: JwtProvider): boolean {
  return remote?.http_uri?.cluster === 'BlackHoleCluster';
}

/** Texts of several values become lists. */
function separated(claims: Readonly<Record<string, unknown>>, names: readonly string[]): object {
  const lists = names.flatMap((name) => {
    const value = claims[name];
    return typeof value === 'string' ? [[name, value.split(' ')]] : [];
  });
  return { ...claims, ...Object.fromEntries(lists) };
}
