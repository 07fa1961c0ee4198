/**
 * A kind becomes a CustomResourceDefinition. The schema is structural (Kubernetes: every node has a type, value rules
 * such as `oneOf` carry none), so an API server prunes unknown fields, or refuses them under strict field validation.
 * Only what an API server can check cheaply is written out; the rest is Galley's.
 */
import type { Kind } from './kind';
import type { KubeObject } from './object';
import { PART_OF_MALHA } from './ownership';
import type { Keywords, TSchema } from './schema';

/** The form of a Go duration. Its least value is checked by Galley, as CEL costs more than it is worth here. */
const DURATION_PATTERN = '^(0|(([0-9]+\\.?[0-9]*|\\.[0-9]+)(ns|us|ms|s|m|h))+)$';

/** JSON Schema's own keywords that are taken over as they are. */
const KEPT = [
  'type',
  'description',
  'format',
  'enum',
  'pattern',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
  'required',
] as const;

/** At most one field of the group is set, in the one form of `oneOf` that structural schemas allow. */
function atMostOne(group: readonly string[]): object {
  const alternatives = group.map((field) => ({ required: [field] }));
  return { oneOf: [{ not: { anyOf: alternatives } }, ...alternatives] };
}

/**
 * The structural schema (openAPIV3Schema) of a schema of the mesh API.
 * @param documented with descriptions, for `kubectl explain`.
 */
export function structuralSchema(schema: TSchema & Keywords, documented = true): Record<string, unknown> {
  const structural = (inner: TSchema) => structuralSchema(inner, documented);
  const result: Record<string, unknown> = {};
  for (const keyword of KEPT) {
    if (schema[keyword] !== undefined && (documented || keyword !== 'description')) {
      result[keyword] = schema[keyword];
    }
  }
  if (schema.duration !== undefined) {
    result['pattern'] = DURATION_PATTERN;
  }
  if (schema['properties']) {
    const properties = Object.entries(schema['properties'] as Record<string, TSchema>);
    if (properties.length > 0) {
      result['properties'] = Object.fromEntries(properties.map(([name, field]) => [name, structural(field)]));
    }
  } else if (schema['additionalProperties'] === true) {
    result['x-kubernetes-preserve-unknown-fields'] = true;
  } else if (schema['additionalProperties']) {
    result['additionalProperties'] = structural(schema['additionalProperties'] as TSchema);
  }
  if (schema['items']) {
    result['items'] = structural(schema['items'] as TSchema);
  }
  const groups = (schema.exclusive ?? []).map(atMostOne);
  if (groups.length === 1) {
    Object.assign(result, groups[0]);
  } else if (groups.length > 1) {
    result['allOf'] = groups;
  }
  return result;
}

const STATUS = {
  type: 'object',
  description: 'What the control plane says about the object.',
  'x-kubernetes-preserve-unknown-fields': true,
};

/** The schema of a whole object, as one version of a definition holds it. */
function versionSchema(kind: Kind, documented: boolean): object {
  return {
    openAPIV3Schema: {
      type: 'object',
      ...(documented ? { description: kind.description } : {}),
      ...(kind.specRequired ? { required: ['spec'] } : {}),
      properties: { spec: structuralSchema(kind.schema, documented), status: STATUS },
    },
  };
}

/** What `kubectl get` lists together: all of Istio's, and those of one group. */
function categoriesOf(group: string): string[] {
  const short = group.replaceAll('.', '-');
  return group.endsWith('.istio.io') ? ['istio-io', `${short.replace('-istio-io', '')}-istio-io`] : [short];
}

/**
 * The definition of `kind`: all its versions are served with one schema, and one is stored. Only that one is
 * documented: three times the same words made the largest definition 170 kB, and every reader of the manifests slow.
 */
export function customResourceDefinition(kind: Kind): KubeObject {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${kind.plural}.${kind.group}`, labels: { ...PART_OF_MALHA } },
    spec: {
      group: kind.group,
      scope: 'Namespaced',
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.kind.toLowerCase(),
        ...(kind.shortNames.length > 0 ? { shortNames: [...kind.shortNames] } : {}),
        categories: categoriesOf(kind.group),
      },
      versions: kind.versions.map((name) => ({
        name,
        served: true,
        storage: name === kind.storedVersion,
        subresources: { status: {} },
        additionalPrinterColumns: kind.printerColumns.map((column) => ({ ...column })),
        schema: versionSchema(kind, name === kind.storedVersion),
      })),
    },
  };
}
