/** What the objects that stand for gateways and routes of the Gateway API have beyond written ones. */
import type { Gateway, HTTPRedirect, HTTPRoute, RegexRewrite, VirtualService } from '../../api';
import type { KubeObject } from '../../api/object';
import { originOf, withOrigin } from '../../api/origin';

/** Marks converted objects. No written object can carry the field: Galley lets no unknown one in. */
const SOURCE = 'convertedFrom';

/** An object that was made from one of the Gateway API. */
export type Converted<T extends KubeObject> = T & { readonly [SOURCE]: KubeObject };

/** What redirects of the Gateway API have beyond those of the other API. */
export type ConvertedRedirect = HTTPRedirect & {
  /** A prefix can be replaced by nothing. */
  uriRegexRewrite?: RegexRewrite;
  /** The port that the scheme has of itself is not to be said, where Envoy can leave it out. */
  leavesOutDefaultPort?: true;
};
export type ConvertedHttpRoute = Omit<HTTPRoute, 'redirect'> & {
  redirect?: ConvertedRedirect;
  /** Backends that have filters are routes of their own: this one takes what is drawn below `upTo`, of `of`. */
  share?: { readonly upTo: number; readonly of: number };
};

/** The object of the Gateway API behind a converted one; undefined for written objects. */
export function sourceOf(object: KubeObject): KubeObject | undefined {
  return object[SOURCE] as KubeObject | undefined;
}

/** The name of a converted object; `~` keeps it apart from all written ones. */
export function convertedName(source: KubeObject, ...parts: (string | number | undefined)[]): string {
  return [source.metadata.name, source.kind.toLowerCase(), ...parts.filter((part) => part !== undefined)].join('~');
}

export function convertedGateway(source: KubeObject, name: string, spec: Gateway['spec']): Converted<Gateway> {
  return converted(source, 'Gateway', name, spec) as Converted<Gateway>;
}

export function convertedVirtualService(
  source: KubeObject,
  name: string,
  spec: VirtualService['spec'],
): Converted<VirtualService> {
  return converted(source, 'VirtualService', name, spec) as Converted<VirtualService>;
}

function converted(source: KubeObject, kind: string, name: string, spec: unknown): KubeObject {
  const { namespace = 'default', creationTimestamp } = source.metadata;
  const object = {
    apiVersion: 'networking.istio.io/v1',
    kind,
    metadata: { name, namespace, ...(creationTimestamp && { creationTimestamp }) },
    spec,
    [SOURCE]: source,
  };
  const origin = originOf(source);
  return origin ? withOrigin(object, origin) : object;
}
