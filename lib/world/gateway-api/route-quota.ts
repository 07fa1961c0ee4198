/**
 * How much of a Gateway the routes of one other namespace may take up. Whoever may attach routes could otherwise fill the
 * proxies that all others are served by. The Gateway's own namespace has the Gateway, and no bound.
 */
import type { ConvertedRoute } from './convert';
import type { PreparedGateway, PreparedListener } from './gateways';
import { Remembered } from './remembered';

/** Pairs of a hostname and a match (of one route, for TLS and TCP: hostnames), which is what proxies are told. */
export const MOST_PAIRS = 10_000;

/** `routes` without what is beyond the bound: of each namespace the oldest stand. @param routes oldest first. */
export function withinQuota(routes: readonly ConvertedRoute[], gateways: readonly PreparedGateway[]): ConvertedRoute[] {
  const gatewayOf = new Map(gateways.flatMap((each) => each.listeners.map((listener) => [listener, each] as const)));
  const used = new Map<PreparedGateway, Map<string, number>>();
  return routes.map((route) => {
    const { pairs, tenant, foreign } = claimOf(route, gatewayOf);
    if (foreign.length === 0) return route;
    const beyond = foreign.filter((prepared) => {
      const byTenant = used.get(prepared) ?? new Map<string, number>();
      used.set(prepared, byTenant);
      const wanted = (byTenant.get(tenant) ?? 0) + pairs;
      if (wanted > MOST_PAIRS) return true;
      byTenant.set(tenant, wanted);
      return false;
    });
    return beyond.length > 0 ? remembered.get(route, beyond, () => withoutGateways(route, beyond)) : route;
  });
}

interface Claim {
  readonly pairs: number;
  readonly tenant: string;
  /** The Gateways of other namespaces that took the route. */
  readonly foreign: readonly PreparedGateway[];
}

/** A route is converted anew with its Gateways, so this holds as long as it does. */
const claims = new WeakMap<ConvertedRoute, Claim>();

function claimOf(route: ConvertedRoute, gatewayOf: ReadonlyMap<PreparedListener, PreparedGateway>): Claim {
  const known = claims.get(route);
  if (known) return known;
  const tenant = route.route.metadata.namespace ?? 'default';
  const attached = new Set(
    route.attachments.flatMap(({ listeners }) => listeners.flatMap((listener) => gatewayOf.get(listener) ?? [])),
  );
  const foreign = [...attached].filter(({ gateway }) => (gateway.metadata.namespace ?? 'default') !== tenant);
  const claim = { pairs: pairsOf(route), tenant, foreign };
  claims.set(route, claim);
  return claim;
}

const remembered = new Remembered<ConvertedRoute>();

function pairsOf({ route: { spec }, virtualServices }: ConvertedRoute): number {
  const hosts = Math.max(1, ('hostnames' in spec && spec.hostnames?.length) || 0);
  const atGateways = virtualServices.find(({ spec: { gateways = [] } }) => !gateways.includes('mesh'));
  const matches = (atGateways?.spec.http ?? []).reduce((sum, { match = [] }) => sum + Math.max(1, match.length), 0);
  return hosts * Math.max(1, matches);
}

function withoutGateways(route: ConvertedRoute, beyond: readonly PreparedGateway[]): ConvertedRoute {
  const listeners = new Set(beyond.flatMap((prepared) => prepared.listeners));
  const names = new Set(
    [...listeners].flatMap(({ converted }) =>
      converted ? [`${converted.metadata.namespace}/${converted.metadata.name}`] : [],
    ),
  );
  const message = `routes of namespace ${route.route.metadata.namespace} may have ${MOST_PAIRS} pairs of hostname and match at a Gateway of another namespace; older ones have them`;
  return {
    ...route,
    attachments: route.attachments.map((attachment) =>
      attachment.listeners.some((listener) => listeners.has(listener))
        ? { parent: attachment.parent, listeners: [], problem: { reason: 'TooManyRoutes', message } }
        : attachment,
    ),
    virtualServices: route.virtualServices.flatMap((object) => {
      const { gateways = [] } = object.spec;
      const left = gateways.filter((name) => !names.has(name));
      if (left.length === gateways.length) return [object];
      return left.length > 0 ? [{ ...object, spec: { ...object.spec, gateways: left } }] : [];
    }),
  };
}
