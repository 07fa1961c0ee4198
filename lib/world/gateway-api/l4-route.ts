/** The rules of TLSRoutes and TCPRoutes, as TLS and TCP routes of a VirtualService. */
import type { RouteDestination } from '../../api';
import type { TCPRoute, TLSRoute } from '../../api/gateway-api';
import { resolveBackend } from './backends';
import type { Problem } from './conditions';
import { UNRESOLVED_HOST } from './http-route';
import type { Lookup } from './lookup';

export interface ConvertedConnections {
  /** What cannot be reached keeps its share, and its connections are closed (TCPRouteRule.backendRefs). Never empty. */
  readonly route: readonly RouteDestination[];
  readonly unresolved: readonly Problem[];
}

/** The first rule counts; the API allows one. */
export function convertConnections(lookup: Lookup, route: TLSRoute | TCPRoute): ConvertedConnections {
  const destinations: RouteDestination[] = [];
  const unresolved: Problem[] = [];
  for (const reference of route.spec.rules[0]?.backendRefs ?? []) {
    const { destination, problem } = resolveBackend(lookup, route, reference);
    if (problem) unresolved.push(problem);
    const weight = reference.weight ?? 1;
    if (weight <= 0) continue;
    destinations.push({ destination: destination ?? NOWHERE, weight });
  }
  return { route: destinations.length > 0 ? destinations : [{ destination: NOWHERE }], unresolved };
}

const NOWHERE = { host: UNRESOLVED_HOST, port: { number: 80 } };
