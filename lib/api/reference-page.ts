/**
 * The reference page of a kind, made of its schema: a table for each message, from the top down. A message that stands in
 * several places is told once, where it comes first. A test holds docs/reference to it.
 */
import type { Kind } from './kind';
import type { Keywords, TSchema } from './schema';

/** A schema as it is read here: what JSON Schema may say is asked for by name. */
type Node = TSchema &
  Keywords & {
    properties?: Record<string, Node>;
    additionalProperties?: Node | boolean;
    items?: Node;
    enum?: readonly string[];
    required?: readonly string[];
  };

interface Section {
  /** Where the message stands: `spec.http[].match[]`. */
  readonly path: string;
  readonly schema: Node;
}

/** The page of a kind, as Markdown. */
export function referencePage(kind: Kind): string {
  const versions = kind.versions.map((version) => `\`${kind.group}/${version}\``).join(', ');
  return page(kind.kind, `${kind.description}\n\nWritten as ${versions}. ${servedText(kind)}`, 'spec', kind.schema);
}

/** The page of a message that is no kind, such as the mesh configuration. */
export function messagePage(name: string, text: string, schema: TSchema): string {
  return page(name, text, '', schema);
}

/** The list of all pages. */
export function referenceIndex(pages: readonly { name: string; description: string }[]): string {
  const rows = pages.map(({ name, description }) => row(`[${name}](${name}.md)`, description));
  return `${HEAD('Reference', 'The kinds of the mesh, and the mesh configuration.')}\n| kind | what it is |\n|---|---|\n${rows.join('\n')}\n`;
}

const HEAD = (title: string, text: string) =>
  `# ${title}\n\n${text}\n\nMade from the schemas (\`npm run test:update\` writes it), which also make the types, the definitions and the checks.\n`;

function servedText({ served, notServed }: Kind): string {
  if (!served) return '**Accepted and checked, but not served yet.**';
  return notServed ? `**Not served yet: ${notServed}.**` : '';
}

function page(title: string, text: string, root: string, schema: TSchema): string {
  const told = new Map<string, string>();
  const waiting: Section[] = [{ path: root, schema: schema as Node }];
  const parts: string[] = [];
  for (let section = waiting.shift(); section; section = waiting.shift()) {
    const key = JSON.stringify(section.schema.properties);
    if (told.has(key)) continue;
    told.set(key, section.path);
    parts.push(tableOf(section, waiting));
  }
  return `${HEAD(title, text.trim())}\n${parts.join('\n')}`;
}

function tableOf({ path, schema }: Section, waiting: Section[]): string {
  const required = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties ?? {}).map(([name, field]) => {
    const at = path ? `${path}.${name}` : name;
    const below = messageIn(field, at);
    if (below) waiting.push(below);
    return row(`\`${name}\`${required.has(name) ? ' (required)' : ''}`, typeOf(field), meaningOf(field));
  });
  const groups = (schema.exclusive ?? []).map(
    (group) => `At most one of ${group.map((name) => `\`${name}\``).join(', ')}.`,
  );
  const heading = path ? [`## ${path}\n`] : [];
  const lines = [...(schema.description ? [schema.description] : []), ...groups];
  return [
    ...heading,
    ...(lines.length > 0 ? [`${lines.join(' ')}\n`] : []),
    '| field | type | meaning |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

/** The message that a field holds, alone, in a list or in a map. */
function messageIn(field: Node, path: string): Section | undefined {
  if (Object.keys(field.properties ?? {}).length > 0) return { path, schema: field };
  if (field.items) return messageIn(field.items, `${path}[]`);
  if (typeof field.additionalProperties === 'object') return messageIn(field.additionalProperties, `${path}.*`);
  return undefined;
}

function typeOf(field: Node): string {
  if (field.enum) return field.enum.map((value) => `\`${value}\``).join(', ');
  if (field.duration !== undefined) return 'duration';
  if (field.items) return `list of ${typeOf(field.items)}`;
  if (typeof field.additionalProperties === 'object') return `map to ${typeOf(field.additionalProperties)}`;
  if (field.type === 'object') return field.properties ? 'message' : 'object';
  return `${field.type}${boundsOf(field)}`;
}

/** Bounds that are not those of the type itself. */
function boundsOf({ minimum, maximum, minLength, maxLength }: Node): string {
  const least = minimum !== undefined && minimum > -2147483648 ? [`≥ ${minimum}`] : [];
  const most = maximum !== undefined && maximum < 2147483647 ? [`≤ ${maximum}`] : [];
  const length = maxLength !== undefined ? [`≤ ${maxLength} characters`] : minLength ? ['not empty'] : [];
  const all = [...least, ...most, ...length];
  return all.length > 0 ? ` (${all.join(', ')})` : '';
}

function meaningOf(field: Node): string {
  const unserved = field.unservedValues?.map((value) => `\`${value}\``).join(', ');
  return [
    field.description ?? field.items?.description ?? '',
    ...(field.served === false ? ['**Not served yet.**'] : []),
    ...(unserved ? [`**Not served yet: ${unserved}.**`] : []),
  ].join(' ');
}

function row(...cells: string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
}
