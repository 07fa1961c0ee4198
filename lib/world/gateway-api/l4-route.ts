/** The rules of TLSRoutes and TCPRoutes, as TLS and TCP routes of a VirtualService. */
import type { RouteDestination } from '../../api';
import type { TCPRoute, TLSRoute } from '../../api/gateway-api';
import { resolveBackend } from './backends';
import type { Problem } from './conditions';
import type { Lookup } from './lookup';

export interface ConvertedConnections {
  /** Empty where nothing can be reached: connections are closed. */
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
    if (destination && weight > 0) destinations.push({ destination, weight });
  }
  return { route: destinations, unresolved };
}
