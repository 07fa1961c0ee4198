/**
 * The settings of one proxy: what the mesh's `defaultConfig` says, over it the annotation `proxy.istio.io/config` of its
 * Pod. https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#ProxyConfig
 */
import { parse } from 'yaml';
import type { MeshProxyConfig } from '../api';
import type { WorldView } from './view';

export const PROXY_CONFIG_ANNOTATION = 'proxy.istio.io/config';

const unset: MeshProxyConfig = Object.freeze({});

export function proxySettings(
  view: WorldView,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): MeshProxyConfig {
  const defaults = view.meshConfig().defaultConfig ?? unset;
  const own = view.pod(namespace, name)?.metadata.annotations?.[PROXY_CONFIG_ANNOTATION];
  return own === undefined ? defaults : overlaid(defaults, readProxyConfig(own) ?? unset);
}

/** Undefined where the text is no mapping in YAML. */
export function readProxyConfig(text: string): MeshProxyConfig | undefined {
  try {
    const value: unknown = parse(text, { maxAliasCount: 10 }) ?? {};
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
