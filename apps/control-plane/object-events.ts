/** What has changed between two readings of a registry, as Istio's metrics count it. */
import type { KubeObject } from '../../lib/api/object';

export interface ObjectEvent {
  readonly object: KubeObject;
  readonly event: 'add' | 'update' | 'delete';
}

/** Objects are compared by identity: a registry keeps what has not changed. */
export class ObjectEvents {
  private known = new Map<string, KubeObject>();

  /** What is different from the last reading. */
  next(objects: readonly KubeObject[]): ObjectEvent[] {
    const before = this.known;
    this.known = new Map(objects.map((object) => [keyOf(object), object]));
    const events: ObjectEvent[] = [];
    for (const [key, object] of this.known) {
      const old = before.get(key);
      if (!old) events.push({ object, event: 'add' });
      else if (old !== object) events.push({ object, event: 'update' });
    }
    for (const [key, object] of before) if (!this.known.has(key)) events.push({ object, event: 'delete' });
    return events;
  }
}

function keyOf({ apiVersion, kind, metadata }: KubeObject): string {
  return `${apiVersion} ${kind} ${metadata?.namespace ?? ''}/${metadata?.name}`;
}

/** The group of an apiVersion; empty for Kubernetes' core. */
export function groupOf({ apiVersion }: KubeObject): string {
  const slash = String(apiVersion).indexOf('/');
  return slash < 0 ? '' : String(apiVersion).slice(0, slash);
}

export function isOfMesh(object: KubeObject): boolean {
  return /(^|\.)(istio\.io|malha\.dev)$|^gateway\.networking\.k8s\.io$/.test(groupOf(object));
}

/** What a change is, at most: of the mesh's configuration, of services, or only of endpoints. */
export function triggerOf(events: readonly ObjectEvent[]): 'config' | 'service' | 'endpoint' {
  if (events.some(({ object }) => object.kind === 'Service' || object.kind === 'ServiceEntry')) return 'service';
  const ofEndpoints = new Set(['EndpointSlice', 'Pod', 'Node', 'WorkloadEntry']);
  return events.length > 0 && events.every(({ object }) => ofEndpoints.has(object.kind)) ? 'endpoint' : 'config';
}
