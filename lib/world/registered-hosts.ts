/** The hosts of a World, whose they are, and the VirtualServices that `hostOwnership: enforce` keeps from sidecars. */
import type { VirtualService } from '../api';
import { sourceOf } from './gateway-api';
import { Grants } from './gateway-api/grants';
import { type ByHost, byHost, mostSpecific } from './host-index';
import { foreignHosts, type OwnedHost, type RegisteredHosts } from './host-ownership';
import { intersect, isWildcard, resolveHost } from './hostname';
import { type Table, table } from './reads';
import type { Service } from './service';
import { allServicesTable } from './visible-services';
import type { World } from './world';

/** What routes of the Gateway API amount to keeps to its own rules: https://gateway-api.sigs.k8s.io/mesh/ */
export function takesForeignHosts(world: World, object: VirtualService): boolean {
  const { hostOwnership, defaultVirtualServiceExportTo: exportTo } = world.mesh.config;
  if (hostOwnership !== 'enforce' || sourceOf(object)) return false;
  const grants = new Grants(world.inventory.referenceGrants);
  return foreignHosts(object, world.read(registeredHostsTable, ''), grants, exportTo).length > 0;
}

const registeredHostsTable: Table<RegisteredHosts> = table('registered hosts', (world) => {
  const services = byHost(world.read(allServicesTable, ''), ({ hostname }) => [hostname]);
  return { overlapping: (host, namespace) => overlapping(services, resolveHost(host, namespace)).map(owned) };
});

function overlapping(services: ByHost<Service>, host: string): readonly Service[] {
  if (!isWildcard(host)) return mostSpecific(host, services) ?? [];
  return [...services.exact].flatMap(([known, list]) => (intersect(known, host) === undefined ? [] : list));
}

function owned({ hostname, namespace, object }: Service): OwnedHost {
  return { host: hostname, namespace, object };
}
