/**
 * Patches: what EnvoyFilters, TrafficExtensions and WasmPlugins change in resources that were already made.
 *
 * `patches-of-proxy.ts` says which patches a proxy gets, `patched-snapshot.ts` applies them, with one file per resource.
 * `resource-patch.ts` applies the functions of plugins after them.
 * A patch that cannot be applied is left out and told as a failure; everything else is served on.
 */

export { patchedSnapshot } from './patched-snapshot';
export { type PatchView, patchViewOf } from './patches-of-proxy';
export {
  changedSnapshotQuery,
  type NamedPatch,
  type PatchableResource,
  type PatchedProxy,
  type ResourcePatch,
} from './resource-patch';
