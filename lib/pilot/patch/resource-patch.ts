/**
 * Patches in code: functions of plugins that change what the translator has made, after everything else. Each is asked once for
 * a resource as it is, for all proxies of a namespace together, and again only when the resource has changed.
 */
import type { MessageTypes } from '../../envoy/generated/envoy';
import type { EnvoyResource, Snapshot } from '../../envoy/resource';
import type { Proxy } from '../../world';
import { type Evaluation, FAILED, type Query } from '../memo';

/** What may be changed. */
export type PatchableResource = 'cluster' | 'listener' | 'route';

interface Messages {
  cluster: MessageTypes['envoy.config.cluster.v3.Cluster'];
  listener: MessageTypes['envoy.config.listener.v3.Listener'];
  route: MessageTypes['envoy.config.route.v3.RouteConfiguration'];
}

/** All that a patch learns of the proxies that get the resource. */
export interface PatchedProxy {
  /** `sidecar`, or `router` for a gateway. */
  readonly type: Proxy['type'];
  readonly namespace: string;
}

/** A change of one type of resource. */
export interface ResourcePatchOf<R extends PatchableResource> {
  /** Of lower-case letters, digits and dashes. */
  readonly name: string;
  readonly resource: R;
  /**
   * Gives the resource as it shall be, of the same name, or undefined to leave it as it is. Depends on nothing but its arguments; what
   * it is given is its own copy. When it throws, or Envoy's API does not know the result, the resource stays as it was, and a
   * finding says so.
   */
  change(message: Messages[R], proxy: PatchedProxy): Messages[R] | undefined;
}

export type ResourcePatch = { [R in PatchableResource]: ResourcePatchOf<R> }[PatchableResource];

/** A patch under its full name, `PLUGIN/PATCH`. */
export type NamedPatch = ResourcePatch;

interface Asked<A> {
  readonly query: Query<A, Snapshot>;
  readonly key: string;
  readonly args: A;
}

interface ChangedArgs {
  readonly asked: Asked<unknown>;
  readonly proxy: PatchedProxy;
  readonly patches: readonly NamedPatch[];
}

/** The snapshot that `asked` stands for, changed by all patches. */
export const changedSnapshotQuery: Query<ChangedArgs, Snapshot> = {
  name: 'changed snapshot',
  compute: (evaluation, { asked, proxy, patches }) => {
    const base = evaluation.derive(asked.query, asked.key, asked.args);
    const changed = (resources: readonly EnvoyResource[], resource: PatchableResource) => {
      const own = patches.filter((patch) => patch.resource === resource);
      return own.length === 0 ? resources : resources.map((each) => changedResource(evaluation, each, own, proxy));
    };
    return {
      ...base,
      clusters: changed(base.clusters, 'cluster'),
      listeners: changed(base.listeners, 'listener'),
      routes: changed(base.routes, 'route'),
    };
  },
};

function changedResource(
  evaluation: Evaluation,
  resource: EnvoyResource,
  patches: readonly NamedPatch[],
  proxy: PatchedProxy,
): EnvoyResource {
  const key = `${resource.version}|${proxy.type}|${proxy.namespace}`;
  return evaluation.derive(changedResourceQuery, key, { resource, patches, proxy });
}

const changedResourceQuery: Query<
  { resource: EnvoyResource; patches: readonly NamedPatch[]; proxy: PatchedProxy },
  EnvoyResource
> = {
  name: 'changed resource',
  compute: (evaluation, { resource, patches, proxy }) => {
    let current = resource;
    for (const { name, change } of patches as readonly ResourcePatchOf<PatchableResource>[]) {
      const made = evaluation.attempt(resource.typeUrl, resource.name, () => {
        try {
          return changedMessage(current.message, change(structuredClone(current.message), { ...proxy }));
        } catch (error) {
          throw new Error(`${name}: ${String((error as Error)?.message ?? error)}`);
        }
      });
      if (made !== FAILED) current = made;
    }
    return current;
  },
};

function changedMessage(before: object, after: object | undefined): object {
  if (after === undefined) return before;
  if ((after as { name?: string }).name === (before as { name?: string }).name) return after;
  throw new Error('a patch keeps the name of what it changes');
}
