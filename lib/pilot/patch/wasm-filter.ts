/** The WebAssembly filter of an extension, and what stands in its place where there is no module. */
import type { WasmConfig } from '../../api';
import { any } from '../../envoy/message';

/**
 * What is asked first is answered by nobody else: a module that fails takes the traffic with it, unless it is told otherwise. One
 * that is reloaded takes it until Envoy has done that, with a later request.
 */
const FAILURE_POLICIES = { FAIL_CLOSE: 'FAIL_CLOSED', FAIL_OPEN: 'FAIL_OPEN', FAIL_RELOAD: 'FAIL_RELOAD' } as const;

/** In place of a module that cannot be had: what was to be asked first is not passed by. */
export function refusal() {
  return any('envoy.extensions.filters.http.rbac.v3.RBAC', { rules: { action: 'ALLOW', policies: {} } });
}

/** A filter that does nothing: without rules, none are enforced. */
export function passing() {
  return any('envoy.extensions.filters.http.rbac.v3.RBAC', {});
}

/** @param code from where Envoy takes the module, `envoy.config.core.v3.AsyncDataSource`. */
export function wasmFilter(name: string, module: WasmConfig, code: object) {
  return any('envoy.extensions.filters.http.wasm.v3.Wasm', { config: pluginConfig(name, module, code) });
}

function pluginConfig(
  name: string,
  { pluginName, pluginConfig: given, failStrategy, vmConfig }: WasmConfig,
  code: object,
) {
  const env = vmConfig?.env ?? [];
  const own = env.filter(({ valueFrom }) => valueFrom !== 'HOST');
  const hosts = env.filter(({ valueFrom }) => valueFrom === 'HOST').map((each) => each.name);
  const variables = {
    ...(hosts.length > 0 && { host_env_keys: hosts }),
    ...(own.length > 0 && { key_values: Object.fromEntries(own.map((each) => [each.name, each.value ?? ''])) }),
  };
  return {
    name,
    ...(pluginName && { root_id: pluginName }),
    failure_policy: FAILURE_POLICIES[failStrategy ?? 'FAIL_CLOSE'],
    vm_config: {
      // Without one, objects with the same module share a machine: what it keeps, and when it fails, across namespaces.
      vm_id: name,
      runtime: 'envoy.wasm.runtime.v8',
      code,
      ...(env.length > 0 && { environment_variables: variables }),
    },
    ...(given && {
      configuration: { '@type': 'type.googleapis.com/google.protobuf.StringValue', value: JSON.stringify(given) },
    }),
  };
}
