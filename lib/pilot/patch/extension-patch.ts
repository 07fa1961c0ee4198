/** TrafficExtensions and WasmPlugins as patches: each adds one HTTP filter, and the cluster that its module comes from. */
import type { TrafficExtension, WasmConfig, WasmPlugin } from '../../api';
import { canonical } from '../../envoy/canonical';
import { any } from '../../envoy/message';
import { isForbiddenHost, isImageUrl, PATCHED_MESSAGES, type Patched } from '../../world';
import { SYSTEM_ROOTS } from '../upstream-tls';
import { discoveredFilter, moduleOf } from './discovered-filter';
import type { Compiled, Patch, Place } from './patch';
import { refusal, wasmFilter } from './wasm-filter';

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
  const module = moduleOf(extension);
  const path = lua ? 'spec.lua' : wasm ? 'spec.wasm' : 'spec';
  const adds = (applyTo: Patched, value: object): Patch => ({
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
    if (isImageUrl(module.url)) {
      return [{ ...adds('HTTP_FILTER', discoveredFilter(extension, module)), isDiscovered: true }];
    }
    const origin = originOf(module);
    if (!origin)
      return module.failStrategy === 'FAIL_OPEN' ? [] : [adds('HTTP_FILTER', { name, typed_config: refusal() })];
    return [
      ...(origin.cluster ? [adds('CLUSTER', origin.cluster)] : []),
      adds('HTTP_FILTER', { name, typed_config: wasmFilter(name, module, origin.code) }),
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

/** From where Envoy takes the module. Undefined for what could be anything, and for hosts that no policy may have a proxy ask. */
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
