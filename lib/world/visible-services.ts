/**
 * Which services a viewer sees. A namespace sees what is exported to it, one service per host name; a Sidecar leaves of
 * that what its egress hosts name, and what the VirtualServices among them lead to.
 */
import type { VirtualService } from '../api';
import { compareText, oldestFirst } from './age';
import { resolveHost } from './hostname';
import { keyOf, partsOf, type Table, table } from './reads';
import { type EgressListener, isWithin } from './scope';
import { fromKubernetes, fromServiceEntry, type Service, withPorts } from './service';
import { listenersOf } from './sidecars';
import { namespaceOf, partsOfViewer, throughListener, viewerOf, withoutLabels } from './viewer';
import { allocatedAddressesTable, withAllocated } from './virtual-addresses';
import { MESH_GATEWAY, virtualServicesTable } from './virtual-services';
import { isVisible } from './visibility';
import type { World } from './world';

/** All services of the World, by host name, then Kubernetes first, then by age. */
export const allServicesTable = table<readonly Service[]>('all services', (world) => {
  const { services, serviceEntries } = world.inventory;
  const allocated = world.read(allocatedAddressesTable, '');
  return [...services.values()]
    .map(fromKubernetes)
    .concat(serviceEntries.flatMap((entry) => withAllocated(fromServiceEntry(entry), allocated)))
    .sort(
      (a, b) =>
        compareText(a.hostname, b.hostname) ||
        compareText(a.registry, b.registry) ||
        oldestFirst(a.object, b.object) ||
        compareText(a.key, b.key),
    );
});

type ByHost = ReadonlyMap<string, Service>;

const servicesByHost: Table<ByHost> = table('services by host', (world, viewer) => {
  const { namespace, scope, listener } = partsOfViewer(viewer);
  if (scope === undefined) return exportedTo(world, namespace);
  const listeners = listenersOf(world, viewer)!;
  if (listener !== undefined) return listeners[0] ? reachedThrough(world, namespace, listeners[0]) : new Map();
  const all = new Map<string, Service>();
  for (let i = 0; i < listeners.length; i++) {
    for (const service of world.read(servicesByHost, throughListener(viewer, i)).values()) add(all, service);
  }
  addDestinations(world, viewer, all);
  return all;
});

/** Its own services before those of others, a Kubernetes Service before a ServiceEntry, the older before the younger. */
function exportedTo(world: World, namespace: string, chosen: (service: Service) => boolean = () => true) {
  const fallback = world.mesh.config.defaultServiceExportTo;
  const byHost = new Map<string, Service>();
  for (const service of world.read(allServicesTable, '')) {
    if (!isVisible(service.exportTo, service.namespace, namespace, fallback) || !chosen(service)) continue;
    const current = byHost.get(service.hostname);
    if (!current || (service.namespace === namespace && current.namespace !== namespace)) {
      byHost.set(service.hostname, service);
    }
  }
  return byHost;
}

/** A listener on a port of its own leads to that port of its services. */
function reachedThrough(world: World, namespace: string, { port, protocol, hosts }: EgressListener): ByHost {
  const found = exportedTo(world, namespace, (service) =>
    isWithin(hosts, service.namespace, service.hostname, namespace),
  );
  if (!port || protocol === 'HTTP_PROXY') return found;
  const narrowed = [...found].map(([hostname, service]) => [hostname, withPorts(service, [port])] as const);
  return new Map(narrowed.filter(([, { ports }]) => ports.length > 0));
}

/** Of one service behind several listeners, all ports count. */
function add(all: Map<string, Service>, service: Service): void {
  const known = all.get(service.hostname);
  if (!known) all.set(service.hostname, service);
  else if (known.key === service.key) {
    all.set(service.hostname, withPorts(service, portsOf(known).concat(portsOf(service))));
  }
}

function portsOf({ ports }: Service): number[] {
  return ports.map(({ number }) => number);
}

/** Who sees a route can follow it: its destinations have clusters, even where no egress host names them. */
function addDestinations(world: World, viewer: string, all: Map<string, Service>): void {
  const namespace = namespaceOf(viewer);
  const exported = world.read(servicesByHost, viewerOf(namespace));
  for (const object of world.read(virtualServicesTable, keyOf(withoutLabels(viewer), MESH_GATEWAY))) {
    for (const { host, port } of destinationsOf(object, namespace)) {
      const service = exported.get(resolveHost(host, object.metadata.namespace ?? 'default'));
      if (!service) continue;
      const reached = port === undefined ? service : withPorts(service, [port]);
      if (reached.ports.length > 0) add(all, reached);
    }
  }
}

function destinationsOf({ spec }: VirtualService, namespace: string): { host: string; port?: number }[] {
  const http = (spec.http ?? []).flatMap(({ match, route = [], mirror, mirrors = [] }) => [
    { match, destinations: route.map(({ destination }) => destination) },
    { match, destinations: [...(mirror ? [mirror] : []), ...mirrors.map(({ destination }) => destination)] },
  ]);
  const others = [...(spec.tls ?? []), ...(spec.tcp ?? [])].map(({ match, route = [] }) => ({
    match,
    destinations: route.map(({ destination }) => destination),
  }));
  return [...http, ...others]
    .filter(({ match }) => isFrom(match, namespace))
    .flatMap(({ destinations }) => destinations.map(({ host, port }) => ({ host, port: port?.number })));
}

function isFrom(match: readonly { sourceNamespace?: string }[] | undefined, namespace: string): boolean {
  return !match?.length || match.some(({ sourceNamespace }) => !sourceNamespace || sourceNamespace === namespace);
}

/** By viewer; sorted by host name. */
export const visibleServicesTable = table<readonly Service[]>('visible services', (world, viewer) => {
  const services = [...world.read(servicesByHost, viewer).values()];
  return partsOfViewer(viewer).scope === undefined
    ? services
    : services.sort((a, b) => compareText(a.hostname, b.hostname));
});

/** By viewer and host name. */
export const serviceTable = table<Service | undefined>('service', (world, key) => {
  const [viewer, hostname] = partsOf(key, 2);
  return world.read(servicesByHost, withoutLabels(viewer)).get(hostname);
});
