/** TrafficExtension: Lua and WebAssembly filters. https://istio.io/latest/docs/reference/config/proxy_extensions/traffic_extension/ */
import { extensionsKind, type MeshObject } from '../kind';
import { choice, int32, list, message, type Static, text } from '../schema';
import { PolicyTargetReferences, WorkloadSelector } from '../selector';
import { WasmTrafficSelector, wasmFields } from './wasm';

export const WasmConfig = message(wasmFields, { description: 'A WebAssembly filter.', required: ['url'] });
export type WasmConfig = Static<typeof WasmConfig>;

export const LuaConfig = message(
  { inlineCode: text('The Lua code.', { minLength: 1, maxLength: 65536 }) },
  { description: 'A Lua filter.', required: ['inlineCode'] },
);
export type LuaConfig = Static<typeof LuaConfig>;

export const TrafficExtensionSpec = message(
  {
    selector: WorkloadSelector,
    targetRefs: PolicyTargetReferences,
    wasm: WasmConfig,
    lua: LuaConfig,
    phase: choice(['UNSPECIFIED', 'AUTHN', 'AUTHZ', 'STATS'], 'Where among the filters the extension goes.'),
    priority: int32('The order within the phase; a larger number comes first. Default 0.'),
    match: list(WasmTrafficSelector, 'The traffic that the extension sees. Default: all.'),
  },
  {
    description: 'A filter of your own for some workloads.',
    exclusive: [
      ['wasm', 'lua'],
      ['selector', 'targetRefs'],
    ],
  },
);
export type TrafficExtensionSpec = Static<typeof TrafficExtensionSpec>;
export type TrafficExtension = MeshObject<TrafficExtensionSpec>;

export const TrafficExtension = extensionsKind({
  kind: 'TrafficExtension',
  plural: 'trafficextensions',
  description: 'A Lua or WebAssembly filter in the proxies of some workloads.',
  schema: TrafficExtensionSpec,
  specRequired: true,
});
