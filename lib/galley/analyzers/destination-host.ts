/** Routes lead to services that exist, and say which port where there are several. */
import { VirtualService } from '../../api/networking/virtual-service';
import { objectName } from '../../api/object';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import { nearest } from '../nearest';
import type { Analysis } from './analysis';
import { destinationsOf, type PlacedDestination } from './destinations';
import { fullName, namespaceOf } from './names';

const NAME = 'virtualservice.DestinationHostAnalyzer';

export function destinationHost(analysis: Analysis): Finding[] {
  const objects = analysis.of<VirtualService>(VirtualService);
  const routed = routedToSubsets(objects);
  return objects.flatMap((object) => [
    ...destinationsOf(object.spec).flatMap((placed) => judge(analysis, object, placed)),
    ...ingressWithoutSubset(object, routed),
  ]);
}

function judge(analysis: Analysis, object: VirtualService, { destination, path }: PlacedDestination): Finding[] {
  const known = analysis.registry.lookup(destination.host, namespaceOf(object), object.spec.exportTo);
  if (!known) {
    return [hostMissing(analysis, object, destination.host, `${path}.host`)];
  }
  const number = destination.port?.number;
  if (number === undefined && known.ports.length > 1) {
    const message = `${destination.host} has the ports ${known.ports.join(', ')}, and the destination names none of them`;
    return [findingAbout(object, 'IST0112', NAME, { path, message })];
  }
  if (number !== undefined && !known.ports.includes(number)) {
    const message = `${destination.host} has no port ${number}, its ports are ${known.ports.join(', ') || 'none'}`;
    return [findingAbout(object, 'IST0101', NAME, { path: `${path}.port.number`, message })];
  }
  return [];
}

/**
 * What runs in the root namespace is rarely among the files of an application. Where they hold none of its services, a
 * short name there that is known nowhere is for information only.
 */
function hostMissing(analysis: Analysis, object: VirtualService, host: string, path: string): Finding {
  const namespace = namespaceOf(object);
  const visible = analysis.registry.visibleIn(namespace);
  const near = nearestHost(host, namespace, visible);
  const where = host.includes('.') ? '' : ` in namespace ${namespace}`;
  const message = `there is no service ${host}${where}${near ? `, did you mean ${near}?` : ''}`;
  const fix = near ? `write ${near}` : 'correct the host, or add the Service or a ServiceEntry for it';
  const unknown =
    !near && !host.includes('.') && namespace === analysis.rootNamespace && !analysis.describes(namespace);
  return findingAbout(object, 'IST0101', NAME, { path, message, fix, ...(unknown ? { level: 'info' as const } : {}) });
}

/** The same name in another namespace, else a similar one here. */
function nearestHost(host: string, namespace: string, visible: readonly string[]): string | undefined {
  const suffix = `.${namespace}.svc.cluster.local`;
  const elsewhere = host.includes('.') ? undefined : visible.find((known) => known.startsWith(`${host}.`));
  const names = visible.map((known) =>
    !host.includes('.') && known.endsWith(suffix) ? known.slice(0, -suffix.length) : known,
  );
  return elsewhere ?? nearest(host, names);
}

/** The VirtualServices that route their own host to subsets, by the full name of that host. */
function routedToSubsets(objects: readonly VirtualService[]): ReadonlyMap<string, ReadonlySet<VirtualService>> {
  const routed = new Map<string, Set<VirtualService>>();
  for (const object of objects) {
    const namespace = namespaceOf(object);
    const own = new Set((object.spec.hosts ?? []).map((host) => fullName(host, namespace)));
    for (const { destination } of (object.spec.http ?? []).flatMap((route) => route.route ?? [])) {
      const host = fullName(destination.host, namespace);
      if (destination.subset && own.has(host)) {
        routed.set(host, (routed.get(host) ?? new Set()).add(object));
      }
    }
  }
  return routed;
}

/** Rules for a host do not hold for requests that a gateway sends there: the gateway's own routes decide. */
function ingressWithoutSubset(
  object: VirtualService,
  routed: ReadonlyMap<string, ReadonlySet<VirtualService>>,
): Finding[] {
  if (!object.spec.gateways?.length) {
    return [];
  }
  return (object.spec.http ?? []).flatMap((route, index) =>
    (route.route ?? []).flatMap(({ destination }, place) =>
      destination.subset
        ? []
        : [...(routed.get(fullName(destination.host, namespaceOf(object))) ?? [])].map((other) => {
            const path = `spec.http[${index}].route[${place}].destination`;
            const message = `the subsets to which ${objectName(other)} routes ${destination.host} are not chosen for requests from the gateways ${object.spec.gateways!.join(', ')}`;
            return findingAbout(object, 'IST0140', NAME, { path, message });
          }),
    ),
  );
}
