/** What an injector's ConfigMap says, in JSON under the key `values`. Anyone may have written it. */
import type { ConfigMap } from '../../api/kubernetes';

type Json = Record<string, unknown>;

const parsed = new WeakMap<ConfigMap, Json>();

function valuesOf(map: ConfigMap): Json {
  let values = parsed.get(map);
  if (!values) {
    try {
      values = asMapping(JSON.parse(map.data?.['values'] ?? '{}'));
    } catch {
      values = {};
    }
    parsed.set(map, values);
  }
  return values;
}

function asMapping(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

/** Whether namespaces without any label get sidecars. */
export function isNamespaceEnabledByDefault(map: ConfigMap | undefined): boolean {
  return map !== undefined && asMapping(valuesOf(map)['sidecarInjectorWebhook'])['enableNamespacesByDefault'] === true;
}

/** The image of the sidecars that are injected: as it stands when it has a slash, else `hub/image:tag`. */
export function injectedImage(map: ConfigMap): string {
  const global = asMapping(valuesOf(map)['global']);
  const image = String(asMapping(global['proxy'])['image'] ?? '');
  return image.includes('/') ? image : `${String(global['hub'] ?? '')}/${image}:${String(global['tag'] ?? '')}`;
}

/** The name of the injector of a revision. */
export function injectorName(revision: string): string {
  return revision === '' || revision === 'default' ? 'istio-sidecar-injector' : `istio-sidecar-injector-${revision}`;
}
