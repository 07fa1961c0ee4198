/** Lays what a Gateway's parameters say over the objects that run it, by the rules of Kubernetes' strategic merge patch. */
import type { KubeObject } from '../api/object';
import type { InfrastructureOverlays, ParameterKey } from '../world';

type Json = Record<string, unknown>;

const KEYS: Readonly<Record<string, ParameterKey>> = {
  Deployment: 'deployment',
  Service: 'service',
  ServiceAccount: 'serviceAccount',
  HorizontalPodAutoscaler: 'horizontalPodAutoscaler',
  PodDisruptionBudget: 'podDisruptionBudget',
};

export function overlaid(object: KubeObject, overlays: InfrastructureOverlays): KubeObject {
  const overlay = overlays[KEYS[object.kind]!];
  if (!overlay) return object;
  return mergedObject(withoutRival(object, overlay) as unknown as Json, overlay) as unknown as KubeObject;
}

/** Of a disruption budget's two bounds there may be one. */
function withoutRival(object: KubeObject, overlay: Json): KubeObject {
  if (object.kind !== 'PodDisruptionBudget' || (overlay.spec as Json | undefined)?.minAvailable == null) return object;
  const { maxUnavailable: _, ...spec } = object.spec as Json;
  return { ...object, spec };
}

function mergedObject(base: Json, overlay: Json, isOfOurs = false): Json {
  const merged = { ...base };
  for (const [key, value] of Object.entries(overlay)) {
    // By these the parts find each other, and the mesh its proxies.
    if (isOfOurs && base[key] !== undefined && OURS.some((prefix) => key.startsWith(prefix))) continue;
    if (value === null) delete merged[key];
    else merged[key] = merge(base[key], value, key === 'labels' || key === 'annotations');
  }
  return merged;
}

const OURS = [
  'gateway.networking.k8s.io/',
  'malha.dev/',
  'sidecar.istio.io/',
  'service.istio.io/',
  'security.istio.io/',
];

function merge(base: unknown, overlay: unknown, isOfOurs: boolean): unknown {
  if (isObject(base) && isObject(overlay)) return mergedObject(base, overlay, isOfOurs);
  if (Array.isArray(base) && Array.isArray(overlay) && base.every(isNamed) && overlay.every(isNamed)) {
    return base.map((item) => {
      const over = overlay.find(({ name }) => name === item.name);
      return over ? mergedObject(item, over) : item;
    });
  }
  return isObject(overlay) ? mergedObject({}, overlay) : overlay;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNamed(value: unknown): value is Json & { name: string } {
  return isObject(value) && typeof value.name === 'string';
}
