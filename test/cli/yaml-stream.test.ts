import fc from 'fast-check';
import { parseAllDocuments, stringify } from 'yaml';
import { editStream, readStream } from '../../apps/cli/yaml-stream';

type Obj = Record<string, unknown>;

/** Adds a label deep inside, as injection does. */
const addLabel = (value: unknown): unknown => {
  const object = value as { metadata?: { labels?: Obj } };
  return { ...object, metadata: { ...object.metadata, labels: { ...object.metadata?.labels, added: 'yes' } } };
};

const STREAM = `# about the file
---
# about a
a: 1   # odd   spacing
b: {c:   2}
---
# about the pod
kind: Pod   # changed
metadata:
  name: x   # a name
  labels:
    # before the label
    app: 'x'
    # after the label
# before spec
spec: {containers: [{name: a}]}
# at the end
---
  indented: yes
...
---
last: |
  text
`;

const editPod = (value: unknown) => ((value as Obj | null)?.kind === 'Pod' ? addLabel(value) : value);

describe('editing a YAML stream', () => {
  test('keeps documents that do not change byte for byte', () => {
    const edited = editStream(STREAM, 'f', editPod);
    const [before, after] = [STREAM, edited].map((text) => text.split('---\n'));
    expect(after).toHaveLength(before!.length);
    for (const i of [0, 1, 3, 4]) expect(after![i]).toBe(before![i]);
  });

  test('keeps the comments of the document that changes', () => {
    const [, , pod] = editStream(STREAM, 'f', editPod).split('---\n');
    const comments = (text?: string) => text?.match(/#.*/g);
    expect(comments(pod)).toEqual(comments(STREAM.split('---\n')[2]));
    expect(pod).toMatch(/^# about the pod\nkind: Pod # changed\nmetadata:\n {2}name: x # a name\n/);
    expect(pod).toMatch(/\n# at the end\n$/);
  });

  test.each([
    ['without an end of line', 'kind: Pod'],
    ['with Windows line ends', 'kind: Pod\r\nmetadata:\r\n  name: a\r\n---\r\na: 1\r\n'],
    ['indented as a whole', '---\n  kind: Pod\n  metadata:\n    name: a\n  text: |\n    one\n\n    two\n---\na: 1\n'],
    ['on the line of its marker', '--- {kind: Pod, metadata: {name: a}}\n---\na: 1\n'],
    ['with a byte-order mark', '\uFEFFkind: Pod\n---\na: 1\n'],
    ['as JSON', '{"kind":"Pod","metadata":{"name":"a","labels":{"x":"1"}}}\n'],
    ['that ends in a block text', 'kind: Pod\ntext: |\n  one\n---\na: 1\n'],
    ['that ends in a kept block text', 'kind: Pod\ntext: |+\n  one\n\n---\na: 1\n'],
    ['with directives', '%YAML 1.2\n---\nkind: Pod\n...\n# after\n---\na: 1\n'],
    ['with aliases', 'kind: Pod\nx: &l {app: a}\nmetadata: {labels: *l}\n---\na: 1\n'],
    ['with merge keys', 'base: &b {labels: {app: a}}\nkind: Pod\nmetadata:\n  <<: *b\n  name: x\n---\na: 1\n'],
    ['among empty documents', '---\n---\nkind: Pod\n---\n# nothing\n'],
  ])('gives a document %s the value asked for', (_, text) => {
    const values = (yaml: string) => parseAllDocuments(yaml, { merge: true }).map((document) => document.toJS());
    const edited = editStream(text, 'f', editPod);
    expect(edited).not.toBe(text);
    expect(values(edited)).toEqual(values(text).map(editPod));
  });

  test('without an edit gives the same bytes, whatever they are', () => {
    const line = fc.constantFrom(
      '---',
      'a: 1',
      '  b: 2',
      '# c',
      '- x',
      '',
      '...',
      'k: |',
      '    text',
      '"q": [1, 2]',
      'z: {a: b}',
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), fc.constantFrom('\n', '\r\n'), (lines, end) => {
        const text = lines.join(end);
        try {
          readStream(text, 'f');
        } catch {
          return;
        }
        expect(editStream(text, 'f', (value) => value)).toBe(text);
      }),
    );
  });

  test('gives any value asked for, and no other document changes', () => {
    const word = fc.stringMatching(/^[a-z]{1,6}$/);
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.string(),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        tie('map'),
        tie('list'),
      ),
      map: fc.dictionary(word, tie('value'), { maxKeys: 4 }),
      list: fc.array(tie('value'), { maxLength: 4 }),
    }));
    const map = fc.dictionary(word, value, { maxKeys: 5, minKeys: 1 });
    fc.assert(
      fc.property(map, map, map, fc.constantFrom(0, 2), (first, before, after, indentSeq) => {
        const text = `---\n${stringify(first)}---\n# here\n${stringify(before, { indentSeq: indentSeq > 0 })}`;
        let n = 0;
        const edited = editStream(text, 'f', (old) => (n++ === 1 ? after : old));
        expect(readStream(edited, 'f')).toEqual([first, after]);
        expect(edited.startsWith(`---\n${stringify(first)}---\n# here\n`)).toBe(true);
      }),
    );
  });

  test('says where a stream does not parse', () => {
    expect(() => readStream('a: 1\n---\nb: [1\n', 'shop.yaml')).toThrow(/^shop\.yaml:4:1: not YAML: /);
    expect(() => readStream('a: 1\na: 2\n', 'shop.yaml')).toThrow(/^shop\.yaml:2:1: not YAML: map keys must be unique/);
  });

  test('refuses a bomb of aliases', () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]'];
    for (let i = 1; i < 9; i++)
      bomb.push(
        `${'abcdefghi'[i]}: &${'abcdefghi'[i]} [${Array(9)
          .fill(`*${'abcdefghi'[i - 1]}`)
          .join(',')}]`,
      );
    expect(() => readStream(bomb.join('\n'), 'bomb.yaml')).toThrow(/alias/);
  });
});
