/** Which objects of one namespace may refer to those of another: ReferenceGrants of the other say so. */
import type { ReferenceGrant } from '../../api/gateway-api';

export interface Referrer {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
}

export interface Referent extends Referrer {
  readonly name: string;
}

export class Grants {
  /** @param byNamespace the ReferenceGrants of each namespace. */
  constructor(private readonly byNamespace: ReadonlyMap<string, readonly ReferenceGrant[]>) {}

  /** References within a namespace need no grant. */
  allow(from: Referrer, to: Referent): boolean {
    if (from.namespace === to.namespace) return true;
    return (this.byNamespace.get(to.namespace) ?? []).some(
      ({ spec }) =>
        spec.from.some((f) => f.group === from.group && f.kind === from.kind && f.namespace === from.namespace) &&
        spec.to.some((t) => t.group === to.group && t.kind === to.kind && (!t.name || t.name === to.name)),
    );
  }
}
