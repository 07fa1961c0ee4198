/** Which images objects ask for, and as whom. */
import { TrafficExtension, WasmPlugin } from '../../api';
import type { WasmConfig } from '../../api/extensions/traffic-extension';
import { isOfKind } from '../../api/kinds';
import type { Secret } from '../../api/kubernetes';
import type { KubeObject } from '../../api/object';
import { extensionKey, isImageUrl } from '../../world';

export interface ImageWish {
  /** `Kind/namespace/name` of the object. */
  readonly object: string;
  readonly namespace: string;
  readonly url: string;
  readonly sha256?: string;
  /** Whether a tag is looked up again and again. */
  readonly isFollowed: boolean;
  /** The name of a Secret of the object's own namespace. */
  readonly pullSecret?: string;
}

/**
 * Of WasmPlugins and TrafficExtensions, those whose module comes by an image that is served.
 * @param objects as an API server has them: nothing of them has been checked.
 */
export function wishesOf(objects: readonly KubeObject[]): ImageWish[] {
  return objects.flatMap((object) => {
    const module = moduleOf(object);
    if (typeof module?.url !== 'string' || module.type === 'NETWORK' || !isImageUrl(module.url)) return [];
    const { url, sha256, imagePullPolicy: policy, imagePullSecret: pullSecret } = module;
    const isLatest = /(^|\/)[^/:@]+(:latest)?$/.test(url);
    return [
      {
        object: extensionKey(object),
        namespace: object.metadata.namespace ?? 'default',
        url,
        ...(typeof sha256 === 'string' && sha256 && { sha256 }),
        isFollowed: !url.includes('@') && (policy === 'Always' || (policy !== 'IfNotPresent' && isLatest)),
        ...(typeof pullSecret === 'string' && pullSecret && { pullSecret }),
      },
    ];
  });
}

function moduleOf(object: KubeObject): WasmConfig | undefined {
  if (isOfKind(object, WasmPlugin)) return (object.spec ?? undefined) as WasmConfig | undefined;
  if (isOfKind(object, TrafficExtension)) return (object.spec as { wasm?: WasmConfig } | undefined)?.wasm ?? undefined;
  return undefined;
}

/** The Secrets that the wishes name, by `namespace/name`. */
export function secretsOf(objects: readonly KubeObject[], wishes: readonly ImageWish[]): Map<string, Secret> {
  const named = new Set(
    wishes.flatMap(({ namespace, pullSecret }) => (pullSecret ? [`${namespace}/${pullSecret}`] : [])),
  );
  if (named.size === 0) return new Map();
  return new Map(
    objects
      .filter(({ kind, apiVersion }) => kind === 'Secret' && apiVersion === 'v1')
      .map((secret) => [`${secret.metadata.namespace ?? 'default'}/${secret.metadata.name}`, secret as Secret] as const)
      .filter(([name]) => named.has(name)),
  );
}
