/** Which VirtualServices a viewer sees, and which of them rules a host. */
import type { VirtualService } from '../api';
import { oldestFirst } from './age';
import { delegated, delegateName, isDelegating } from './delegates';
import { sourceOf } from './gateway-api';
import { type ByHost, byHost, mostSpecific } from './host-index';
import { resolveHost } from './hostname';
import { nameKey } from './inventory';
import { keyOf, partsOf, type Table, table } from './reads';
import { takesForeignHosts } from './registered-hosts';
import { isWithin } from './scope';
import { listenersOf } from './sidecars';
import { gatewayApiTable, ingressTable } from './tables';
import { namespaceOf, withoutLabels } from './viewer';
import { isVisible } from './visibility';
import type { World } from './world';

/** The gateway name by which VirtualServices mean all sidecars. */
export const MESH_GATEWAY = 'mesh';

const none: readonly never[] = Object.freeze([]);

/** By viewer and a gateway (`mesh`, or `namespace/name`); oldest first. A Sidecar leaves those for its egress hosts. */
export const virtualServicesTable = table<readonly VirtualService[]>('virtual services', (world, key) => {
  const [viewer, gateway] = partsOf(key, 2);
  const namespace = namespaceOf(viewer);
  const fallback = world.mesh.config.defaultVirtualServiceExportTo;
  const visible = (world.read(virtualServicesByGateway, '').get(gateway) ?? none).filter((object) =>
    isVisible(object.spec.exportTo, object.metadata.namespace ?? 'default', namespace, fallback),
  );
  const listeners = listenersOf(world, viewer);
  if (!listeners) return visible;
  return visible.filter((object) => {
    const owner = object.metadata.namespace ?? 'default';
    return (object.spec.hosts ?? []).some((host) =>
      listeners.some(({ hosts }) => isWithin(hosts, owner, resolveHost(host, owner), namespace)),
    );
  });
});

/** Written ones, and what routes of the Gateway API and Ingresses amount to; oldest first. */
function allVirtualServices(world: World): readonly VirtualService[] {
  const written = world.inventory.virtualServices;
  const converted = [
    ...world.read(gatewayApiTable, '').virtualServices,
    ...world.read(ingressTable, '').virtualServices,
  ];
  if (converted.length === 0) return written;
  // By what users have named: what routes were made into has longer names, which sort otherwise.
  return [...written, ...converted].sort((a, b) => oldestFirst(sourceOf(a) ?? a, sourceOf(b) ?? b));
}

/** All of them, with the routes of delegates in place; the same object for as long as neither it nor its delegates change. */
const delegatedVirtualServices: Table<readonly VirtualService[]> = table('delegated virtual services', (world) => {
  const virtualServices = allVirtualServices(world);
  if (!virtualServices.some(isDelegating)) return virtualServices;
  const byName = new Map(
    virtualServices.map((object) => [nameKey(object.metadata.namespace, object.metadata.name), object]),
  );
  const exportTo = world.mesh.config.defaultVirtualServiceExportTo;
  return virtualServices.map((object) => withDelegates(object, (name) => byName.get(name), exportTo));
});

interface Delegated {
  readonly delegates: readonly (VirtualService | undefined)[];
  readonly exportTo: string;
  readonly object: VirtualService;
}

const remembered = new WeakMap<VirtualService, Delegated>();

function withDelegates(
  root: VirtualService,
  find: (name: string) => VirtualService | undefined,
  exportTo: readonly string[] | undefined,
): VirtualService {
  if (!isDelegating(root)) return root;
  const owner = root.metadata.namespace ?? 'default';
  const delegates = (root.spec.http ?? []).map((route) => {
    const named = delegateName(route, owner);
    return named && find(nameKey(named.namespace, named.name));
  });
  const known = remembered.get(root);
  const key = JSON.stringify(exportTo ?? '');
  if (known?.exportTo === key && known.delegates.every((each, i) => each === delegates[i])) return known.object;
  const { object } = delegated(root, (namespace, name) => find(nameKey(namespace, name)), exportTo);
  remembered.set(root, { delegates, exportTo: key, object });
  return object;
}

const virtualServicesByGateway: Table<ReadonlyMap<string, VirtualService[]>> = table('by gateway', (world) => {
  const byGateway = new Map<string, VirtualService[]>();
  for (const object of world.read(delegatedVirtualServices, '')) {
    for (const gateway of new Set(gatewaysOf(object))) {
      if (gateway === MESH_GATEWAY && takesForeignHosts(world, object)) continue;
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
      world
        .read(delegatedVirtualServices, '')
        .map((object) => [nameKey(object.metadata.namespace, object.metadata.name), object]),
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
 * By viewer and a host name: the VirtualService that rules the host for sidecars. The most specific
 * host wins, the oldest object of several.
 */
export const virtualServiceForHostTable = table<VirtualService | undefined>(
  'virtual service for host',
  (world, key) => {
    const [viewer, hostname] = partsOf(key, 2);
    return mostSpecific(hostname, world.read(virtualServiceHosts, withoutLabels(viewer)))?.[0];
  },
);

/**
 * By viewer and a host name: all objects that rule the host together. Of written ones that is one; routes of the Gateway
 * API are merged, those of the viewer's namespace before the producer's (https://gateway-api.sigs.k8s.io/mesh/).
 */
export const virtualServicesForHostTable = table<readonly VirtualService[]>(
  'virtual services for host',
  (world, key) => {
    const [viewer, hostname] = partsOf(key, 2);
    const objects = mostSpecific(hostname, world.read(virtualServiceHosts, withoutLabels(viewer))) ?? none;
    if (!objects[0] || !sourceOf(objects[0])) return objects.slice(0, 1);
    const routes = objects.filter((object) => sourceOf(object));
    const consumers = routes.filter(({ spec }) => spec.exportTo?.[0] === '.');
    return consumers.length > 0 ? consumers : routes;
  },
);

const virtualServiceHosts: Table<ByHost<VirtualService>> = table('virtual service hosts', (world, viewer) => {
  const objects = world.read(virtualServicesTable, keyOf(viewer, MESH_GATEWAY));
  return byHost(objects, (object) =>
    (object.spec.hosts ?? []).map((host) => resolveHost(host, object.metadata.namespace ?? 'default')),
  );
});
