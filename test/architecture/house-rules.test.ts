/** The house rules of CONTRIBUTING.md that a machine can check. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { filesBelow, ROOT, sources } from './sources';

const LONGEST_FILE = 600;
/** Names that say nothing about what is inside. Envoy's own noun for its HTTP filter is no such name. */
const EMPTY_NAME = /(^|[-.])(utils?|helpers?|common|misc|manager)([-.]|$)/;
const FIELD_TERMS = /http-connection-manager/;

const production = [...sources('lib'), ...sources('constructs'), ...sources('apps')];
const tests = sources('test');
const all = [...production, ...tests];

describe('a source file', () => {
  test(`has at most ${LONGEST_FILE} lines`, () => {
    const long = all.map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }));
    expect(long.filter(({ lines }) => lines > LONGEST_FILE)).toEqual([]);
  });

  test('and its folders are named for what they hold', () => {
    const empty = ['lib', 'constructs', 'apps', 'test', 'scripts']
      .flatMap(filesBelow)
      // Protos lie where their protocols have them.
      .filter((path) => !path.startsWith('lib/envoy/protos/'))
      .filter((path) => path.split('/').some((part) => EMPTY_NAME.test(part.replace(FIELD_TERMS, ''))));
    expect(empty).toEqual([]);
  });

  test('leaves nothing for later', () => {
    // Spelt apart, so that this file does not find itself.
    const later = new RegExp(
      `\\b(${['TO', 'FIX', 'X'].map((start, i) => start + ['DO', 'ME', 'XX'][i]).join('|')})\\b|not implemented`,
      'i',
    );
    expect(production.filter(({ text }) => later.test(text)).map(({ path }) => path)).toEqual([]);
  });

  test('of the mesh compiles no regular expression at run time, because its text could be a user’s', () => {
    const compiling = production.filter(({ text }) => /new RegExp\(|[^.\w]RegExp\(/.test(text));
    expect(compiling.map(({ path }) => path)).toEqual([]);
  });
});

describe('a room of lib/', () => {
  /** Whether the file opens with a comment that tells a design: more than one line. */
  const opensWithDesign = (path: string) =>
    /^(#!.*\n)?\/\*\*\n( \* .*\n| \*\n){2,}? \*\//.test(readFileSync(join(ROOT, path), 'utf8'));

  test('tells its design: in a README.md, or at the head of index.ts or of the file that has its name', () => {
    const rooms = new Set(sources('lib').map(({ path }) => path.split('/').slice(0, 2).join('/')));
    const silent = [...rooms].filter((folder) => {
      if (existsSync(join(ROOT, folder, 'README.md'))) return false;
      const heads = ['index.ts', `${basename(folder)}.ts`].map((name) => join(folder, name));
      return !heads.some((path) => existsSync(join(ROOT, path)) && opensWithDesign(path));
    });
    expect(silent).toEqual([]);
  });
});

describe('a test', () => {
  test('is neither skipped nor alone', () => {
    const word = ['skip', 'only', 'todo'].join('|');
    const skipping = new RegExp(`\\b(test|it|describe)\\.(${word})\\b|\\bx(test|it|describe)\\(`);
    expect(tests.filter(({ text }) => skipping.test(text)).map(({ path }) => path)).toEqual([]);
  });

  test('asserts something', () => {
    const silent = tests.filter(({ path, text }) => path.endsWith('.test.ts') && !/\bexpect\(|\bassert/.test(text));
    expect(silent.map(({ path }) => path)).toEqual([]);
  });
});

describe('the lock file', () => {
  test('lets npm ci run on every platform: it names the native packages of all of them', () => {
    const script = join(ROOT, 'scripts/complete-lock.js');
    const { status, stdout } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
    expect(stdout).toBe('0 platform packages are missing\n');
    expect(status).toBe(0);
  });
});
