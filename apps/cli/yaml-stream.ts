/**
 * Editing a YAML stream without touching what was not changed: documents that stay are kept byte for byte, and in a
 * document that changes, only its content is written again, with the comments that stood in it.
 */
import {
  type Document,
  isAlias,
  isMap,
  isSeq,
  LineCounter,
  Document as NewDocument,
  type Node,
  parseAllDocuments,
} from 'yaml';

/** More would be a bomb; Kubernetes' own files have none. */
const MOST_ALIASES = 100;

/** The values of all documents, in order; empty documents are left out. */
export function readStream(text: string, file: string): unknown[] {
  return parse(text, file)
    .map(valueIn)
    .filter((value) => value !== null && value !== undefined);
}

/**
 * @param text the stream.
 * @param file how errors name it.
 * @param edit gives a document's new value; the very same value means unchanged. Must not change its argument.
 * @throws Error naming file, line and column when the stream does not parse.
 */
export function editStream(text: string, file: string, edit: (value: unknown) => unknown): string {
  let result = '';
  let done = 0;
  for (const document of parse(text, file)) {
    const before = valueIn(document);
    const after = edit(before);
    const range = document.contents?.range;
    if (after === before || !range) continue;
    const [start, end] = range;
    const node = reconcile(document, document.contents, before, after);
    result += text.slice(done, start) + write(node, text, start, end);
    done = end;
  }
  return result + text.slice(done);
}

function parse(text: string, file: string): Document[] {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines, merge: true, prettyErrors: false });
  const documents = Array.isArray(parsed) ? parsed : [];
  for (const { errors } of documents) {
    if (errors[0]) {
      const { line, col } = lines.linePos(errors[0].pos[0]);
      const message = errors[0].message;
      throw new Error(`${file}:${line}:${col}: not YAML: ${message.charAt(0).toLowerCase()}${message.slice(1)}`);
    }
  }
  return documents;
}

function valueIn(document: Document): unknown {
  return document.toJS({ maxAliasCount: MOST_ALIASES });
}

/** The node that has the value `after`, made from the one that has `before` with as few changes as possible. */
function reconcile(document: Document, node: unknown, before: unknown, after: unknown): Node {
  const create = (value: unknown) => document.createNode(value, { aliasDuplicateObjects: false }) as Node;
  if (after === before && node) return node as Node;
  if (isAlias(node)) return create(after);
  if (isMap(node) && isRecord(before) && isRecord(after)) {
    for (const key of Object.keys(before)) if (!(key in after)) node.delete(key);
    for (const [key, value] of Object.entries(after)) {
      if (value === undefined) node.delete(key);
      else if (value !== before[key]) node.set(key, reconcile(document, node.get(key, true), before[key], value));
    }
    return node;
  }
  if (isSeq(node) && Array.isArray(before) && Array.isArray(after)) {
    // What is added comes first or last; a list that changed otherwise and in length is written anew.
    const added = after.length - before.length;
    if (added >= 0 && before.every((value, i) => value === after[i + added])) {
      node.items.unshift(...after.slice(0, added).map(create));
      return node;
    }
    if (added === 0) {
      node.items = node.items.map((item, i) => reconcile(document, item, before[i], after[i]));
      return node;
    }
  }
  return create(after);
}

/** The text of a document's content, to stand where `text` has the old one. */
function write(node: Node, text: string, start: number, end: number): string {
  // Comments around the content are part of the text that stays.
  node.commentBefore = undefined;
  node.spaceBefore = false;
  const alone = new NewDocument(undefined, { merge: true });
  alone.contents = node as typeof alone.contents;
  const column = start - (text.lastIndexOf('\n', start - 1) + 1);
  const indent = /^ *$/.test(text.slice(start - column, start)) ? ' '.repeat(column) : '';
  let written = alone.toString({ lineWidth: 0 }).replace(/\n(?=[^\n])/g, `\n${indent}`);
  if (!text.slice(start, end).endsWith('\n')) written = written.replace(/\n$/, '');
  return text.includes('\r\n') ? written.replace(/\r?\n/g, '\r\n') : written;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
