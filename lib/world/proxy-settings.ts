/**
 * The settings of one proxy. The lowest is the mesh's `defaultConfig`; over it the ProxyConfig of the root namespace, that of the
 * proxy's own namespace, the annotation `proxy.istio.io/config` of its Pod, and the ProxyConfig that selects it. Of
 * several on one level the oldest holds.
 * https://istio.io/latest/docs/reference/config/networking/proxy-config/
 */
import { parse } from 'yaml';
import type { MeshProxyConfig, ProxyConfig } from '../api';
import { type Labels, selects } from './labels';
import type { WorldView } from './view';

export const PROXY_CONFIG_ANNOTATION = 'proxy.istio.io/config';

const unset: MeshProxyConfig = Object.freeze({});

/** Whose settings: a Pod, or what will be one. */
export interface ConfiguredPod {
  readonly namespace: string;
  readonly labels?: Labels;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Of a proxy that runs, by what its Pod says now. */
export function proxySettings(
  view: WorldView,
  { namespace, name, labels }: { readonly namespace: string; readonly name: string; readonly labels: Labels },
): MeshProxyConfig {
  return settingsOf(view, { namespace, labels, annotations: view.pod(namespace, name)?.metadata.annotations });
}

export function settingsOf(view: WorldView, { namespace, labels = {}, annotations }: ConfiguredPod): MeshProxyConfig {
  const root = view.rootNamespace();
  const own = view.proxyConfigs(namespace);
  const annotation = annotations?.[PROXY_CONFIG_ANNOTATION];
  return [
    asSettings(view.proxyConfigs(root).find(isGeneral)),
    namespace === root ? unset : asSettings(own.find(isGeneral)),
    annotation === undefined ? unset : annotated(annotations!, annotation),
    asSettings(own.find((each) => !isGeneral(each) && selects(each.spec?.selector?.matchLabels, labels))),
  ].reduce(
    (below, above) => (above === unset ? below : overlaid(below, above)),
    view.meshConfig().defaultConfig ?? unset,
  );
}

function isGeneral({ spec }: ProxyConfig): boolean {
  return Object.keys(spec?.selector?.matchLabels ?? {}).length === 0;
}

function asSettings(config: ProxyConfig | undefined): MeshProxyConfig {
  if (!config) return unset;
  const { concurrency, environmentVariables, image } = config.spec ?? {};
  return {
    ...(concurrency !== undefined && { concurrency }),
    ...(environmentVariables && { proxyMetadata: environmentVariables }),
    ...(image && { image }),
  };
}

/** By the annotations of a Pod, which stay the same value as long as nobody changes the Pod. */
const read = new WeakMap<object, MeshProxyConfig>();

function annotated(annotations: object, text: string): MeshProxyConfig {
  const known = read.get(annotations);
  if (known) return known;
  const settings = readProxyConfig(text) ?? unset;
  read.set(annotations, settings);
  return settings;
}

/** Undefined where the text is no mapping in YAML. */
export function readProxyConfig(text: string): MeshProxyConfig | undefined {
  try {
    const value: unknown = parse(text, { maxAliasCount: 10, logLevel: 'error' }) ?? {};
    return isMapping(value) ? (value as MeshProxyConfig) : undefined;
  } catch {
    return undefined;
  }
}

/** Field by field, at every depth; a list takes the place of a list. */
export function overlaid(below: MeshProxyConfig, above: MeshProxyConfig): MeshProxyConfig {
  return merged(below as Mapping, above as Mapping) as MeshProxyConfig;
}

type Mapping = Readonly<Record<string, unknown>>;

function merged(below: Mapping, above: Mapping): Mapping {
  const result = new Map(Object.entries(below));
  for (const [key, value] of Object.entries(above)) {
    const before = result.get(key);
    result.set(key, isMapping(before) && isMapping(value) ? merged(before, value) : value);
  }
  return Object.fromEntries(result);
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
