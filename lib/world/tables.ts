/**
 * The questions that a World answers. Each one is a small function from the inventory (and other answers) to something
 * whose identity stands for its content; `view.ts` gives them convenient names.
 */
import type { DestinationRule, Gateway, MeshConfig, Telemetry, VirtualService, WorkloadEntry } from '../api';
import type { EndpointSlice, Pod, Secret } from '../api/kubernetes';
import { compareText, oldestFirst } from './age';
import { bySpecificity, covers, resolveHost } from './hostname';
import { nameKey } from './inventory';
import { type Labels, selects } from './labels';
import { keyOf, partsOf, type Table, table } from './reads';
import { fromKubernetes, fromServiceEntry, type Service } from './service';
import { isVisible } from './visibility';
import type { World } from './world';

/** The gateway name by which VirtualServices mean all sidecars. */
export const MESH_GATEWAY = 'mesh';

const none: readonly never[] = Object.freeze([]);

export const meshConfigTable = table<MeshConfig>('mesh config', (world) => world.mesh.config);

export const rootNamespaceTable = table<string>('root namespace', (world) => world.mesh.rootNamespace);

export const podTable = table<Pod | undefined>('pod', (world, key) => world.inventory.pods.get(key));

export const podsTable = table<readonly Pod[]>(
  'pods',
  (world, key) => world.inventory.podsByNamespace.get(key) ?? none,
);

export const slicesTable = table<readonly EndpointSlice[]>(
  'slices',
  (world, key) => world.inventory.slices.get(key) ?? none,
);

export const workloadEntriesTable = table<readonly WorkloadEntry[]>(
  'workload entries',
  (world, key) => world.inventory.workloadEntries.get(key) ?? none,
);

export const secretTable = table<Secret | undefined>('secret', (world, key) => world.inventory.secrets.get(key));

/** Oldest first. */
export const telemetriesTable = table<readonly Telemetry[]>(
  'telemetries',
  (world, key) => world.inventory.telemetries.get(key) ?? none,
);

/** All services of the World, by host name, then Kubernetes first, then by age. */
export const allServicesTable = table<readonly Service[]>('all services', (world) => {
  const { services, serviceEntries } = world.inventory;
  return [...services.values()]
    .map(fromKubernetes)
    .concat(serviceEntries.flatMap(fromServiceEntry))
    .sort(
      (a, b) =>
        compareText(a.hostname, b.hostname) ||
        compareText(a.registry, b.registry) ||
        oldestFirst(a.object, b.object) ||
        compareText(a.key, b.key),
    );
});

/**
 * The services that a namespace sees, one per host name: its own before those of others, a Kubernetes Service before a
 * ServiceEntry, the older before the younger.
 */
const servicesByHost: Table<ReadonlyMap<string, Service>> = table('services by host', (world, namespace) => {
  const fallback = world.mesh.config.defaultServiceExportTo;
  const byHost = new Map<string, Service>();
  for (const service of world.read(allServicesTable, '')) {
    if (!isVisible(service.exportTo, service.namespace, namespace, fallback)) continue;
    const current = byHost.get(service.hostname);
    if (!current || (service.namespace === namespace && current.namespace !== namespace)) {
      byHost.set(service.hostname, service);
    }
  }
  return byHost;
});

/** By namespace of the viewer; sorted by host name. */
export const visibleServicesTable = table<readonly Service[]>('visible services', (world, namespace) => [
  ...world.read(servicesByHost, namespace).values(),
]);

/** By namespace of the viewer and host name. */
export const serviceTable = table<Service | undefined>('service', (world, key) => {
  const [namespace, hostname] = partsOf(key, 2);
  return world.read(servicesByHost, namespace).get(hostname);
});

/** By the service's own key: the same for whoever looks. */
export const serviceByKeyTable = table<Service | undefined>('service by key', (world, key) =>
  world.read(servicesByKey, '').get(key),
);

const servicesByKey: Table<ReadonlyMap<string, Service>> = table(
  'services by key',
  (world) => new Map(world.read(allServicesTable, '').map((service) => [service.key, service])),
);

/** By namespace and labels (as JSON) of a workload: the services that it stands behind. */
export const servicesOfWorkloadTable = table<readonly Service[]>('services of workload', (world, key) => {
  const [namespace, json] = partsOf(key, 2);
  const labels = JSON.parse(json) as Labels;
  return world
    .read(allServicesTable, '')
    .filter((service) => service.namespace === namespace && service.selector && selects(service.selector, labels));
});

/** By the viewer's namespace and a gateway (`mesh`, or `namespace/name`); oldest first. */
export const virtualServicesTable = table<readonly VirtualService[]>('virtual services', (world, key) => {
  const [namespace, gateway] = partsOf(key, 2);
  const fallback = world.mesh.config.defaultVirtualServiceExportTo;
  return (world.read(virtualServicesByGateway, '').get(gateway) ?? none).filter((object) =>
    isVisible(object.spec.exportTo, object.metadata.namespace ?? 'default', namespace, fallback),
  );
});

const virtualServicesByGateway: Table<ReadonlyMap<string, VirtualService[]>> = table('by gateway', (world) => {
  const byGateway = new Map<string, VirtualService[]>();
  for (const object of world.inventory.virtualServices) {
    for (const gateway of new Set(gatewaysOf(object))) {
      const list = byGateway.get(gateway);
      if (list) list.push(object);
      else byGateway.set(gateway, [object]);
    }
  }
  return byGateway;
});

/** By `namespace/name`. */
export const virtualServiceTable = table<VirtualService | undefined>('virtual service by name', (world, key) =>
  world.read(virtualServicesByName, '').get(key),
);

const virtualServicesByName: Table<ReadonlyMap<string, VirtualService>> = table(
  'virtual services by name',
  (world) =>
    new Map(
      world.inventory.virtualServices.map((object) => [
        nameKey(object.metadata.namespace, object.metadata.name),
        object,
      ]),
    ),
);

/** The gateways that a VirtualService is bound to: `mesh`, or complete names. */
export function gatewaysOf(object: VirtualService): string[] {
  const { gateways } = object.spec;
  if (!gateways?.length) return [MESH_GATEWAY];
  return gateways.map((gateway) => resolveGateway(gateway, object.metadata.namespace ?? 'default'));
}

/** `edge` and `./edge` in namespace `shop` are `shop/edge`. */
export function resolveGateway(gateway: string, namespace: string): string {
  if (gateway === MESH_GATEWAY) return gateway;
  if (gateway.startsWith('./')) return `${namespace}/${gateway.slice(2)}`;
  return gateway.includes('/') ? gateway : `${namespace}/${gateway}`;
}

/**
 * By the client's namespace and a host name: the VirtualService that rules the host for sidecars. The most specific
 * host wins, the oldest object of several.
 */
export const virtualServiceForHostTable = table<VirtualService | undefined>(
  'virtual service for host',
  (world, key) => {
    const [namespace, hostname] = partsOf(key, 2);
    return mostSpecific(hostname, world.read(virtualServiceHosts, namespace))?.[0];
  },
);

type ByHost<V> = { readonly exact: ReadonlyMap<string, V[]>; readonly wildcards: readonly string[] };

const virtualServiceHosts: Table<ByHost<VirtualService>> = table('virtual service hosts', (world, namespace) => {
  const objects = world.read(virtualServicesTable, keyOf(namespace, MESH_GATEWAY));
  return byHost(objects, (object) =>
    (object.spec.hosts ?? []).map((host) => resolveHost(host, object.metadata.namespace ?? 'default')),
  );
});

/**
 * By the client's namespace and a host name: the DestinationRules that hold, oldest first (several of one host are
 * merged by the reader). They are sought in the client's namespace, then the service's, then the root.
 */
export const destinationRulesTable = table<readonly DestinationRule[]>('destination rules', (world, key) => {
  const [namespace, hostname] = partsOf(key, 2);
  const service = world.read(serviceTable, key);
  const places = [namespace, service?.namespace, world.mesh.rootNamespace];
  for (const place of new Set(places)) {
    if (place === undefined) continue;
    const found = mostSpecific(hostname, world.read(destinationRuleHosts, keyOf(place, namespace)));
    if (found) return found;
  }
  return none;
});

/** By `namespace/name`. */
export const destinationRuleTable = table<DestinationRule | undefined>('destination rule', (world, key) =>
  world.read(destinationRulesByName, '').get(key),
);

const destinationRulesByName: Table<ReadonlyMap<string, DestinationRule>> = table(
  'destination rules by name',
  (world) =>
    new Map(
      world.inventory.destinationRules.map((object) => [
        nameKey(object.metadata.namespace, object.metadata.name),
        object,
      ]),
    ),
);

const destinationRuleHosts: Table<ByHost<DestinationRule>> = table('destination rule hosts', (world, key) => {
  const [place, viewer] = partsOf(key, 2);
  const fallback = world.mesh.config.defaultDestinationRuleExportTo;
  const objects = (world.read(destinationRulesByNamespace, '').get(place) ?? none).filter((object) =>
    isVisible(object.spec.exportTo, place, viewer, fallback),
  );
  return byHost(objects, (object) => [resolveHost(object.spec.host, place)]);
});

const destinationRulesByNamespace: Table<ReadonlyMap<string, DestinationRule[]>> = table(
  'destination rules by namespace',
  (world) => {
    const byNamespace = new Map<string, DestinationRule[]>();
    for (const object of world.inventory.destinationRules) {
      const { namespace = 'default' } = object.metadata;
      const list = byNamespace.get(namespace);
      if (list) list.push(object);
      else byNamespace.set(namespace, [object]);
    }
    return byNamespace;
  },
);

function byHost<V>(objects: readonly V[], hostsOf: (object: V) => string[]): ByHost<V> {
  const exact = new Map<string, V[]>();
  for (const object of objects) {
    for (const host of new Set(hostsOf(object))) {
      const list = exact.get(host);
      if (list) list.push(object);
      else exact.set(host, [object]);
    }
  }
  return { exact, wildcards: [...exact.keys()].filter((host) => host.startsWith('*')).sort(bySpecificity) };
}

function mostSpecific<V>(hostname: string, objects: ByHost<V>): readonly V[] | undefined {
  const exact = objects.exact.get(hostname);
  if (exact) return exact;
  const wildcard = objects.wildcards.find((host) => covers(host, hostname));
  return wildcard === undefined ? undefined : objects.exact.get(wildcard);
}

/** By labels (as JSON) of a gateway workload: the Gateways of all namespaces that select it, oldest first. */
export const gatewaysTable = table<readonly Gateway[]>('gateways', (world, json) => {
  const labels = JSON.parse(json) as Labels;
  return world.inventory.gateways.filter((object) => selects(object.spec.selector, labels));
});

/** The label keys by which VirtualServices and Telemetries tell workloads apart, sorted. */
export const distinguishingLabelsTable = table<readonly string[]>('distinguishing labels', (world: World) => {
  const keys = new Set<string>();
  const note = (labels: Labels | undefined) => {
    for (const key in labels) keys.add(key);
  };
  for (const { spec } of world.inventory.virtualServices) {
    for (const route of [...(spec.http ?? []), ...(spec.tls ?? []), ...(spec.tcp ?? [])]) {
      for (const match of route.match ?? []) note(match.sourceLabels);
    }
  }
  for (const objects of world.inventory.telemetries.values()) {
    for (const object of objects) note(object.spec?.selector?.matchLabels);
  }
  return [...keys].sort();
});
