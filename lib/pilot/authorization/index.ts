/**
 * AuthorizationPolicy → Envoy's RBAC filters.
 *
 * `attribute.ts` says how each attribute is compared, `rule.ts` joins attributes to rules, `rbac.ts` rules to one filter's
 * configuration, `filters.ts` puts the filters in order. A rule that cannot be decided (HTTP's attributes on a TCP port, a
 * value that is none) counts against the caller: it does not allow, and it does deny.
 */
export { httpAuthorization, tcpAuthorization } from './filters';
export { issuerClusters } from './issuers';
export { trustDomainsOf } from './trust-domains';
export { type AuthorizationView, authorizationViewOf } from './view';
