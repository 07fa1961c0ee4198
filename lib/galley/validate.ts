/** Is this object valid, looked at alone? Its form, its schema, the rules of its kind, and what of it is served. */
import { gatewayApiKinds } from '../api/gateway-api';
import type { Kind } from '../api/kind';
import { kindOf, kinds, meshGroups } from '../api/kinds';
import { kubernetesSchemas, ObjectSchema } from '../api/kubernetes-schema';
import { type MeshConfig, MeshConfig as MeshConfigSchema } from '../api/mesh/mesh-config';
import { groupOf, type KubeObject } from '../api/object';
import { type Code, findingAbout, type Remark } from './catalogue';
import type { Finding } from './finding';
import { nearest } from './nearest';
import { rulesOf } from './rules';
import { checkAnnotations } from './rules/annotations';
import { Check } from './rules/check';
import { type SchemaCheck, schemaCheck, shown, unknownField } from './schema-check';
import { unservedFields } from './unserved';

interface Judgement extends Remark {
  code: Code;
  /** The types of the object do not hold, so that no other code may look at it. */
  malformed?: true;
}

const checkObject = schemaCheck(ObjectSchema, '');
const checkMeshConfig = schemaCheck(MeshConfigSchema, '');
const checkSpec = new Map<Kind, SchemaCheck>(
  [...kinds, ...gatewayApiKinds].map((kind) => [kind, schemaCheck(kind.schema, 'spec')]),
);
const checkKubernetes = new Map([...kubernetesSchemas].map(([name, schema]) => [name, schemaCheck(schema, '')]));

/** Objects are immutable, so each is judged once. */
const judged = new WeakMap<object, readonly Judgement[]>();

/**
 * What is wrong with `object`. Errors keep it out of the World, warnings do not. Any JSON value may stand in place of an
 * object. Objects that are not of the mesh API are checked as far as the mesh reads them.
 */
export function validate(object: KubeObject): Finding[] {
  if (typeof object !== 'object' || object === null || Array.isArray(object)) {
    return [noObject(`not a Kubernetes object: expected a mapping, got ${shown(object)}`)];
  }
  const form = isNamed(object) ? [] : checkObject(object);
  if (form.length > 0) {
    return form.map((remark) => noObject(`not a Kubernetes object: ${remark.path}: ${remark.message}`, remark.path));
  }
  return judge(object).map(({ code, malformed: _, ...remark }) =>
    findingAbout(object, code, analyzerOf(object), remark),
  );
}

/** Whether `object` may enter the World. */
export function isValid(object: KubeObject): boolean {
  if (typeof object !== 'object' || object === null || !isNamed(object)) {
    return validate(object).length === 0;
  }
  return !judge(object).some((judgement) => judgement.code === 'IST0106');
}

/** Whether the types of `object` hold, whatever its values: fields are known and have the form of their kind. */
export function isWellFormed(object: KubeObject): boolean {
  if (typeof object !== 'object' || object === null || !isNamed(object)) {
    return false;
  }
  return !judge(object).some((judgement) => judgement.malformed);
}

/** Whether `object` has an identity: what everyone may ask of it, whatever else is wrong. */
export function isNamed(object: KubeObject): boolean {
  const { apiVersion, kind, metadata } = object ?? {};
  const texts = [apiVersion, kind, metadata?.name, metadata?.namespace ?? ''];
  return texts.every((text) => typeof text === 'string');
}

function noObject(message: string, path?: string): Finding {
  const place = path ? { path } : {};
  return {
    code: 'MAL0014',
    level: 'error',
    analyzer: 'schema.ValidationAnalyzer',
    resource: 'object',
    message,
    ...place,
  };
}

/** Istio names this analyzer once per kind. */
function analyzerOf(object: KubeObject): string {
  return `schema.ValidationAnalyzer.${object.kind.slice(0, 63)}`;
}

function judge(object: KubeObject): readonly Judgement[] {
  const known = judged.get(object);
  if (known) {
    return known;
  }
  const judgements = judgeAnew(object);
  judged.set(object, judgements);
  return judgements;
}

function judgeAnew(object: KubeObject): Judgement[] {
  const form = checkObject(object).map(asError);
  if (form.length > 0) {
    return form;
  }
  const kind = kindOf(object);
  if (kind) {
    return judgeMeshObject(object, kind);
  }
  if (meshGroups.has(groupOf(object))) {
    return judgeUnknownKind(object);
  }
  return (checkKubernetes.get(`${groupOf(object)}/${object.kind}`)?.(object) ?? []).map(asError);
}

function asError(remark: Remark): Judgement {
  return { code: 'IST0106', malformed: true, ...remark };
}

function judgeUnknownKind(object: KubeObject): Judgement[] {
  const names = kinds.filter((kind) => kind.group === groupOf(object)).map((kind) => kind.kind);
  const near = nearest(object.kind, names);
  const fix = near ? { fix: `write ${near}` } : {};
  const message = `${groupOf(object)} has no kind ${shown(object.kind)}, allowed are ${names.join(', ')}`;
  return [{ code: 'IST0106', path: 'kind', message, ...fix }];
}

const TOP = ['apiVersion', 'kind', 'metadata', 'spec', 'status'];

function judgeMeshObject(object: KubeObject, kind: Kind): Judgement[] {
  const judgements: Judgement[] = [];
  const version = object.apiVersion.slice(kind.group.length + 1);
  if (!kind.versions.includes(version)) {
    const message = `${kind.kind} has the versions ${kind.versions.join(', ')}, got ${shown(version)}`;
    judgements.push({ code: 'IST0106', path: 'apiVersion', message });
  }
  for (const field of Object.keys(object)) {
    if (!TOP.includes(field)) {
      judgements.push(asError(unknownField('', field, TOP)));
    }
  }
  const { spec } = object;
  if (spec === undefined) {
    const missing = asError({ path: 'spec', message: 'spec is missing' });
    return [...judgements, ...(kind.specRequired ? [missing] : []), ...remarksOnMeaning(object, kind, {})];
  }
  judgements.push(...checkSpec.get(kind)!(spec).map(asError));
  return judgements.length > 0 ? judgements : remarksOnMeaning(object, kind, spec);
}

function remarksOnMeaning(object: KubeObject, kind: Kind, spec: unknown): Judgement[] {
  const check = new Check('spec');
  if (!kind.specRequired || object.spec !== undefined) {
    rulesOf.get(kind)?.(spec as never, check, object.metadata.namespace ?? '');
  }
  const metadata = new Check('metadata');
  checkAnnotations(object, metadata);
  return [...check.all(), ...metadata.all(), ...unservedIn(kind, spec)];
}

function unservedIn(kind: Kind, spec: unknown): Judgement[] {
  if (!kind.served) {
    return [{ code: 'MAL0001', path: 'kind', message: `the kind ${kind.kind} is accepted, but not served yet` }];
  }
  return unservedFields(kind.schema, spec, 'spec').map((field) => notServed(field.path, field.value));
}

function notServed(path: string, value?: string): Judgement {
  const what = value === undefined ? `the field ${path}` : `the value ${value} of ${path}`;
  return { code: 'MAL0001', path, message: `${what} is accepted, but not served yet` };
}

/** What is wrong with a mesh configuration. `origin` is the object or file that it comes from. */
export function validateMeshConfig(config: unknown, origin: KubeObject = MESH_CONFIG): Finding[] {
  const errors = checkMeshConfig(config);
  const judgements =
    errors.length > 0
      ? errors.map(asError)
      : [
          ...judgeProviders(config as MeshConfig),
          ...unservedFields(MeshConfigSchema, config, '').map(({ path, value }) => notServed(path, value)),
        ];
  return judgements.map(({ code, malformed: _, ...remark }) =>
    findingAbout(origin, code, 'schema.ValidationAnalyzer.MeshConfig', remark),
  );
}

const MESH_CONFIG: KubeObject = { apiVersion: 'v1', kind: 'MeshConfig', metadata: { name: 'mesh' } };

/** Names of providers are unique, each has a type, and defaults name providers that there are. */
function judgeProviders(config: MeshConfig): Judgement[] {
  const check = new Check('');
  const names = new Set<string>();
  check.at('extensionProviders').each(config.extensionProviders, (provider, at) => {
    if (names.has(provider.name)) {
      at.at('name').error(`the provider ${shown(provider.name)} stands twice`);
    }
    if (Object.keys(provider).length < 2) {
      at.error(
        `the provider ${shown(provider.name)} has no type`,
        'add one such as opentelemetry or envoyFileAccessLog',
      );
    }
    names.add(provider.name);
  });
  for (const use of ['tracing', 'accessLogging', 'metrics'] as const) {
    check.at('defaultProviders', use).each(config.defaultProviders?.[use], (name, at) => {
      // These two come with the API.
      if (!names.has(name) && name !== 'prometheus' && name !== 'envoy') {
        at.error(`there is no provider ${shown(name)}, known are ${[...names].join(', ') || 'none'}`);
      }
    });
  }
  return [...check.all()];
}
