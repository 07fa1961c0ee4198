/**
 * Whose a host is: that of the namespaces whose Service or ServiceEntry makes it known. A VirtualService that others see
 * must not take a host of a namespace that is not its own, unless a ReferenceGrant of that namespace lets it
 * (https://gateway-api.sigs.k8s.io/api-types/referencegrant/): from kind VirtualService of group networking.istio.io, to
 * the Service (group "") or the ServiceEntry (group networking.istio.io). Within its own namespace it may route as it likes.
 */
import type { VirtualService } from '../api';
import type { KubeObject } from '../api/object';
import { groupOf } from '../api/object';
import type { Grants } from './gateway-api/grants';

/** A host, and the object that makes it known. */
export interface OwnedHost {
  readonly host: string;
  readonly namespace: string;
  readonly object: KubeObject;
}

export interface ForeignHost {
  /** The place in `spec.hosts`. */
  readonly index: number;
  readonly owner: OwnedHost;
}

export interface RegisteredHosts {
  /**
   * The hosts that have names in common with `host`, as an object of `namespace` writes it: for a wildcard all of them, for
   * a name itself, or else the narrowest wildcard around it.
   */
  overlapping(host: string, namespace: string): readonly OwnedHost[];
}

/**
 * The first host of each other namespace that `object` takes without being let.
 * @param fallback the mesh-wide `defaultVirtualServiceExportTo`.
 */
export function foreignHosts(
  object: VirtualService,
  registered: RegisteredHosts,
  grants: Grants,
  fallback?: readonly string[],
): ForeignHost[] {
  const own = object.metadata.namespace ?? 'default';
  if (!isExported(object.spec.exportTo?.length ? object.spec.exportTo : fallback, own)) return [];
  return (object.spec.hosts ?? []).flatMap((written, index) => {
    const known = registered.overlapping(written, own);
    const ours = new Set(known.filter(({ namespace }) => namespace === own).map(({ host }) => host));
    const owner = known.find((each) => !ours.has(each.host) && !isGranted(grants, own, each));
    return owner ? [{ index, owner }] : [];
  });
}

function isExported(exportTo: readonly string[] | undefined, own: string): boolean {
  return !exportTo?.length || exportTo.some((target) => target !== '.' && target !== '~' && target !== own);
}

function isGranted(grants: Grants, from: string, { namespace, object }: OwnedHost): boolean {
  return grants.allow(
    { group: 'networking.istio.io', kind: 'VirtualService', namespace: from },
    { group: groupOf(object), kind: object.kind, namespace, name: object.metadata.name },
  );
}
