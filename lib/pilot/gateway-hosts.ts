/** Which hosts of a VirtualService a server of a Gateway serves. */
import type { Server, VirtualService } from '../api';
import { bySpecificity, covers, intersect, resolveHost, sourceOf, type WorldView } from '../world';
import type { GatewayServer } from './gateway-servers';

/** A host of a server: `namespace/host`, `./host`, or `host` for all namespaces. */
interface ServerHost {
  readonly namespace: string;
  readonly host: string;
}

function serverHosts(server: Server, gatewayNamespace: string): ServerHost[] {
  return server.hosts.map((text) => {
    const slash = text.indexOf('/');
    if (slash < 0) return { namespace: '*', host: text.toLowerCase() };
    const namespace = text.slice(0, slash);
    return {
      namespace: namespace === '.' ? gatewayNamespace : namespace,
      host: text.slice(slash + 1).toLowerCase(),
    };
  });
}

/** The host names of a server, without the namespaces, in the order of the object, each once. */
export function hostNamesOf({ server, gateway }: GatewayServer): string[] {
  return [...new Set(serverHosts(server, gateway.metadata.namespace ?? 'default').map(({ host }) => host))];
}

export interface BoundVirtualService {
  readonly object: VirtualService;
  /** The hosts that both the object and the server name. */
  readonly hosts: readonly string[];
}

/** The VirtualServices that are bound to a server by gateway and host, oldest first. */
export function boundVirtualServices(world: WorldView, viewer: string, target: GatewayServer): BoundVirtualService[] {
  const { server, gateway, gatewayName } = target;
  let known = boundHosts.get(server);
  if (!known) {
    known = new WeakMap();
    boundHosts.set(server, known);
  }
  const served = serverHosts(server, gateway.metadata.namespace ?? 'default');
  const bound: BoundVirtualService[] = [];
  for (const object of world.virtualServices(viewer, gatewayName)) {
    let both = known.get(object);
    if (!both) {
      both = { object, hosts: hostsOfBoth(object, served) };
      known.set(object, both);
    }
    if (both.hosts.length > 0) bound.push(both);
  }
  return bound;
}

/** One object of thousands has changed, and all are asked which hosts they share with the server. */
const boundHosts = new WeakMap<Server, WeakMap<VirtualService, BoundVirtualService>>();

function hostsOfBoth(object: VirtualService, served: readonly ServerHost[]): string[] {
  const owner = object.metadata.namespace ?? 'default';
  const hosts = new Set<string>();
  for (const written of object.spec.hosts ?? []) {
    for (const { namespace, host } of served) {
      if (namespace !== '*' && namespace !== owner) continue;
      const both = intersect(host, resolveHost(written, owner));
      if (both !== undefined) hosts.add(both);
    }
  }
  return [...hosts];
}

/** Listeners of the Gateway API do not share hosts, as servers of the other API do. */
export function isOfGatewayApi({ gateway }: GatewayServer): boolean {
  return sourceOf(gateway) !== undefined;
}

/** Whether a host belongs to `target`: of several servers, the one whose own host is closest to it. */
export function ownerCheck(servers: readonly GatewayServer[], target: GatewayServer): (host: string) => boolean {
  const own = new Set(hostNamesOf(target));
  const others = servers.filter((each) => each !== target).flatMap(hostNamesOf);
  if (others.length === 0) return () => true;
  return (host) => {
    const ours = [...own].filter((name) => covers(name, host)).sort(bySpecificity)[0];
    return !others.some((name) => covers(name, host) && ours !== undefined && bySpecificity(name, ours) < 0);
  };
}
