import { customResourceDefinition, kinds, VirtualService } from '../../lib/api';

type Node = Record<string, unknown>;

function visit(node: Node, path: string, look: (node: Node, path: string) => void): void {
  look(node, path);
  for (const [name, child] of Object.entries((node['properties'] as Record<string, Node>) ?? {})) {
    visit(child, `${path}.${name}`, look);
  }
  for (const keyword of ['items', 'additionalProperties'] as const) {
    if (typeof node[keyword] === 'object') {
      visit(node[keyword] as Node, `${path}.${keyword}`, look);
    }
  }
}

interface Version {
  name: string;
  served: boolean;
  storage: boolean;
  subresources: object;
  schema: { openAPIV3Schema: Node };
}

function versionsOf(kind: (typeof kinds)[number]): Version[] {
  return (customResourceDefinition(kind).spec as { versions: Version[] }).versions;
}

describe.each(kinds.map((kind) => [kind.kind, kind] as const))('the definition of %s', (_name, kind) => {
  const versions = versionsOf(kind);

  it('serves all versions of the kind and stores one', () => {
    expect(versions.map((version) => version.name)).toEqual(kind.versions);
    expect(versions.every((version) => version.served)).toBe(true);
    expect(versions.filter((version) => version.storage).map((version) => version.name)).toEqual([kind.storedVersion]);
  });

  it('is structural: every node has a type, and nothing that an API server refuses', () => {
    visit(versions[0]!.schema.openAPIV3Schema, '', (node, path) => {
      expect({ path, type: typeof node['type'] }).toEqual({ path, type: 'string' });
      for (const forbidden of [
        '$ref',
        'definitions',
        'anyOf',
        'served',
        'unservedValues',
        'exclusive',
        'duration',
        'digits',
      ]) {
        expect({ path, has: forbidden in node, forbidden }).toEqual({ path, has: false, forbidden });
      }
      // Beside properties, an API server allows no additionalProperties; it prunes what it does not know.
      expect('properties' in node && 'additionalProperties' in node).toBe(false);
    });
  });

  it('keeps types out of value rules, as structural schemas demand', () => {
    visit(versions[0]!.schema.openAPIV3Schema, '', (node) => {
      expect(JSON.stringify([node['oneOf'] ?? [], node['allOf'] ?? []])).not.toMatch(
        /"(type|properties|description)":/,
      );
    });
  });

  it('describes every field', () => {
    visit(versions[0]!.schema.openAPIV3Schema, '', (node, path) => {
      const isPlainEntry = path.endsWith('.items') || path.endsWith('.additionalProperties');
      expect({ path, described: isPlainEntry || typeof node['description'] === 'string' }).toEqual({
        path,
        described: true,
      });
    });
  });

  it('is named as its plural and group', () => {
    expect(customResourceDefinition(kind).metadata.name).toBe(`${kind.plural}.${kind.group}`);
  });
});

describe('a definition', () => {
  it('lets at most one of some fields be set', () => {
    const spec = versionsOf(VirtualService)[0]!.schema.openAPIV3Schema['properties'] as Record<string, Node>;
    const http = (spec['spec']!['properties'] as Record<string, Node>)['http']!['items'] as Node;
    const match = ((http['properties'] as Record<string, Node>)['match']!['items'] as Node)['properties'] as Record<
      string,
      Node
    >;
    expect(match['uri']!['oneOf']).toEqual([
      { not: { anyOf: [{ required: ['exact'] }, { required: ['prefix'] }, { required: ['regex'] }] } },
      { required: ['exact'] },
      { required: ['prefix'] },
      { required: ['regex'] },
    ]);
  });

  it('is the same value each time, so that manifests do not change', () => {
    expect(JSON.stringify(kinds.map(customResourceDefinition))).toBe(
      JSON.stringify(kinds.map(customResourceDefinition)),
    );
  });
});
