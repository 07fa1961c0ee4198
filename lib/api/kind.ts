/** What the mesh knows about a kind of object: its names, its versions and its schema. */
import type { KubeObject } from './object';
import type { TSchema } from './schema';

/** A column that `kubectl get` prints. */
export interface PrinterColumn {
  name: string;
  type: 'string' | 'date' | 'integer' | 'boolean';
  jsonPath: string;
  description: string;
}

/** A kind of the mesh API. */
export interface Kind {
  /** `networking.istio.io` */
  group: string;
  /** `VirtualService` */
  kind: string;
  /** `virtualservices` */
  plural: string;
  shortNames: readonly string[];
  /** All versions in which objects of this kind may be written; they share one schema. */
  versions: readonly string[];
  /** The version in which an API server stores the objects, and that we write. */
  storedVersion: string;
  /** One sentence for the reference page and `kubectl explain`. */
  description: string;
  /** The schema of `spec`. */
  schema: TSchema;
  /** An object without `spec` is an error. */
  specRequired: boolean;
  /** False: objects are accepted and checked, but nothing is done with them yet. */
  served: boolean;
  /** What else is not done with objects of the kind, of which no field tells; a sentence for whoever writes one. */
  notServed?: string;
  printerColumns: readonly PrinterColumn[];
}

/** A typed object of a kind whose `spec` is always there. */
export type MeshObject<Spec> = KubeObject<Spec> & { spec: Spec };

/** `networking.istio.io/v1`: what we write into `apiVersion`. */
export function apiVersionOf(kind: Kind): string {
  return `${kind.group}/${kind.storedVersion}`;
}

const AGE: PrinterColumn = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'How long ago the object was created',
};

/** What a kind says about itself. */
export type KindOptions = Pick<Kind, 'kind' | 'plural' | 'description' | 'schema'> & Partial<Kind>;

/** For the groups of the API. */
export function defineKind(group: string, versions: string[], storedVersion: string, options: KindOptions): Kind {
  const { printerColumns = [], ...rest } = options;
  return {
    group,
    versions,
    storedVersion,
    shortNames: [],
    specRequired: false,
    served: true,
    ...rest,
    printerColumns: [...printerColumns, AGE],
  };
}

/** A kind of networking.istio.io, in the three versions that the API has. */
export function networkingKind(options: KindOptions): Kind {
  return defineKind('networking.istio.io', ['v1', 'v1beta1', 'v1alpha3'], 'v1', options);
}

/** A kind of security.istio.io. */
export function securityKind(options: KindOptions): Kind {
  return defineKind('security.istio.io', ['v1', 'v1beta1'], 'v1', options);
}

/** A kind of telemetry.istio.io. */
export function telemetryKind(options: KindOptions): Kind {
  return defineKind('telemetry.istio.io', ['v1', 'v1alpha1'], 'v1', options);
}

/** A kind of the mesh's own group, malha.dev. */
export function malhaKind(options: KindOptions): Kind {
  return defineKind('malha.dev', ['v1alpha1'], 'v1alpha1', options);
}

/** A kind of extensions.istio.io, which has one version. */
export function extensionsKind(options: KindOptions): Kind {
  return defineKind('extensions.istio.io', ['v1alpha1'], 'v1alpha1', options);
}
