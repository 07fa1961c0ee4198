/**
 * RateLimit → Envoy's filters that limit. `descriptor.ts` says what a rule is for and what it counts by, `filters.ts` puts the
 * rules of an object into one filter, `view.ts` says which objects hold for whom.
 */
export { RULE_ENTRY, ruleId } from './descriptor';
export { RATE_LIMIT_DOMAIN, rateLimitFilters, SECONDS_PER } from './filters';
export { type RateLimitView, rateLimitViewOf } from './view';
