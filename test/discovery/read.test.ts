import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { originOf } from '../../lib/api/origin';
import { readFiles, readObjects } from '../../lib/discovery/files';

const NAMED = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\n';
const configMap = (name: string, rest = '') => NAMED.replace('NAME', name) + rest;

const read = (text: string) => {
  const { objects, findings } = readObjects(text, 'shop.yaml');
  return {
    names: objects.map((object) => object.metadata.name),
    findings: findings.map(({ code, line, message }) => `${code} ${line}: ${message}`),
    objects,
  };
};

describe('a text', () => {
  it('of several documents becomes objects that know their lines', () => {
    const { objects, names } = read(`# a comment\n---\n${configMap('a')}---\n\n${configMap('b')}`);
    expect(names).toEqual(['a', 'b']);
    expect(objects.map((object) => originOf(object)?.line)).toEqual([3, 8]);
    expect(originOf(objects[0]!)?.file).toBe('shop.yaml');
  });

  it('tells the line of a field, or of its nearest parent', () => {
    const text = `---\n${configMap('a', 'spec:\n  http:\n  - route:\n    - weight: 5\n      "a.b": 1\n')}`;
    const lineOf = originOf(read(text).objects[0]!)!.lineOf!;
    expect(lineOf('spec.http[0].route[0].weight')).toBe(8);
    expect(lineOf('spec.http[0].route[0]["a.b"]')).toBe(9);
    expect(lineOf('spec.http[0].route[0].nothing.here')).toBe(8);
    expect(lineOf('metadata.name')).toBe(4);
  });

  it('of a list becomes its items, each with its line', () => {
    const { names, objects } = read(
      'apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: A\n  metadata: {name: a}\n- apiVersion: v1\n  kind: B\n  metadata:\n    name: b\n',
    );
    expect(names).toEqual(['a', 'b']);
    expect(objects.map((object) => originOf(object)?.line)).toEqual([4, 7]);
    expect(originOf(objects[1]!)?.lineOf?.('metadata.name')).toBe(10);
  });

  it('in JSON is read as well, tabs included', () => {
    expect(read('{\n\t"apiVersion": "v1", "kind": "A",\n\t"metadata": {"name": "x"}\n}').names).toEqual(['x']);
  });

  it('with merge keys and a few aliases is read as Kubernetes reads it', () => {
    const { objects } = read(configMap('a', 'data: &d {x: "1"}\nmore:\n  <<: *d\n  y: "2"\n'));
    expect(objects[0]).toMatchObject({ more: { x: '1', y: '2' } });
  });

  it('with null in place of a field is an object without that field', () => {
    const { objects } = read(configMap('a', 'data:\nlist: [null, 1]\n'));
    expect(objects[0]).not.toHaveProperty('data');
    expect(objects[0]).toMatchObject({ list: [null, 1] });
  });

  it('with an address that ends in colons, in a list in brackets, means that address', () => {
    expect(read(configMap('a', 'list: [::1, 2001:db8::, {x: }]\n')).objects[0]).toMatchObject({
      list: ['::1', '2001:db8::', {}],
    });
  });
});

describe('definitions of kinds', () => {
  const definition = 'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: a.b.c\n';
  const service = 'apiVersion: v1\nkind: Service\nmetadata:\n  name: reviews\n';
  const kinds = (text: string, options?: { definitions: boolean }) =>
    readObjects(text, 'mesh.yaml', options).objects.map(({ kind }) => kind);

  test('are read like anything else, unless the reader has no use for them', () => {
    const text = `${definition}---\n${service}`;
    expect(kinds(text)).toEqual(['CustomResourceDefinition', 'Service']);
    expect(kinds(text, { definitions: false })).toEqual(['Service']);
  });

  test('that are left out do not move the lines of what follows', () => {
    const [object] = readObjects(`${definition}---\n${service}`, 'mesh.yaml', { definitions: false }).objects;
    expect(originOf(object!)).toMatchObject({ file: 'mesh.yaml', line: 6 });
  });
});

describe('a text that was read before', () => {
  test('is read again only where it has changed, and gives what a fresh reading gives', () => {
    const known = new Map();
    const first = readObjects(`${configMap('a')}---\n${configMap('b')}`, 'shop.yaml', { known }).objects;
    const edited = `${configMap('a')}---\n${configMap('c')}`;
    const second = readObjects(edited, 'shop.yaml', { known }).objects;
    expect(second[0]).toBe(first[0]);
    expect(second).toEqual(readObjects(edited, 'shop.yaml').objects);
  });

  test('tells the new lines of what has moved', () => {
    const known = new Map();
    readObjects(`${configMap('a')}---\n${configMap('b')}`, 'shop.yaml', { known });
    const [, moved] = readObjects(`# why\n${configMap('a')}---\n${configMap('b')}`, 'shop.yaml', { known }).objects;
    expect(originOf(moved!)).toMatchObject({ line: 6 });
  });

  test('keeps no parts that are gone', () => {
    const known = new Map();
    readObjects(`${configMap('a')}---\n${configMap('b')}`, 'shop.yaml', { known });
    readObjects(configMap('a'), 'shop.yaml', { known });
    expect(known.size).toBe(1);
  });
});

describe('a text that is wrong', () => {
  it.each([
    [
      'a document that does not parse',
      'a: [',
      'MAL0011 5: flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
    ['a key that stands twice', 'a: 1\nb: 2\na: 3', 'MAL0012 7: the key "a" stands twice in one mapping'],
    ['a key that would change prototypes', 'a: {__proto__: {b: 1}}', 'MAL0014 5: the key "__proto__" is not allowed'],
    ['an alias without its anchor', 'a: *b', 'MAL0011 5: the alias *b has no anchor before it'],
    [
      'a value that holds itself',
      'a: &a [*a]',
      'MAL0013 5: the document stands for more than 500,000 values, as aliases multiply',
    ],
    ['no mapping', '- a', 'MAL0014 5: not a Kubernetes object: expected a mapping, got a list'],
    ['no kind', 'apiVersion: v1', 'MAL0014 5: not a Kubernetes object: kind is missing or not a string'],
    [
      'no name',
      'apiVersion: v1\nkind: A\nmetadata: {}',
      'MAL0014 5: not a Kubernetes object: metadata.name of the A is missing or not a string',
    ],
  ])('by %s costs that document only', (_what, text, finding) => {
    const { names, findings } = read(`${configMap('a')}---\n${text}\n---\n${configMap('b')}`);
    expect(names).toEqual(['a', 'b']);
    expect(findings).toEqual([finding]);
  });

  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefghi'].map((letter, index) => `${letter}: &${letter} [${Array(9).fill(`*${'abcdefgh'[index]}`).join(',')}]`).join('\n')}`;

  it.each([
    ['a bomb of aliases', bomb],
    ['more aliases than anyone needs', `a: &a 1\nb:\n${'- *a\n'.repeat(5_000)}`],
    ['endless brackets', '['.repeat(20_000)],
    ['endless nesting', Array.from({ length: 1_000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
  ])('by %s is refused in short time', (_what, text) => {
    const start = process.hrtime.bigint();
    expect(read(text).findings).toEqual([expect.stringMatching(/^MAL0013 /)]);
    expect(Number(process.hrtime.bigint() - start) / 1e9).toBeLessThan(5);
  });

  it('in whatever way gives findings with lines, never a crash', () => {
    const piece = fc.constantFrom(
      'a:',
      ' ',
      '\n',
      '- ',
      '[',
      ']',
      '{',
      '}',
      '&a ',
      '*a',
      '<<: ',
      '---\n',
      '"',
      "'",
      '|',
      '>',
      '!!x ',
      '%',
      '\t',
      '#',
      ': ',
      '__proto__',
      '\0',
      'é',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        for (const finding of readObjects(pieces.join(''), 'x').findings) {
          expect(finding.line).toBeGreaterThan(0);
        }
        expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('files', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'malha-read-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);

  it('of a folder are read in the order of their names, with what is below', () => {
    mkdirSync(join(folder, 'b'));
    write('c.yml', configMap('c'));
    write('b/b.yaml', configMap('b'));
    write('a.json', JSON.stringify({ apiVersion: 'v1', kind: 'A', metadata: { name: 'a' } }));
    write('.hidden.yaml', 'a: [');
    write('notes.txt', 'a: [');
    const { objects, findings } = readFiles([folder]);
    expect(objects.map((object) => object.metadata.name)).toEqual(['a', 'b', 'c']);
    expect(findings).toEqual([]);
  });

  it('that link in a circle end', () => {
    write('a.yaml', configMap('a'));
    symlinkSync(folder, join(folder, 'again'));
    symlinkSync(join(folder, 'nowhere'), join(folder, 'lost.yaml'));
    const { objects, findings } = readFiles([folder]);
    expect(objects).toHaveLength(1);
    expect(findings).toEqual([
      expect.objectContaining({ code: 'MAL0017', message: 'cannot be read: no such file or folder' }),
    ]);
  });

  it('that are not there are findings', () => {
    expect(readFiles([join(folder, 'none.yaml')]).findings).toEqual([
      expect.objectContaining({ code: 'MAL0017', level: 'error', resource: join(folder, 'none.yaml') }),
    ]);
  });

  it('that hold an object twice count with the last one, and say so', () => {
    write('a.yaml', configMap('x', 'data: {from: a}\n'));
    write('b.yaml', configMap('x', 'data: {from: b}\n'));
    const { objects, findings } = readFiles([folder]);
    expect(objects).toEqual([expect.objectContaining({ data: { from: 'b' } })]);
    expect(findings).toEqual([
      expect.objectContaining({ code: 'MAL0015', level: 'info', file: join(folder, 'a.yaml') }),
    ]);
  });
});
