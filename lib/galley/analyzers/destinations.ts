/** All destinations of a VirtualService, each with its place. */
import type { Destination } from '../../api/networking/destination';
import type { VirtualServiceSpec } from '../../api/networking/virtual-service';

export interface PlacedDestination {
  destination: Destination;
  path: string;
}

export function destinationsOf(spec: VirtualServiceSpec): PlacedDestination[] {
  const found: PlacedDestination[] = [];
  const add = (destination: Destination | undefined, path: string) => {
    if (destination) {
      found.push({ destination, path });
    }
  };
  for (const [index, route] of (spec.http ?? []).entries()) {
    const path = `spec.http[${index}]`;
    for (const [place, entry] of (route.route ?? []).entries()) {
      add(entry.destination, `${path}.route[${place}].destination`);
    }
    add(route.mirror, `${path}.mirror`);
    for (const [place, mirror] of (route.mirrors ?? []).entries()) {
      add(mirror.destination, `${path}.mirrors[${place}].destination`);
    }
  }
  for (const protocol of ['tls', 'tcp'] as const) {
    for (const [index, route] of (spec[protocol] ?? []).entries()) {
      for (const [place, entry] of (route.route ?? []).entries()) {
        add(entry.destination, `spec.${protocol}[${index}].route[${place}].destination`);
      }
    }
  }
  return found;
}
