/**
 * A schema of the mesh API becomes a compiled check. Every way in which a value misses its schema is one remark in plain
 * words: what was got, what is allowed, and the nearest name for a wrong one.
 */
import Ajv, { type ErrorObject, type ValidateFunction } from 'ajv';
import { RE2JS } from 're2js';
import { parseDuration } from '../api/duration';
import type { Keywords, TSchema } from '../api/schema';
import type { Remark } from './catalogue';
import { nearest } from './nearest';
import { join, pathOfPointer } from './path';

/** More remarks about one object help nobody. */
const MOST_REMARKS = 20;

/** How a value misses its schema. */
export interface SchemaRemark extends Remark {
  /** The value has the right form: a field is missing, or is out of its bounds. */
  inForm?: true;
  /** The field is none that the schema knows. */
  unknown?: true;
}

/** Checks a value; none of the remarks is below a field that another remark calls unknown. */
export type SchemaCheck = (value: unknown) => SchemaRemark[];

const ajv = new Ajv({
  allErrors: true,
  verbose: true,
  strict: false,
  inlineRefs: false,
  validateFormats: false,
  // Ours are the patterns, but anyone's are the strings: RE2 takes linear time.
  code: { regExp: Object.assign((pattern: string) => linear(pattern), { code: 'undefined' }) },
});

function linear(pattern: string): RegExp {
  const compiled = RE2JS.compile(pattern);
  // ajv keeps patterns by their text.
  const toString = () => `/${pattern}/`;
  return { test: (text: string) => compiled.matcher(text).find(), toString } as unknown as RegExp;
}

ajv.addKeyword({
  keyword: 'exclusive',
  type: 'object',
  schemaType: 'array',
  errors: false,
  validate: (groups: string[][], value: object) => groups.every((group) => setOf(group, value).length < 2),
});

ajv.addKeyword({
  keyword: 'duration',
  type: 'string',
  errors: false,
  validate: (least: number, value: string) => (parseDuration(value) ?? -1) >= least && isWholeMilliseconds(value),
});

/** Proxies are configured in milliseconds; the API refuses what it would have to round. */
function isWholeMilliseconds(text: string): boolean {
  const milliseconds = parseDuration(text)!;
  return Math.abs(milliseconds - Math.round(milliseconds)) < 1e-7;
}

function setOf(group: readonly string[], value: object): string[] {
  return group.filter((field) => (value as Record<string, unknown>)[field] !== undefined);
}

/** Compiles `schema` when it is first used; `base` is where its values stand in an object, such as `spec`. */
export function schemaCheck(schema: TSchema, base: string): SchemaCheck {
  let compiled: ValidateFunction | undefined;
  return (value) => {
    compiled ??= ajv.compile(forAjv(schema));
    if (compiled(value)) {
      return [];
    }
    const errors = compiled.errors ?? [];
    const remarks = errors.slice(0, MOST_REMARKS).map((error) => placed(error, base, value));
    if (errors.length > MOST_REMARKS) {
      const inForm = errors.slice(MOST_REMARKS).every((error) => BOUNDS.has(error.keyword));
      const message = `there are ${errors.length - MOST_REMARKS} more errors in this object`;
      remarks.push({ path: base, message, ...(inForm ? { inForm } : {}) });
    }
    return remarks;
  };
}

/** What can be wrong with a value of the right form. */
const BOUNDS: ReadonlySet<string> = new Set([
  'required',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
  'pattern',
]);

function placed(error: ErrorObject, base: string, root: unknown): SchemaRemark {
  const remark = remarkOf(error, base, root);
  if (BOUNDS.has(error.keyword)) {
    return { ...remark, inForm: true };
  }
  return error.keyword === 'additionalProperties' ? { ...remark, unknown: true } : remark;
}

/**
 * The schema as ajv takes it: every message stands once, in `$defs`, however often it is used, so that its check is
 * compiled once; and numbers that may be strings of digits are.
 */
function forAjv(schema: TSchema): object {
  const $defs: Record<string, object> = {};
  const names = new Map<unknown, string>();
  const convert = (value: unknown): unknown => {
    if (Array.isArray(value)) {
      return value.map(convert);
    }
    if (typeof value !== 'object' || value === null) {
      return value;
    }
    const node = value as Record<string, unknown>;
    if (node['type'] !== 'object' || !node['properties']) {
      const copy = convertFields(node);
      return copy['digits'] === true ? { ...copy, type: ['integer', 'string'], pattern: '^[0-9]{1,20}$' } : copy;
    }
    // A message keeps its fields when it is described anew or made optional.
    const known = names.get(node['properties']);
    const name = known ?? `message${names.size}`;
    if (!known) {
      names.set(node['properties'], name);
      $defs[name] = convertFields(node);
    }
    return { $ref: `#/$defs/${name}` };
  };
  const convertFields = (node: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(node).map(([key, value]) => [key, convert(value)]));
  return { ...(convert(schema) as object), $defs };
}

function remarkOf(error: ErrorObject, base: string, root: unknown): Remark {
  const path = pathOfPointer(base, error.instancePath, root);
  const params = error.params as Record<string, string>;
  const schema = (error.parentSchema ?? {}) as Keywords & Record<string, unknown>;
  switch (error.keyword) {
    case 'additionalProperties':
      return unknownField(
        path,
        String(params['additionalProperty']),
        Object.keys((schema['properties'] as object) ?? {}),
      );
    case 'required':
      return {
        path: join(path, String(params['missingProperty'])),
        message: `${params['missingProperty']} is missing`,
      };
    case 'enum':
      return notOneOf(path, error.data, schema['enum'] as string[]);
    case 'exclusive':
      return tooMany(path, error.data as object, schema.exclusive ?? []);
    case 'duration':
      return wrongDuration(path, String(error.data), schema.duration ?? 0);
    case 'type':
      if (schema.duration !== undefined) return noDuration(path, error.data);
      return { path, message: `expected ${typeName(schema)}, got ${shown(error.data)}` };
    default:
      return { path, message: `${bound(error)}, got ${shown(error.data)}` };
  }
}

/** A field that nobody knows, with the nearest one that somebody does. */
export function unknownField(path: string, field: string, allowed: readonly string[]): Remark {
  const near = nearest(field, allowed);
  const known = allowed.length > 0 ? `allowed here: ${[...allowed].sort().join(', ')}` : 'no field is allowed here';
  return {
    path: join(path, field),
    message: `unknown field ${shown(field)}${near ? `, did you mean ${near}?` : ','} ${known}`,
    fix: near ? `write ${near}` : 'remove the field',
  };
}

function notOneOf(path: string, value: unknown, allowed: readonly string[]): Remark {
  const near = typeof value === 'string' ? nearest(value, allowed) : undefined;
  return {
    path,
    message: `expected one of ${allowed.join(', ')}, got ${shown(value)}`,
    ...(near ? { fix: `write ${near}` } : {}),
  };
}

function tooMany(path: string, value: object, groups: readonly (readonly string[])[]): Remark {
  const group = groups.find((fields) => setOf(fields, value).length > 1) ?? [];
  return {
    path: join(path, setOf(group, value)[1] ?? ''),
    message: `only one of ${group.join(', ')} may be set, got ${setOf(group, value).join(' and ')}`,
    fix: 'leave all but one of them out',
  };
}

function wrongDuration(path: string, text: string, least: number): Remark {
  const milliseconds = parseDuration(text);
  const reason =
    milliseconds !== undefined && milliseconds >= least
      ? 'durations are kept in whole milliseconds'
      : `expected a duration${least > 0 ? ` of at least ${least}ms` : ''}, such as 250ms, 2s or 1m30s`;
  return { path, message: `${reason}, got ${shown(text)}`, ...inSeconds(text) };
}

function noDuration(path: string, value: unknown): Remark {
  const message = `expected a duration with its unit, such as 250ms, 2s or 1m30s, got ${shown(value)}`;
  return { path, message, ...inSeconds(value) };
}

/** Whoever writes a number alone most likely means seconds. */
function inSeconds(value: unknown): { fix?: string } {
  const isNumber = typeof value === 'number' || (typeof value === 'string' && /^\d{1,9}(\.\d{1,3})?$/.test(value));
  const number = isNumber ? Number(value) : 0;
  return number > 0 ? { fix: `write ${number}s` } : {};
}

function typeName(schema: Record<string, unknown>): string {
  const names: Record<string, string> = {
    object: 'a mapping',
    array: 'a list',
    string: 'a string',
    integer: 'a whole number',
    number: 'a number',
    boolean: 'true or false',
  };
  const type = Array.isArray(schema['type']) ? schema['type'][0] : schema['type'];
  return names[String(type)] ?? String(type);
}

function bound(error: ErrorObject): string {
  const limit = (error.params as { limit?: number }).limit;
  switch (error.keyword) {
    case 'minimum':
      return `has to be at least ${limit}`;
    case 'maximum':
      return `has to be at most ${limit}`;
    case 'minLength':
      return limit === 1 ? 'must not be empty' : `has to have at least ${limit} characters`;
    case 'maxLength':
      return limit === 0 ? 'has to be empty' : `has to have at most ${limit} characters`;
    case 'minItems':
    case 'minProperties':
      return `has to have at least ${limit === 1 ? 'one entry' : `${limit} entries`}`;
    case 'maxItems':
    case 'maxProperties':
      return `has to have at most ${limit} entries`;
    case 'pattern':
      return `has to match ${(error.params as { pattern: string }).pattern}`;
    default:
      return error.message ?? 'is wrong';
  }
}

/** A value as a message shows it, cut short. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) {
    return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  }
  if (typeof value === 'object' && value !== null) {
    return Object.keys(value).length === 0 ? 'an empty mapping' : 'a mapping';
  }
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
