/**
 * One YAML or JSON text becomes plain values, each with its place. The text may be anyone's: duplicate keys, aliases that
 * multiply, endless nesting and `__proto__` are findings, never a crash, a hang or a changed prototype.
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  Scalar,
  visit,
  type YAMLMap,
} from 'yaml';

/** Far above any real object; the API server refuses objects beyond 3 MiB. */
const BOUNDS = { depth: 128, values: 500_000, aliases: 1_000 };

/** What is wrong with a document, by the name of its finding in Galley's catalogue. */
export interface TextProblem {
  code: 'MAL0011' | 'MAL0012' | 'MAL0013' | 'MAL0014';
  message: string;
  line?: number;
}

/** One document of a text: its value, or what is wrong with it. */
export interface TextDocument {
  /** The line of its first value, from 1. */
  line: number;
  value?: unknown;
  problem?: TextProblem;
  /** The line of the field at `path`, or of its nearest parent. Parses the document again when first asked. */
  lineOf(path: string): number | undefined;
}

interface Part {
  text: string;
  /** Lines of the file before this part. */
  before: number;
}

/** What is read of a text. */
export interface ReadOptions {
  /**
   * Also documents that are CustomResourceDefinitions. Default true. They tell an API server what it may store; a mesh
   * from files learns nothing from them, and they are most of the bytes of its manifests.
   */
  definitions?: boolean;
  /** What was read of an earlier text, to be used again where that stands unchanged; holds the new text's parts after. */
  known?: KnownParts;
}

/** Documents by the line and the text that they were read from. */
export type KnownParts = Map<string, TextDocument[]>;

const DEFINITION = /^kind: *["']?CustomResourceDefinition["']? *$/m;

/** All documents of a text, without the empty ones. */
export function readText(text: string, { definitions = true, known }: ReadOptions = {}): TextDocument[] {
  const parts = split(text).filter((part) => definitions || !DEFINITION.test(part.text));
  return known ? readChanged(parts, known) : parts.flatMap(readPart);
}

/** Most edits of a file change one document of many. */
function readChanged(parts: readonly Part[], known: KnownParts): TextDocument[] {
  const before = new Map(known);
  known.clear();
  return parts.flatMap((part) => {
    const key = `${part.before}\n${part.text}`;
    const documents = before.get(key) ?? readPart(part);
    known.set(key, documents);
    return documents;
  });
}

/** Cuts a stream at its `---` lines, so that each document fails alone and can be parsed again alone. */
function split(text: string): Part[] {
  const parts: Part[] = [];
  let lines: string[] = [];
  let before = 0;
  const all = text.split('\n');
  for (let index = 0; index <= all.length; index++) {
    const line = all[index];
    if (line === undefined || /^---(\s|$)/.test(line)) {
      parts.push({ text: lines.join('\n'), before });
      before = index;
      lines = [];
      if (line !== undefined) {
        lines.push(`   ${line.slice(3)}`);
      }
    } else {
      lines.push(line);
    }
  }
  return parts.filter((part) => /^\s*[^\s#]/m.test(part.text));
}

function parsePart(part: Part): { documents: Document.Parsed[]; counter: LineCounter } {
  const counter = new LineCounter();
  // Keys are compared by us: the library compares each with each.
  const parsed = parseAllDocuments(part.text, {
    lineCounter: counter,
    merge: true,
    uniqueKeys: false,
    logLevel: 'silent',
  });
  return { documents: Array.isArray(parsed) ? [...parsed] : [], counter };
}

function readPart(part: Part): TextDocument[] {
  try {
    const { documents, counter } = parsePart(part);
    return documents
      .map((document, index) => readDocument(part, document, index, counter))
      .filter((document) => document.problem || (document.value !== null && document.value !== undefined));
  } catch (error) {
    const line = part.before + 1;
    return [
      failed(line, error instanceof RangeError ? tooDeep(line) : { code: 'MAL0011', message: firstLine(error), line }),
    ];
  }
}

function tooDeep(line: number): TextProblem {
  return { code: 'MAL0013', message: `the document is nested deeper than ${BOUNDS.depth} levels`, line };
}

function failed(line: number, problem: TextProblem): TextDocument {
  return { line, problem, lineOf: () => line };
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const line = (text.split('\n')[0] ?? text).replace(/[:.]$/, '').replace(/ at line \d+, column \d+$/, '');
  return line.charAt(0).toLowerCase() + line.slice(1);
}

function readDocument(part: Part, document: Document.Parsed, index: number, counter: LineCounter): TextDocument {
  const lineAt = (offset: number | undefined) =>
    offset === undefined ? part.before + 1 : part.before + Math.max(1, counter.linePos(offset).line);
  const line = lineAt(document.contents?.range?.[0]);
  const error = document.errors[0];
  if (error && /call stack/.test(error.message)) {
    return failed(line, tooDeep(lineAt(error.pos[0])));
  }
  if (error) {
    return failed(line, { code: 'MAL0011', message: firstLine(error), line: lineAt(error.pos[0]) });
  }
  const problem = problemOf(document, lineAt);
  if (problem) {
    return failed(line, problem);
  }
  const value = withoutNulls(document.toJS({ maxAliasCount: BOUNDS.aliases }), 0, { values: 0 });
  return { line, value, lineOf: laterLineOf(part, index) };
}

/** Looks over the nodes before any value is made of them. */
function problemOf(document: Document.Parsed, lineAt: (offset?: number) => number): TextProblem | undefined {
  let problem: TextProblem | undefined;
  let aliases = 0;
  const anchors = new Set<string>();
  visit(document, (_key, node, ancestors) => {
    if ((isMap(node) || isSeq(node) || isScalar(node)) && node.anchor) {
      anchors.add(node.anchor);
    }
    if (ancestors.length > BOUNDS.depth * 2) {
      problem = tooDeep(lineAt(0));
    } else if (isAlias(node) && ++aliases > BOUNDS.aliases) {
      const message = `the document uses more than ${BOUNDS.aliases} aliases`;
      problem = { code: 'MAL0013', message, line: lineAt(node.range?.[0]) };
    } else if (isAlias(node) && !anchors.has(node.source)) {
      const message = `the alias *${node.source} has no anchor before it`;
      problem = { code: 'MAL0011', message, line: lineAt(node.range?.[0]) };
    } else if (isMap(node)) {
      const address = addressIn(node);
      if (address) {
        return address;
      }
      problem = problemOfKeys(node.items, lineAt);
    }
    return problem ? visit.BREAK : undefined;
  });
  return problem ?? expansion(document);
}

/** In `[2001:db8::]` YAML sees a mapping; people, and other parsers, see an address that ends in colons. */
function addressIn(node: YAMLMap<unknown, unknown>): Scalar | undefined {
  const pair = node.items.length === 1 ? node.items[0] : undefined;
  if (!node.flow || !isScalar(pair?.key) || !/^[0-9a-f]*:[0-9a-f:]*$/i.test(pair.key.source ?? '')) {
    return undefined;
  }
  const isEmpty =
    pair.value === null || (isScalar(pair.value) && pair.value.source === '' && pair.value.value === null);
  return isEmpty && pair.key.type === 'PLAIN' ? new Scalar(`${pair.key.source}:`) : undefined;
}

function problemOfKeys(
  items: readonly { key: unknown }[],
  lineAt: (offset?: number) => number,
): TextProblem | undefined {
  const seen = new Set<string>();
  for (const { key } of items) {
    if (!isScalar(key)) {
      return { code: 'MAL0011', message: 'a key has to be a string, got a list or a mapping', line: lineAt(0) };
    }
    const name = String(key.value);
    const line = lineAt(key.range?.[0]);
    if (name === '__proto__') {
      return { code: 'MAL0014', message: 'the key "__proto__" is not allowed', line };
    }
    if (name !== '<<' && seen.has(name)) {
      return {
        code: 'MAL0012',
        message: `the key ${JSON.stringify(name.slice(0, 100))} stands twice in one mapping`,
        line,
      };
    }
    seen.add(name);
  }
  return undefined;
}

/** Aliases that multiply: counts the values that the document stands for, without making them. */
function expansion(document: Document.Parsed): TextProblem | undefined {
  const sizes = new Map<unknown, number>();
  const open = new Set<unknown>();
  const anchors = new Map<string, unknown>();
  const size = (node: unknown): number => {
    if (node === null || typeof node !== 'object') {
      return 1;
    }
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (open.has(target)) {
        return Number.POSITIVE_INFINITY;
      }
      return target ? (sizes.get(target) ?? 1) : 1;
    }
    const { anchor } = node as { anchor?: string };
    if (anchor) {
      // An anchor may be given again; an alias means the nearest one before it.
      anchors.set(anchor, node);
    }
    open.add(node);
    let total = 1;
    for (const item of (node as { items?: unknown[] }).items ?? []) {
      const pair = item as { key?: unknown; value?: unknown };
      total += pair && typeof pair === 'object' && 'key' in pair ? size(pair.key) + size(pair.value) : size(item);
    }
    open.delete(node);
    sizes.set(node, total);
    return total;
  };
  if (size(document.contents) <= BOUNDS.values) {
    return undefined;
  }
  return {
    code: 'MAL0013',
    message: `the document stands for more than ${BOUNDS.values.toLocaleString('en')} values, as aliases multiply`,
  };
}

/** As Kubernetes reads objects: a field whose value is null is a field that is not there. */
function withoutNulls(value: unknown, depth: number, count: { values: number }): unknown {
  if (value === null || typeof value !== 'object') {
    return typeof value === 'bigint' ? Number(value) : value;
  }
  if (depth > BOUNDS.depth || ++count.values > BOUNDS.values) {
    throw new RangeError('too deep');
  }
  if (Array.isArray(value)) {
    return value.map((item) => withoutNulls(item, depth + 1, count));
  }
  const result: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(value)) {
    if (field !== null) {
      result[key] = withoutNulls(field, depth + 1, count);
    }
  }
  return result;
}

function laterLineOf(part: Part, index: number): (path: string) => number | undefined {
  let parsed: ReturnType<typeof parsePart> | undefined;
  return (path) => {
    parsed ??= parsePart(part);
    const document = parsed.documents[index];
    for (const steps = stepsOf(path); document; steps.pop()) {
      const node = document.getIn(steps, true) as { range?: [number, number, number] } | undefined;
      const offset = keyOffset(document, steps) ?? node?.range?.[0];
      if (offset !== undefined) {
        return part.before + parsed.counter.linePos(offset).line;
      }
      if (steps.length === 0) {
        break;
      }
    }
    return part.before + 1;
  };
}

/** The place of the key, where the last step is one: `weight` of `weight: 5` rather than the 5. */
function keyOffset(document: Document.Parsed, steps: readonly (string | number)[]): number | undefined {
  const parent = steps.length > 0 ? document.getIn(steps.slice(0, -1), true) : undefined;
  if (!isMap(parent)) {
    return undefined;
  }
  const pair = parent.items.find((item) => isScalar(item.key) && String(item.key.value) === String(steps.at(-1)));
  return isScalar(pair?.key) ? pair.key.range?.[0] : undefined;
}

/** `spec.http[0].match["a.b"]` → spec, http, 0, match, a.b */
export function stepsOf(path: string): (string | number)[] {
  const steps: (string | number)[] = [];
  for (const match of path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g)) {
    if (match[2] !== undefined) {
      steps.push(Number(match[2]));
    } else {
      steps.push(match[1] ?? match[3] ?? '');
    }
  }
  return steps;
}
