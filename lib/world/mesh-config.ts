/**
 * The mesh configuration of a World: key `mesh` of ConfigMap `istio` in the root namespace, or what the caller gives.
 * It has been checked by Galley before; here an unreadable one counts as empty.
 */
import { parse } from 'yaml';
import type { MeshConfig, MeshNetworks } from '../api';
import type { ConfigMap } from '../api/kubernetes';
import type { KubeObject } from '../api/object';
import { DEFAULT_REVISION, MESH_CONFIG_NAME, ofRevision, REVISION_LABEL } from '../api/revisions';
import type { Inventory } from './inventory';
import { nameKey } from './inventory';

/** The root namespace of the API, where nothing says otherwise. */
export const DEFAULT_ROOT_NAMESPACE = 'istio-system';

const KEY = 'mesh';

const empty: MeshConfig = Object.freeze({});
const parsed = new WeakMap<ConfigMap, MeshConfig>();

export interface MeshSettings {
  readonly rootNamespace: string;
  readonly config: MeshConfig;
  /** Of the control plane that is told this. */
  readonly revision: string;
}

/**
 * @param given takes the place of the ConfigMap; its `rootNamespace` says where the root is.
 * @param rootNamespace where to look. Else the namespace of the only ConfigMap `istio` (`istio-REVISION`) that carries a
 *   mesh configuration (the first by name of several), else `istio-system`.
 */
export function meshSettings(inventory: Inventory, given?: MeshConfig, rootNamespace?: string): MeshSettings {
  const found = findConfigMap(inventory.configMaps, rootNamespace);
  const config = given ?? (found ? read(found) : empty);
  return {
    config,
    revision: found?.metadata.labels?.[REVISION_LABEL] ?? DEFAULT_REVISION,
    rootNamespace: rootNamespace ?? config.rootNamespace ?? found?.metadata.namespace ?? DEFAULT_ROOT_NAMESPACE,
  };
}

/** The ConfigMap of the mesh among these, by `namespace/name`: where `rootNamespace` says, else as `meshSettings` tells. */
export function findConfigMap(
  configMaps: ReadonlyMap<string, ConfigMap>,
  rootNamespace: string | undefined,
): ConfigMap | undefined {
  const named = [...configMaps.values()]
    .filter((map) => isMeshConfig(map) && (!rootNamespace || map.metadata.namespace === rootNamespace))
    .sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
  const standard = configMaps.get(nameKey(rootNamespace ?? DEFAULT_ROOT_NAMESPACE, MESH_CONFIG_NAME));
  if (standard?.data?.[KEY] !== undefined) return standard;
  return named.find(({ data }) => data?.[KEY] !== undefined) ?? standard;
}

/** Whether an object is the mesh configuration of some revision, by its name and label. */
export function isMeshConfig({ metadata: { name, labels } }: Pick<KubeObject, 'metadata'>): boolean {
  return name === MESH_CONFIG_NAME || name === ofRevision(MESH_CONFIG_NAME, labels?.[REVISION_LABEL]);
}

const placeOf = ({ metadata: { namespace = '', name } }: ConfigMap) => `${namespace}/${name}`;

function read(map: ConfigMap): MeshConfig {
  let config = parsed.get(map);
  if (!config) {
    config = parseMeshConfig(map.data?.[KEY] ?? '') ?? empty;
    parsed.set(map, config);
  }
  return config;
}

/** The mesh configuration in a YAML text, or undefined when the text holds none. */
export function parseMeshConfig(text: string): MeshConfig | undefined {
  return parseMapping(text);
}

/** The networks of the mesh in a YAML text, or undefined when the text holds none. */
export function parseMeshNetworks(text: string): MeshNetworks | undefined {
  return parseMapping(text);
}

/** A YAML text that holds one mapping; undefined when it holds anything else. */
export function parseMapping(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = parse(text, { maxAliasCount: 100, logLevel: 'error' });
    return value && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
