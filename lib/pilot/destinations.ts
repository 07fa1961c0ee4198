/** From a destination in a VirtualService to the cluster that stands for it. */
import type { Destination, LoadBalancerSettings } from '../api';
import { resolveHost, type Viewer, type WorldView } from '../world';
import { outboundClusterName } from './names';
import { effectivePolicy } from './traffic-policy';

/** A destination with everything filled in. */
export interface ResolvedDestination {
  readonly hostname: string;
  readonly port: number;
  readonly cluster: string;
}

/**
 * @param viewer the client.
 * @param owner the namespace of the object that names the destination.
 * @param listenerPort the port that the request came to, for a destination that names none and has several.
 */
export function resolveDestination(
  world: WorldView,
  destination: Destination,
  { viewer, owner, listenerPort }: { viewer: Viewer; owner: string; listenerPort: number },
): ResolvedDestination {
  const named = resolveHost(destination.host, owner);
  const ports = world.service(viewer, named)?.ports.filter(({ protocol }) => protocol !== 'UDP') ?? [];
  const port = destination.port?.number ?? (ports.length === 1 ? ports[0]!.number : listenerPort);
  return destinationAt(world, viewer, named, port, destination.subset);
}

/** A port of a host. An ExternalName that is the name of a service of the mesh is that service. */
export function destinationAt(
  world: WorldView,
  viewer: Viewer,
  named: string,
  port: number,
  subset?: string,
): ResolvedDestination {
  const { registry, externalName } = world.service(viewer, named) ?? {};
  const target = registry === 'Kubernetes' && externalName ? world.service(viewer, externalName) : undefined;
  const hostname = target?.ports.some(({ number }) => number === port) ? target.hostname : named;
  return { hostname, port, cluster: outboundClusterName(hostname, port, subset) };
}

/** How the endpoints of a destination are balanced. */
export function balancingOf(
  world: WorldView,
  viewer: Viewer,
  { hostname, port }: ResolvedDestination,
  subset: string | undefined,
): LoadBalancerSettings | undefined {
  return effectivePolicy(world.destinationRules(viewer, hostname), port, subset).loadBalancer;
}
