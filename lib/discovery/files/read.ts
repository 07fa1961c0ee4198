/** Files and folders become objects, each with its place, and findings for whatever is not an object. */
import { type Dirent, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { KubeObject } from '../../api/object';
import { objectKey, objectName } from '../../api/object';
import { CONSTRUCT_ANNOTATION, originOf, withOrigin } from '../../api/origin';
import { findingAbout, findingInFile } from '../../galley/catalogue';
import type { Finding } from '../../galley/finding';
import { type ReadOptions, readText, type TextDocument } from './yaml-text';

/** What was found in files. */
export interface ReadFiles {
  objects: KubeObject[];
  findings: Finding[];
}

/** A larger file is refused before it is read. */
const LARGEST_FILE = 64 * 1024 * 1024;

const ENDINGS = new Set(['.yaml', '.yml', '.json']);

/**
 * Reads files and folders; folders with all below them, sorted, only `.yaml`, `.yml` and `.json`, nothing whose name starts
 * with a dot. What cannot be read or is no object is a finding; everything else is used.
 */
export function readFiles(paths: readonly string[], options: ReadOptions = {}): ReadFiles {
  const findings: Finding[] = [];
  const files = paths.flatMap((path) => filesAt(path, findings));
  const results = files.map((file) => readFileAt(file, options));
  return withoutDuplicates({
    objects: results.flatMap((result) => result.objects),
    findings: [...findings, ...results.flatMap((result) => result.findings)],
  });
}

/** The files at `path`: itself, or all below it. */
export function filesAt(path: string, findings: Finding[]): string[] {
  try {
    return statSync(path).isDirectory() ? filesBelow(path, new Set([realpathSync(path)])) : [path];
  } catch (error) {
    findings.push(findingInFile(path, undefined, 'MAL0017', { message: `cannot be read: ${reasonOf(error)}` }));
    return [];
  }
}

function filesBelow(folder: string, open: ReadonlySet<string>): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => filesOf(folder, entry, open));
}

function filesOf(folder: string, entry: Dirent, open: ReadonlySet<string>): string[] {
  const path = join(folder, entry.name);
  if (entry.name.startsWith('.')) {
    return [];
  }
  try {
    if (entry.isSymbolicLink() ? statSync(path).isDirectory() : entry.isDirectory()) {
      const real = realpathSync(path);
      return open.has(real) ? [] : filesBelow(path, new Set([...open, real]));
    }
  } catch {
    // A link that leads nowhere: reading it will say so.
  }
  return isObjectFile(path) ? [path] : [];
}

/** Whether a file in a folder is read at all. */
export function isObjectFile(path: string): boolean {
  return ENDINGS.has(extname(path));
}

/** Reads one file. */
export function readFileAt(file: string, options: ReadOptions = {}): ReadFiles {
  try {
    const { size } = statSync(file);
    if (size > LARGEST_FILE) {
      const message = `the file has ${size} bytes, at most ${LARGEST_FILE} are read`;
      return { objects: [], findings: [findingInFile(file, undefined, 'MAL0013', { message })] };
    }
    return readObjects(readFileSync(file, 'utf8'), file, options);
  } catch (error) {
    return {
      objects: [],
      findings: [findingInFile(file, undefined, 'MAL0017', { message: `cannot be read: ${reasonOf(error)}` })],
    };
  }
}

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  const known: Record<string, string> = {
    ENOENT: 'no such file or folder',
    EACCES: 'permission denied',
    EISDIR: 'it is a folder',
    EMFILE: 'too many open files',
  };
  return (code && known[code]) ?? code ?? (error as Error).message;
}

/** The objects of a text that was read from `file`, or from wherever that name says. Lists are opened. */
export function readObjects(text: string, file: string, options: ReadOptions = {}): ReadFiles {
  const result: ReadFiles = { objects: [], findings: [] };
  for (const document of readText(text, options)) {
    if (document.problem) {
      const { code, message, line } = document.problem;
      result.findings.push(findingInFile(file, line ?? document.line, code, { message }));
    } else {
      collect(document.value, document, '', file, result);
    }
  }
  return result;
}

function collect(value: unknown, document: TextDocument, path: string, file: string, result: ReadFiles): void {
  const line = path ? (document.lineOf(path) ?? document.line) : document.line;
  const problem = problemOf(value);
  if (problem) {
    result.findings.push(findingInFile(file, line, 'MAL0014', { message: problem, ...(path ? { path } : {}) }));
    return;
  }
  const object = value as KubeObject;
  if (isList(object)) {
    for (const [index, item] of object['items'].entries()) {
      collect(item, document, `${path ? `${path}.` : ''}items[${index}]`, file, result);
    }
    return;
  }
  const lineOf = (field: string) => document.lineOf(path ? `${path}.${field}` : field);
  const construct = object.metadata.annotations?.[CONSTRUCT_ANNOTATION];
  result.objects.push(withOrigin(object, { file, line, lineOf, ...(construct && { construct }) }));
}

function isList(object: KubeObject): object is KubeObject & { items: unknown[] } {
  return object.kind.endsWith('List') && Array.isArray(object['items']);
}

/** Why `value` is not an object of Kubernetes; nothing when it is one. */
function problemOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return `not a Kubernetes object: expected a mapping, got ${Array.isArray(value) ? 'a list' : JSON.stringify(value)?.slice(0, 60)}`;
  }
  const object = value as Record<string, unknown>;
  for (const field of ['apiVersion', 'kind']) {
    if (typeof object[field] !== 'string' || object[field] === '') {
      return `not a Kubernetes object: ${field} is missing or not a string`;
    }
  }
  if (String(object['kind']).endsWith('List') && Array.isArray(object['items'])) {
    return undefined;
  }
  const metadata = object['metadata'] as Record<string, unknown> | undefined;
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) {
    return `not a Kubernetes object: metadata of the ${object['kind']} is missing or not a mapping`;
  }
  if (typeof metadata['name'] !== 'string' || metadata['name'] === '') {
    return `not a Kubernetes object: metadata.name of the ${object['kind']} is missing or not a string`;
  }
  if (metadata['namespace'] !== undefined && typeof metadata['namespace'] !== 'string') {
    return `not a Kubernetes object: metadata.namespace of the ${object['kind']} is not a string`;
  }
  return undefined;
}

/** The same object in two places: the last one counts, as if the files were applied one after the other. */
export function withoutDuplicates(read: ReadFiles): ReadFiles {
  const last = new Map<string, KubeObject>();
  const findings = [...read.findings];
  for (const object of read.objects) {
    const key = objectKey(object);
    const earlier = last.get(key);
    if (earlier) {
      const place = originOf(object);
      const message = `${objectName(object)} stands again in ${place?.file}:${place?.line}, which is used`;
      findings.push(findingAbout(earlier, 'MAL0015', 'files.Reader', { message }));
    }
    last.set(key, object);
  }
  return { objects: [...last.values()], findings };
}
