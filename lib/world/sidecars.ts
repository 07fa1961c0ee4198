/** Which Sidecar holds for a workload, and the scopes that Sidecars declare. */
import type { Sidecar } from '../api';
import { type Labels, selects } from './labels';
import { partsOf, type Table, table } from './reads';
import { type EgressListener, type Scope, scopeOf } from './scope';
import { partsOfViewer } from './viewer';
import type { World } from './world';

/**
 * By namespace and labels (as JSON) of a workload: its Sidecar. One that selects the workload goes before one for the
 * whole namespace, that before the root namespace's; of several the oldest counts.
 */
export const sidecarTable = table<Sidecar | undefined>('sidecar', (world, key) => {
  const [namespace, json] = partsOf(key, 2);
  const labels = JSON.parse(json) as Labels;
  const selectorOf = ({ spec }: Sidecar) => spec?.workloadSelector?.labels;
  const isForAll = (object: Sidecar) => Object.keys(selectorOf(object) ?? {}).length === 0;
  const of = (place: string) =>
    world.inventory.sidecars.filter(({ metadata }) => (metadata.namespace ?? 'default') === place);
  const own = of(namespace);
  return (
    own.find((object) => !isForAll(object) && selects(selectorOf(object), labels)) ??
    own.find(isForAll) ??
    of(world.mesh.rootNamespace).find(isForAll)
  );
});

/** The scopes that Sidecars declare, by digest. */
const scopesTable: Table<ReadonlyMap<string, Scope>> = table('scopes', (world) => {
  const scopes = world.inventory.sidecars.map(scopeOf).filter((scope) => scope !== undefined);
  return new Map(scopes.map((scope) => [scope.digest, scope]));
});

/** By viewer: the egress listeners through which it looks; undefined without a scope. */
export function listenersOf(world: World, viewer: string): readonly EgressListener[] | undefined {
  const { scope, listener } = partsOfViewer(viewer);
  if (scope === undefined) return undefined;
  const listeners = world.read(scopesTable, '').get(scope)?.listeners ?? [];
  return listener === undefined ? listeners : listeners.slice(listener, listener + 1);
}
