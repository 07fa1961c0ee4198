/** WasmPlugin: WebAssembly filters. https://istio.io/latest/docs/reference/config/proxy_extensions/wasm-plugin/ */
import { extensionsKind, type MeshObject } from '../kind';
import { choice, int32, list, message, type Static } from '../schema';
import { PolicyTargetReference, PolicyTargetReferences, WorkloadSelector } from '../selector';
import { WasmTrafficSelector, wasmFields } from './wasm';

export const WasmPluginSpec = message(
  {
    selector: WorkloadSelector,
    targetRef: PolicyTargetReference,
    targetRefs: PolicyTargetReferences,
    ...wasmFields,
    phase: choice(['UNSPECIFIED_PHASE', 'AUTHN', 'AUTHZ', 'STATS'], 'Where among the filters the plugin goes.'),
    priority: int32('The order within the phase; a larger number comes first. Default 0.'),
    match: list(WasmTrafficSelector, 'The traffic that the plugin sees. Default: all.'),
  },
  {
    description: 'A WebAssembly filter for some workloads.',
    required: ['url'],
    exclusive: [['selector', 'targetRef', 'targetRefs']],
  },
);
export type WasmPluginSpec = Static<typeof WasmPluginSpec>;
export type WasmPlugin = MeshObject<WasmPluginSpec>;

export const WasmPlugin = extensionsKind({
  kind: 'WasmPlugin',
  plural: 'wasmplugins',
  description: 'A WebAssembly filter in the proxies of some workloads.',
  schema: WasmPluginSpec,
  specRequired: true,
});
