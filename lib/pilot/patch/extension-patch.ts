/** TrafficExtensions and WasmPlugins as patches: each adds one HTTP filter, and the cluster that its module comes from. */
import type { TrafficExtension, WasmConfig, WasmPlugin } from '../../api';
import { canonical } from '../../envoy/canonical';
import { any } from '../../envoy/message';
import { isForbiddenHost, PATCHED_MESSAGES, type Patched } from '../../world';
import { SYSTEM_ROOTS } from '../upstream-tls';
import type { Compiled, Place } from './patch';

/** The order in which filters are added, so that those of an earlier phase are before those of a later one. */
const PHASES = ['AUTHN', 'AUTHZ', 'STATS', 'UNSPECIFIED'] as const;
type Phase = (typeof PHASES)[number];

const PLACES: Record<Phase, Place> = {
  AUTHN: 'BEFORE_AUTHN',
  AUTHZ: 'BEFORE_AUTHZ',
  STATS: 'LAST',
  UNSPECIFIED: 'LAST',
};

type AnyExtension = TrafficExtension | WasmPlugin;

/** In the order of phases; within one, a larger priority comes first, then the older object, which stands first in `extensions`. */
export function inPhaseOrder<E extends AnyExtension>(extensions: readonly E[]): E[] {
  return [...extensions].sort(
    (a, b) =>
      PHASES.indexOf(phaseOf(a)) - PHASES.indexOf(phaseOf(b)) || (b.spec.priority ?? 0) - (a.spec.priority ?? 0),
  );
}

function phaseOf({ spec }: AnyExtension): Phase {
  const phase = spec.phase ?? 'UNSPECIFIED';
  return phase === 'UNSPECIFIED_PHASE' ? 'UNSPECIFIED' : phase;
}

/** Of a sort that is not served, an HTTP filter that refuses everything, unless failures are to be let pass. */
export function patchesOfExtension(extension: AnyExtension, source: string): readonly Compiled[] {
  const { spec, metadata } = extension;
  const { lua, wasm } = spec as { lua?: { inlineCode: string }; wasm?: WasmConfig };
  const name = `${metadata.namespace ?? 'default'}.${metadata.name}`;
  const module = extension.kind === 'WasmPlugin' ? (spec as WasmConfig) : wasm;
  const path = lua ? 'spec.lua' : wasm ? 'spec.wasm' : 'spec';
  const adds = (applyTo: Patched, value: object): Compiled => ({
    source,
    path,
    applyTo,
    operation: 'ADD',
    match: {},
    value: canonical(PATCHED_MESSAGES[applyTo], value),
    place: PLACES[phaseOf(extension)],
    ...(spec.match && { traffic: spec.match }),
  });
  try {
    if (lua) {
      const code = { default_source_code: { inline_string: lua.inlineCode } };
      return [adds('HTTP_FILTER', { name, typed_config: any('envoy.extensions.filters.http.lua.v3.Lua', code) })];
    }
    if (!module || module.type === 'NETWORK') return [];
    const origin = originOf(module);
    if (!origin)
      return module.failStrategy === 'FAIL_OPEN' ? [] : [adds('HTTP_FILTER', { name, typed_config: refusal() })];
    const config = any('envoy.extensions.filters.http.wasm.v3.Wasm', { config: pluginConfig(name, module, origin) });
    return [
      ...(origin.cluster ? [adds('CLUSTER', origin.cluster)] : []),
      adds('HTTP_FILTER', { name, typed_config: config }),
    ];
  } catch (error) {
    return [{ source, path, applyTo: 'HTTP_FILTER', error: error as Error }];
  }
}

interface Origin {
  readonly code: object;
  readonly cluster?: { readonly name: string };
}

const FETCH_TIMEOUT = '30s';

/**
 * What is asked first is answered by nobody else: a module that fails takes the traffic with it, unless it is told otherwise. One
 * that is reloaded takes it until Envoy has done that, with a later request.
 */
const FAILURE_POLICIES = { FAIL_CLOSE: 'FAIL_CLOSED', FAIL_OPEN: 'FAIL_OPEN', FAIL_RELOAD: 'FAIL_RELOAD' } as const;

/** In place of a module that cannot be had: what was to be asked first is not passed by. */
function refusal() {
  return any('envoy.extensions.filters.http.rbac.v3.RBAC', { rules: { action: 'ALLOW', policies: {} } });
}

/**
 * From where Envoy takes the module. Undefined for images, which Envoy cannot fetch, for what could be anything, and for hosts that no
 * policy may have a proxy ask.
 */
function originOf({ url, sha256 }: WasmConfig): Origin | undefined {
  if (url.startsWith('file://')) return { code: { local: { filename: url.slice('file://'.length) } } };
  if (!/^https?:\/\//i.test(url) || !sha256) return undefined;
  const { protocol, hostname, port, pathname, search } = new URL(url);
  if (isForbiddenHost(hostname)) return undefined;
  const isTls = protocol === 'https:';
  const number = Number(port || (isTls ? 443 : 80));
  const name = `wasm|${number}||${hostname}`;
  const address = { socket_address: { address: hostname.replace(/^\[|\]$/g, ''), port_value: number } };
  const cluster = {
    name,
    type: 'STRICT_DNS',
    connect_timeout: '10s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
    ...(isTls && { transport_socket: verifiedTls(hostname) }),
  };
  const uri = `${protocol}//${hostname}${port && `:${port}`}${pathname}${search}`;
  return { code: { remote: { http_uri: { uri, cluster: name, timeout: FETCH_TIMEOUT }, sha256 } }, cluster };
}

/** The checksum already says that the module is the right one; who asks for it is still nobody else's business. */
function verifiedTls(hostname: string) {
  const typed_config = any('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', {
    sni: hostname,
    common_tls_context: {
      validation_context: {
        trusted_ca: { filename: SYSTEM_ROOTS },
        match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: hostname } }],
      },
    },
  });
  return { name: 'envoy.transport_sockets.tls', typed_config };
}

function pluginConfig(
  name: string,
  { pluginName, pluginConfig: given, failStrategy, vmConfig }: WasmConfig,
  { code }: Origin,
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
