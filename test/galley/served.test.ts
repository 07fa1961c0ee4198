/**
 * Whoever writes a field that nothing reads is told so (MAL0001). Which fields are read is seen from the names that the
 * sources of the readers mention: a name that none of them has is certainly not served.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TSchema } from '@sinclair/typebox';
import { kinds } from '../../lib/api';
import { MeshConfig } from '../../lib/api/mesh/mesh-config';

type Schema = TSchema & {
  served?: boolean;
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: Schema | boolean;
};

/** Rooms that make something of objects for proxies, or run by the mesh configuration. */
const READERS = ['lib/pilot', 'lib/world', 'lib/injector', 'lib/citadel', 'lib/xds', 'lib/discovery', 'apps'];

const mentioned = new Set(
  READERS.flatMap((room) =>
    readdirSync(join(__dirname, '../..', room), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .flatMap(
        (name) => readFileSync(join(__dirname, '../..', room, name), 'utf8').match(/[A-Za-z_][A-Za-z0-9_]*/g) ?? [],
      ),
  ),
);

/** The places of fields that are not marked and whose name nobody mentions. */
function unread(schema: Schema, path: string, open: ReadonlySet<Schema> = new Set()): string[] {
  if (schema.served === false || open.has(schema)) return [];
  const within = new Set([...open, schema]);
  const fields = Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    if (field.served === false) return [];
    return mentioned.has(name) ? unread(field, `${path}.${name}`, within) : [`${path}.${name}`];
  });
  const items = schema.items ? unread(schema.items, `${path}[]`, within) : [];
  const values =
    typeof schema.additionalProperties === 'object' ? unread(schema.additionalProperties, `${path}.*`, within) : [];
  return [...fields, ...items, ...values];
}

describe('a field that no reader mentions', () => {
  it.each([
    // The rest are reported as a whole.
    ...kinds.filter(({ served }) => served).map(({ kind, schema }) => [kind, schema as Schema] as const),
    ['MeshConfig', MeshConfig as Schema] as const,
  ])('of %s is marked as not served', (kind, schema) => {
    expect(unread(schema, kind)).toEqual([]);
  });
});
