/** Which objects have patched a resource, for those who have to tell whose fault it is that a proxy refuses it. */
import type { EnvoyResource } from '../../envoy/resource';

export interface PatchTrace {
  /** Of the object, as resources carry it of the objects that they were made from. */
  readonly path: string;
  /** All that the patch says. */
  readonly text: string;
}

/** Beside the resources, not in them: what proxies are sent does not name objects of other namespaces. */
const traces = new WeakMap<EnvoyResource, readonly PatchTrace[]>();

/** In the order in which they were applied; none where nothing was patched. */
export function tracesOf(resource: EnvoyResource): readonly PatchTrace[] {
  return traces.get(resource) ?? [];
}

/** `made` came of `before` by a patch; undefined: of nothing. */
export function leaveTrace(made: EnvoyResource, before: EnvoyResource | undefined, trace: PatchTrace): void {
  traces.set(made, [...(before ? tracesOf(before) : []), trace]);
}
