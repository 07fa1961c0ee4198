/**
 * Filters whose module comes by an image. The listener only names the filter; its configuration, with the module in it, is a resource of
 * its own (ECDS: https://www.envoyproxy.io/docs/envoy/latest/configuration/overview/extension), the same for all
 * listeners of all proxies. So a module that comes, or another version of it, changes no listener and ends no connection.
 */
import type { TrafficExtension, WasmConfig, WasmPlugin } from '../../api';
import type { EnvoyResource, Snapshot } from '../../envoy/resource';
import { TypeUrl } from '../../envoy/type-url';
import type { Evaluation, Query } from '../memo';
import { configPath } from '../metadata';
import type { Patch } from './patch';
import { leaveTrace } from './patch-traces';
import { passing, refusal, wasmFilter } from './wasm-filter';

type AnyExtension = TrafficExtension | WasmPlugin;

/** A listener waits so long for the configurations of its filters, and then goes on with what stands in for them. */
const PATIENCE = '5s';

const TYPE_URLS = ['envoy.extensions.filters.http.wasm.v3.Wasm', 'envoy.extensions.filters.http.rbac.v3.RBAC'].map(
  (name) => `type.googleapis.com/${name}`,
);

/** An `HttpFilter`. Until its module is there, and when Envoy refuses the first, all is refused, or passes with FAIL_OPEN. */
export function discoveredFilter(extension: AnyExtension, module: WasmConfig): object {
  return {
    name: discoveredName(extension),
    config_discovery: {
      config_source: { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: PATIENCE },
      default_config: instead(module),
      type_urls: TYPE_URLS,
    },
  };
}

/** Resources have names across kinds; no name of an object has a slash in it. */
function discoveredName({ kind, metadata: { namespace = 'default', name } }: AnyExtension): string {
  return kind === 'WasmPlugin' ? `${namespace}.${name}` : `${kind.toLowerCase()}/${namespace}.${name}`;
}

/** The configurations for the filters of these patches; `awaited` where the module is not known yet. */
export function discoveredConfigurations(
  evaluation: Evaluation,
  patches: readonly Patch[],
): Pick<Snapshot, 'extensions' | 'awaited'> {
  const sources = patches.filter(({ isDiscovered }) => isDiscovered).map(({ source }) => source);
  if (sources.length === 0) return {};
  const made = (query: Query<string, EnvoyResource | undefined>) =>
    sources
      .flatMap((source) => evaluation.derive(query, source, source) ?? [])
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  return { extensions: made(configurationQuery), awaited: made(awaitedQuery) };
}

/**
 * By the extension's own name: while its module is not known. When a control plane begins anew, what proxies have of a module stays.
 * Those that have nothing are told at once: to a proxy that hears nothing of a filter, or that there is none, the listener goes on waiting.
 */
const awaitedQuery: Query<string, EnvoyResource | undefined> = {
  name: 'awaited filter',
  compute: (evaluation, source) => {
    const extension = evaluation.extension(source) as AnyExtension | undefined;
    const module = extension && moduleOf(extension);
    if (!module || evaluation.imageModule(source)) return undefined;
    const name = discoveredName(extension);
    return evaluation.resource(TypeUrl.extension, name, () => ({ name, typed_config: instead(module) }));
  },
};

/** By the extension's own name; undefined while its module is not known. */
const configurationQuery: Query<string, EnvoyResource | undefined> = {
  name: 'discovered filter',
  compute: (evaluation, source) => {
    const extension = evaluation.extension(source) as AnyExtension | undefined;
    const module = extension && moduleOf(extension);
    const image = evaluation.imageModule(source);
    if (!module || !image) return undefined;
    const name = discoveredName(extension);
    const made = evaluation.resource(TypeUrl.extension, name, () => ({
      name,
      typed_config:
        image.kind === 'delivered'
          ? wasmFilter(name, module, { local: { inline_bytes: image.base64 } })
          : instead(module),
    }));
    if (made) {
      const text = JSON.stringify([module, image.kind === 'delivered' ? image.sha256 : image.kind]);
      leaveTrace(made, undefined, { path: configPath(extension), text });
    }
    return made;
  },
};

function instead({ failStrategy }: WasmConfig) {
  return failStrategy === 'FAIL_OPEN' ? passing() : refusal();
}

/** The module of an extension, where it has one. */
export function moduleOf({ kind, spec }: AnyExtension): WasmConfig | undefined {
  return kind === 'WasmPlugin' ? (spec as WasmConfig) : (spec as { wasm?: WasmConfig }).wasm;
}
