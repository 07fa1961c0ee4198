/** The rules of a GRPCRoute, as HTTP routes of a VirtualService: a call is a POST to `/SERVICE/METHOD`. */
import type { HTTPMatchRequest, StringMatch } from '../../api';
import type { GRPCRoute, GrpcRouteMatch, GrpcRouteRule } from '../../api/gateway-api';
import { resolveBackend } from './backends';
import { convertFilters } from './filters';
import {
  type ConvertedRule,
  type ConvertedRules,
  conditionsOf,
  type Failure,
  gathered,
  withAction,
} from './http-route';
import type { Lookup } from './lookup';

export function convertGrpcRules(lookup: Lookup, route: GRPCRoute): ConvertedRules {
  const rules = route.spec.rules ?? [{}];
  return gathered(rules.map((rule: GrpcRouteRule) => convertRule(lookup, route, rule)));
}

/** GRPCRouteRule.backendRefs: UNAVAILABLE, which is what Envoy makes of 503, its answer for any host that is not there. */
const FAILURE: Failure = { status: 503, host: 'unavailable.malha.invalid' };

function convertRule(lookup: Lookup, route: GRPCRoute, rule: GrpcRouteRule): ConvertedRule {
  const filters = convertFilters(rule.filters, undefined, (mirror) => resolveBackend(lookup, route, mirror));
  const match = rule.matches?.length ? rule.matches.map(matchOf) : [{ uri: { prefix: '/' } }];
  return withAction(
    lookup,
    route,
    { ...(rule.name && { name: rule.name }), match },
    filters,
    rule.backendRefs,
    FAILURE,
  );
}

function matchOf({ method, headers }: GrpcRouteMatch): HTTPMatchRequest {
  return {
    uri: pathMatch(method),
    ...(headers?.length && { headers: conditionsOf(headers, (name) => name.toLowerCase()) }),
  };
}

function pathMatch(call: GrpcRouteMatch['method']): StringMatch {
  const { type = 'Exact', service, method } = call ?? {};
  if (type === 'RegularExpression') return { regex: `/${service ?? '[^/]+'}/${method ?? '[^/]+'}` };
  if (service && method) return { exact: `/${service}/${method}` };
  if (service) return { prefix: `/${service}` };
  return method
    ? { regex: `/[^/]+/${method.replace(/[^A-Za-z0-9_]/g, (character) => `\\${character}`)}` }
    : { prefix: '/' };
}
