/** Is this object valid, looked at alone? Its form, its schema, the rules of its kind, and what of it is served. */
import { gatewayApiKinds } from '../api/gateway-api';
import type { Kind } from '../api/kind';
import { kindOf, kinds, meshGroups } from '../api/kinds';
import { kubernetesSchemas, ObjectSchema } from '../api/kubernetes-schema';
import { type MeshConfig, MeshConfig as MeshConfigSchema } from '../api/mesh/mesh-config';
import { type MeshNetworks, MeshNetworks as MeshNetworksSchema } from '../api/mesh/mesh-networks';
import { VirtualService } from '../api/networking/virtual-service';
import { groupOf, type KubeObject } from '../api/object';
import { originOf, withOrigin } from '../api/origin';
import { type Code, findingAbout, type Remark } from './catalogue';
import { completed } from './complete';
import type { Finding } from './finding';
import { nearest } from './nearest';
import { overlapsOf } from './overlapping-matches';
import { rulesOf } from './rules';
import { Check } from './rules/check';
import { checkImageSignatures } from './rules/image-signatures';
import { checkMetadata } from './rules/metadata';
import { checkCiphers } from './rules/server-tls';
import { type SchemaCheck, type SchemaRemark, schemaCheck, shown, unknownField } from './schema-check';
import { unservedFields } from './unserved';

interface Judgement extends Remark {
  code: Code;
  /** The object does not have the form of its kind, so that no other code may look at it. */
  malformed?: true;
  /** A field is missing or out of bounds, but the form is right. */
  inForm?: true;
  unknown?: true;
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
  const judgements = judge(object);
  const findings = judgements.map(({ code, malformed: _m, inForm: _f, unknown: _u, ...remark }) =>
    findingAbout(object, code, analyzerOf(object), remark),
  );
  const isOfRoutes = kindOf(object) === VirtualService && object.spec && !judgements.some(({ malformed }) => malformed);
  return isOfRoutes ? [...findings, ...overlapsOf(readable(object) as VirtualService)] : findings;
}

/** Whether `object` may enter the World. */
export function isValid(object: KubeObject): boolean {
  if (typeof object !== 'object' || object === null || !isNamed(object)) {
    return validate(object).length === 0;
  }
  return !judge(object).some((judgement) => judgement.code === 'IST0106');
}

const readables = new WeakMap<object, KubeObject>();

/**
 * The object as other code may read it by its type: itself, or with the zero value of required fields that are missing.
 * Undefined where fields are unknown or not of the form of the kind.
 */
export function readable(object: KubeObject): KubeObject | undefined {
  if (typeof object !== 'object' || object === null || !isNamed(object)) {
    return undefined;
  }
  const judgements = judge(object);
  if (judgements.some((judgement) => judgement.malformed)) {
    return undefined;
  }
  return judgements.some((judgement) => judgement.inForm) ? completedObject(object) : object;
}

function completedObject(object: KubeObject): KubeObject {
  let result = readables.get(object);
  if (!result) {
    const kind = kindOf(object);
    const schema = kubernetesSchemas.get(`${groupOf(object)}/${object.kind}`);
    const whole = kind
      ? { ...object, spec: completed(kind.schema, object.spec ?? {}) }
      : schema
        ? (completed(schema, object) as KubeObject)
        : object;
    result = withOrigin(whole, originOf(object) ?? {});
    readables.set(object, result);
  }
  return result;
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

function asError(remark: SchemaRemark): Judgement {
  return { code: 'IST0106', ...remark, ...(remark.inForm ? {} : { malformed: true as const }) };
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
    const missing = asError({ path: 'spec', message: 'spec is missing', inForm: true });
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
  checkMetadata(object, metadata);
  return [...check.all(), ...metadata.all(), ...unservedIn(kind, spec)];
}

function unservedIn(kind: Kind, spec: unknown): Judgement[] {
  if (!kind.served) {
    return [{ code: 'MAL0001', path: 'kind', message: `the kind ${kind.kind} is accepted, but not served yet` }];
  }
  const fields = unservedFields(kind.schema, spec, 'spec').map((field) => notServed(field.path, field.value));
  return kind.notServed ? [{ code: 'MAL0001', path: 'kind', message: kind.notServed }, ...fields] : fields;
}

function notServed(path: string, value?: string): Judgement {
  return { code: 'MAL0001', path, message: unservedMessage(path, value) };
}

/** @param value the one that is not served, where others are. */
export function unservedMessage(path: string, value?: string): string {
  return `${value === undefined ? `the field ${path}` : `the value ${value} of ${path}`} is accepted, but not served yet`;
}

/** What is wrong with a mesh configuration. `origin` is the object or file that it comes from. */
export function validateMeshConfig(config: unknown, origin: KubeObject = MESH_CONFIG): Finding[] {
  const errors = checkMeshConfig(config);
  const judgements =
    errors.length > 0
      ? errors.map(asError)
      : [
          ...judgeProviders(config as MeshConfig),
          ...judgeTls(config as MeshConfig),
          ...judgeSignatures(config as MeshConfig),
          ...unservedFields(MeshConfigSchema, config, '').map(({ path, value }) => notServed(path, value)),
        ];
  return judgements.map(({ code, malformed: _m, inForm: _f, unknown: _u, ...remark }) =>
    findingAbout(origin, code, 'schema.ValidationAnalyzer.MeshConfig', remark),
  );
}

const checkMeshNetworks = schemaCheck(MeshNetworksSchema, '');

/**
 * A mesh configuration as other code may read it by its type: fields that nobody knows do no harm, and where others are
 * not of their form, none of it is taken. `validateMeshConfig` says what is wrong.
 */
export function readableMeshConfig(config: unknown): MeshConfig {
  return hasForm(checkMeshConfig(config)) ? (completed(MeshConfigSchema, config) as MeshConfig) : {};
}

/** The same for the networks of the mesh. */
export function readableMeshNetworks(networks: unknown): MeshNetworks {
  return hasForm(checkMeshNetworks(networks)) ? (completed(MeshNetworksSchema, networks) as MeshNetworks) : {};
}

function hasForm(remarks: readonly SchemaRemark[]): boolean {
  return remarks.every((remark) => remark.inForm || remark.unknown);
}

const MESH_CONFIG: KubeObject = { apiVersion: 'v1', kind: 'MeshConfig', metadata: { name: 'mesh' } };

function judgeTls(config: MeshConfig): Judgement[] {
  const check = new Check('');
  for (const place of ['meshMTLS', 'tlsDefaults'] as const) checkCiphers(config[place] ?? {}, check.at(place));
  return [...check.all()];
}

function judgeSignatures(config: MeshConfig): Judgement[] {
  const check = new Check('');
  checkImageSignatures(config, check.at('imageSignatures'));
  return [...check.all()];
}

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
