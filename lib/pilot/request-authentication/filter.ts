/** RequestAuthentication as Envoy's jwt_authn: which tokens are good, and what is passed on of them. */
import type { JWTRule } from '../../api';
import type { envoy } from '../../envoy/generated/envoy';
import { any } from '../../envoy/message';
import { partsOfName, type Viewer, type WorldView } from '../../world';
import { JWT_AUTHN_FILTER, JWT_PAYLOAD } from '../names';
import { keySource } from './jwks';

type HttpFilter = envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter;
type JwtProvider = envoy.extensions.filters.http.jwt_authn.v3.JwtProvider;
type JwtRequirement = envoy.extensions.filters.http.jwt_authn.v3.JwtRequirement;

/** The rules of all RequestAuthentications of these names. */
export function jwtRulesOf(world: WorldView, names: readonly string[]): JWTRule[] {
  return names.flatMap((key) => world.requestAuthentication(...partsOfName(key))?.spec?.jwtRules ?? []);
}

/**
 * A request with a bad token is refused; one without any passes, unless a rule asks for one: what it may do is up to the
 * AuthorizationPolicies, which see the claims of good tokens.
 */
export function requestAuthentication(world: WorldView, viewer: Viewer, names: readonly string[]): HttpFilter[] {
  const rules = jwtRulesOf(world, names);
  if (rules.length === 0) return [];
  const providers = rules.map((rule, index) => [`issuer-${index}`, provider(world, viewer, rule)] as const);
  const requires = requirement(
    providers.map(([name]) => name),
    rules.some(({ presence }) => presence === 'REQUIRED'),
  );
  return [
    {
      name: JWT_AUTHN_FILTER,
      typed_config: any('envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication', {
        providers: Object.fromEntries(providers),
        rules: [{ match: { prefix: '/' }, requires }],
        // Browsers send no token with the question whether they may send one.
        bypass_cors_preflight: true,
      }),
    },
  ];
}

function requirement(names: readonly string[], isRequired: boolean): JwtRequirement {
  const one = names.map((provider_name): JwtRequirement => ({ provider_name }));
  const orNone = one.map((each): JwtRequirement => ({ requires_any: { requirements: [each, { allow_missing: {} }] } }));
  if (one.length === 1) return isRequired ? one[0]! : orNone[0]!;
  // A token of one issuer is a bad token to another, so no token at all is a case of its own.
  const none: JwtRequirement[] = isRequired ? [] : [{ requires_all: { requirements: orNone } }];
  return { requires_any: { requirements: [...one, ...none] } };
}

function provider(world: WorldView, viewer: Viewer, rule: JWTRule): JwtProvider {
  const { fromHeaders, fromParams, fromCookies, spaceDelimitedClaims, outputClaimToHeaders } = rule;
  return {
    ...(rule.issuer && { issuer: rule.issuer }),
    ...(rule.audiences?.length && { audiences: rule.audiences }),
    ...keySource(world, viewer, rule),
    // A token that never expires cannot be taken back.
    require_expiration: true,
    forward: rule.forwardOriginalToken ?? false,
    ...(fromHeaders?.length && {
      from_headers: fromHeaders.map(({ name, prefix }) => ({ name, ...(prefix && { value_prefix: prefix }) })),
    }),
    ...(fromParams?.length && { from_params: fromParams }),
    ...(fromCookies?.length && { from_cookies: fromCookies }),
    ...(rule.outputPayloadToHeader && { forward_payload_header: rule.outputPayloadToHeader }),
    ...(outputClaimToHeaders?.length && {
      claim_to_headers: outputClaimToHeaders.map(({ header, claim }) => ({ header_name: header, claim_name: claim })),
    }),
    payload_in_metadata: JWT_PAYLOAD,
    normalize_payload_in_metadata: {
      space_delimited_claims: [...new Set([...SPACE_DELIMITED, ...(spaceDelimitedClaims ?? [])])],
    },
    // Routes may look at claims.
    clear_route_cache: true,
  };
}

/** Claims that hold several values in one text (RFC 8693, section 4.2, and what issuers make of it). */
const SPACE_DELIMITED = ['permission', 'scope'];
