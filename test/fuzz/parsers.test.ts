/**
 * THREATS 37. The corpus is replayed always; from it, and from nothing, new inputs are made: `FUZZ_RUNS=100000` makes more of
 * them. What was a fault is kept: its bytes are in the message, in base64, and become a file of the corpus.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { parsers } from './parsers';

const RUNS = Number(process.env.FUZZ_RUNS ?? 200);
const CORPUS = join(__dirname, 'corpus');

const inputsOf = (parser: string) =>
  readdirSync(join(CORPUS, parser)).map((name) => ({ name, bytes: readFileSync(join(CORPUS, parser, name)) }));

/** What means something to one parser or another. */
const TOKENS = [
  ...[
    '"',
    "'",
    '{',
    '}',
    '[',
    ']',
    ':',
    ',',
    '.',
    '..',
    '/',
    '//',
    '~',
    '*',
    '%00',
    '\0',
    '\n',
    ' ',
    '-',
    '=',
    '!',
    '&a ',
    '*a',
  ],
  ...[
    'null',
    'true',
    '-1',
    '1e400',
    '1e300',
    '{}',
    '[]',
    '""',
    '{"toString":1}',
    '__proto__',
    'constructor',
    'é',
    '\ufeff',
    '---\n',
  ],
  ...['spec', 'metadata', 'name', '\xff', '\x80', '0x', '65536', '::1', '/33', 'ns', 'µ'],
].map((text) => Buffer.from(text));

interface Edit {
  readonly at: number;
  readonly cut: number;
  readonly put: Uint8Array;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat(),
  cut: fc.oneof({ weight: 4, arbitrary: fc.nat(2) }, fc.nat(40)),
  put: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...TOKENS) },
    fc.uint8Array({ maxLength: 3 }),
    fc.constant(Buffer.alloc(0)),
  ),
});

function edited(bytes: Buffer, edits: readonly Edit[]): Buffer {
  return edits.reduce((before, { at, cut, put }) => {
    const start = at % (before.length + 1);
    return Buffer.concat([before.subarray(0, start), put, before.subarray(start + cut)]);
  }, bytes);
}

/** One input of the corpus, or two of them joined, or noise, with a few edits. */
function inputFor(parser: string): fc.Arbitrary<Buffer> {
  const known = fc.constantFrom(...inputsOf(parser).map(({ bytes }) => bytes));
  const spliced = fc
    .tuple(known, known, fc.nat(), fc.nat())
    .map(([a, b, i, j]) => Buffer.concat([a.subarray(0, i % (a.length + 1)), b.subarray(j % (b.length + 1))]));
  const noise = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
  const start = fc.oneof({ weight: 6, arbitrary: known }, spliced, noise);
  return fc.tuple(start, fc.array(edit, { maxLength: 4 })).map(([bytes, edits]) => edited(bytes, edits));
}

test('each parser has inputs, and each input a parser', () => {
  expect(readdirSync(CORPUS).sort()).toEqual(Object.keys(parsers).sort());
});

describe.each(Object.entries(parsers))('what is read as %s', (name, parse) => {
  test.each(inputsOf(name))('fails in no other way than it says, given $name', async ({ bytes }) => {
    await expect((async () => parse(bytes))()).resolves.not.toThrow();
  });

  test('fails in no other way than it says, whatever the bytes', async () => {
    const check = fc.asyncProperty(inputFor(name), async (bytes) => {
      try {
        await parse(bytes);
      } catch (error) {
        throw new Error(`${bytes.toString('base64')}: ${(error as Error).stack}`);
      }
    });
    await expect(fc.assert(check, { numRuns: RUNS })).resolves.toBeUndefined();
  }, 600_000);
});
