import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kinds, MeshConfig } from '../../lib/api';
import { messagePage, referenceIndex, referencePage } from '../../lib/api/reference-page';

const FOLDER = join(__dirname, '../../docs/reference');
const MESH_CONFIG =
  'What holds for the whole mesh: key `mesh` of ConfigMap `istio` in the root namespace, or `--mesh-config FILE`.';

const named = [
  ...kinds.map((kind) => ({ name: kind.kind, description: kind.description, page: referencePage(kind) })),
  { name: 'MeshConfig', description: MESH_CONFIG, page: messagePage('MeshConfig', MESH_CONFIG, MeshConfig) },
].sort((a, b) => (a.name < b.name ? -1 : 1));
const pages = new Map([
  ...named.map(({ name, page }): [string, string] => [`${name}.md`, page]),
  ['README.md', referenceIndex(named)],
]);

/** Names of all fields at or below a schema. */
function fieldsOf(schema: { properties?: object; items?: object; additionalProperties?: unknown }): string[] {
  const children = Object.entries(schema.properties ?? {});
  const below = [...children.map(([, child]) => child), schema.items, schema.additionalProperties];
  return [
    ...children.map(([name]) => name),
    ...below.flatMap((child) => (typeof child === 'object' && child !== null ? fieldsOf(child) : [])),
  ];
}

describe('the reference', () => {
  test('is what the schemas say now', () => {
    if (process.env.UPDATE_GOLDEN) {
      mkdirSync(FOLDER, { recursive: true });
      for (const [file, page] of pages) writeFileSync(join(FOLDER, file), page);
    }
    expect(readdirSync(FOLDER).sort()).toEqual([...pages.keys()].sort());
    for (const [file, page] of pages) expect(readFileSync(join(FOLDER, file), 'utf8')).toBe(page);
  });

  test.each(kinds.map((kind) => [kind.kind, kind] as const))('tells every field of %s', (_, kind) => {
    const fields = new Set(fieldsOf(kind.schema as object));
    const page = referencePage(kind);
    expect([...fields].filter((field) => !page.includes(`\`${field}\``))).toEqual([]);
    expect(fields.size).toBeGreaterThan(0);
  });
});
