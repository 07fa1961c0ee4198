/**
 * Strict validation of Kubernetes objects without a server: Kubernetes' own OpenAPI description for its kinds, the
 * manifests' CRDs for all others. Unknown fields are errors, as with `kubectl apply --validate=strict`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import Ajv, { type ErrorObject, type ValidateFunction } from 'ajv';
import type { KubeObject } from '../../lib/api/object';

const KUBERNETES_VERSION = '1.37.2';

type Schema = { [keyword: string]: unknown };

/** What the fields of one kind may hold. */
export class StrictSchemas {
  private readonly ajv = strictAjv();
  private readonly validators = new Map<string, () => ValidateFunction>();

  /** @param definitions of an OpenAPI v2 document (`swagger.json`). */
  constructor(definitions: Record<string, Schema>) {
    const strict = Object.entries(definitions).map(([name, schema]) => [name, kubernetesSchema(name, schema)]);
    this.ajv.addSchema({ definitions: Object.fromEntries(strict) }, 'kubernetes');
    for (const [name, schema] of Object.entries(definitions)) {
      const kinds = (schema['x-kubernetes-group-version-kind'] ?? []) as {
        group: string;
        version: string;
        kind: string;
      }[];
      // Options and lists are registered under many groups; they are nobody's manifest.
      const only = kinds.length === 1 ? kinds[0]! : undefined;
      if (only) {
        this.add(only.group, only.version, only.kind, { $ref: `kubernetes#/definitions/${name}` });
      }
    }
  }

  /** Kinds of a CustomResourceDefinition are judged by its schema from now on. */
  addCustomResource(crd: KubeObject): void {
    const { group, names, versions } = crd.spec as {
      group: string;
      names: { kind: string };
      versions: { name: string; served: boolean; schema: { openAPIV3Schema: Schema } }[];
    };
    for (const { name, schema } of versions.filter(({ served }) => served)) {
      const structural = closed(schema.openAPIV3Schema) as { properties?: Schema };
      const properties = {
        ...structural.properties,
        apiVersion: { type: 'string' },
        kind: { type: 'string' },
        metadata: { $ref: 'kubernetes#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' },
      };
      this.add(group, name, names.kind, { ...structural, properties, additionalProperties: false });
    }
  }

  /** What is wrong with an object: one line each, with its path; none when it is right. */
  problemsOf(object: KubeObject): string[] {
    const slash = object.apiVersion.indexOf('/');
    const [group, version] = [object.apiVersion.slice(0, Math.max(slash, 0)), object.apiVersion.slice(slash + 1)];
    const validate = this.validators.get(`${group}/${version}/${object.kind}`)?.();
    if (!validate) return [`no schema for ${object.kind} of ${object.apiVersion}`];
    return validate(object) ? [] : (validate.errors ?? []).map(describe);
  }

  /** Compiled when first asked for: a cluster has many more kinds than a mesh. */
  private add(group: string, version: string, kind: string, schema: Schema): void {
    let validate: ValidateFunction | undefined;
    this.validators.set(`${group}/${version}/${kind}`, () => {
      validate ??= this.ajv.compile(schema);
      return validate;
    });
  }
}

/** Kubernetes' definitions from the cache that scripts/setup fills. @throws saying so when they are not there. */
export function kubernetesDefinitions(): Record<string, Schema> {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const path = join(cache, 'malha', 'kubernetes', KUBERNETES_VERSION, 'openapi-spec', 'swagger.json');
  if (!existsSync(path)) throw new Error(`${path} is missing: run scripts/setup`);
  return JSON.parse(readFileSync(path, 'utf8')).definitions;
}

function strictAjv(): Ajv {
  const ajv = new Ajv({ strict: false, allErrors: true, logger: false });
  ajv.addFormat('int32', { type: 'number', validate: (n: number) => Number.isInteger(n) && Math.abs(n) <= 2 ** 31 });
  ajv.addFormat('int64', { type: 'number', validate: (n: number) => Number.isInteger(n) });
  ajv.addFormat('double', { type: 'number', validate: () => true });
  ajv.addFormat('byte', /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/);
  ajv.addFormat('date-time', (text: string) => /^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(Date.parse(text)));
  ajv.addKeyword({
    keyword: 'x-kubernetes-list-map-keys',
    type: 'array',
    schemaType: 'array',
    validate: (keys: string[], items: Record<string, unknown>[]) =>
      // The one key that Kubernetes fills in when it is not given.
      new Set(items.map((item) => JSON.stringify(keys.map((key) => item[key] ?? (key === 'protocol' ? 'TCP' : null)))))
        .size === items.length,
    error: { message: ({ schema }) => `has two items with the same ${(schema as string[]).join(' and ')}` },
  });
  return ajv;
}

/** Kinds whose OpenAPI says less, or other, than the API server accepts. */
const SPECIAL: Record<string, Schema> = {
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': { type: ['integer', 'string'] },
  'io.k8s.apimachinery.pkg.api.resource.Quantity': {
    anyOf: [
      { type: 'number' },
      { type: 'string', pattern: '^[+-]?(\\d+(\\.\\d*)?|\\.\\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\\d+)?$' },
    ],
  },
};

function kubernetesSchema(name: string, schema: Schema): Schema {
  return SPECIAL[name] ?? (closed(schema) as Schema);
}

/** The schema with every object that lists its properties closed for others. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { properties, ...rest } = schema as Schema;
  const result: Schema = {};
  for (const [keyword, value] of Object.entries(rest)) {
    // What follows are values, not schemas.
    result[keyword] = ['default', 'enum', 'example', 'required'].includes(keyword) ? value : closed(value);
  }
  if (result['x-kubernetes-int-or-string']) {
    delete result.type;
    result.anyOf = [{ type: 'integer' }, { type: 'string' }];
  }
  if (typeof properties === 'object' && properties !== null) {
    result.properties = Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, closed(value)]));
    if (!rest.additionalProperties && !rest['x-kubernetes-preserve-unknown-fields'])
      result.additionalProperties = false;
  }
  return result;
}

function describe({ instancePath, message, params }: ErrorObject): string {
  const unknown = (params as { additionalProperty?: string }).additionalProperty;
  return `${instancePath || '/'} ${unknown === undefined ? message : `has the unknown field ${JSON.stringify(unknown)}`}`;
}
