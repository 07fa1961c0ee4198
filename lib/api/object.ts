/** What every object of the mesh API and of Kubernetes has in common, and how we name objects. */

/** Object metadata as Kubernetes defines it; only the parts that Malha reads are typed. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  creationTimestamp?: string;
  generation?: number;
  resourceVersion?: string;
  uid?: string;
  deletionTimestamp?: string;
  ownerReferences?: { apiVersion?: string; kind: string; name: string; uid?: string; controller?: boolean }[];
}

/** Any Kubernetes object. Treat objects as immutable: the World and all memoized results key on their identity. */
export interface KubeObject<Spec = unknown> {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec?: Spec;
  [field: string]: unknown;
}

/** The API group of an object: `networking.istio.io`, or `''` for the core group. */
export function groupOf(object: { apiVersion: string }): string {
  const slash = object.apiVersion.indexOf('/');
  return slash < 0 ? '' : object.apiVersion.slice(0, slash);
}

/** The stable identity of an object: group, kind, namespace and name. Versions of one kind share it. */
export function objectKey(object: KubeObject): string {
  return `${groupOf(object)}/${object.kind}/${object.metadata.namespace ?? ''}/${object.metadata.name}`;
}

/** How findings and logs name an object: `VirtualService shop/reviews`, `Namespace shop`. */
export function objectName(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return namespace ? `${object.kind} ${namespace}/${name}` : `${object.kind} ${name}`;
}
