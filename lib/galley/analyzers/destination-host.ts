/** Routes lead to services that exist, and say which port where there are several. */
import { VirtualService } from '../../api/networking/virtual-service';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import { nearest } from '../nearest';
import { type Analysis, namespaceOf } from './analysis';
import { destinationsOf, type PlacedDestination } from './destinations';

const NAME = 'virtualservice.DestinationHostAnalyzer';

export function destinationHost(analysis: Analysis): Finding[] {
  return analysis
    .of<VirtualService>(VirtualService)
    .flatMap((object) => destinationsOf(object.spec).flatMap((placed) => judge(analysis, object, placed)));
}

function judge(analysis: Analysis, object: VirtualService, { destination, path }: PlacedDestination): Finding[] {
  const namespace = namespaceOf(object);
  const known = analysis.lookup(destination.host, namespace);
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
  const visible = analysis.hostsVisibleIn(namespace);
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
