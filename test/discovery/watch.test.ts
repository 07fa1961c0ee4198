import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FileWatch, type ReadFiles, watchFiles } from '../../lib/discovery/files';

const configMap = (name: string, value: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {value: "${value}"}\n`;

const valuesOf = (read: ReadFiles) =>
  Object.fromEntries(read.objects.map((object) => [object.metadata.name, (object['data'] as { value: string }).value]));

describe('a watched folder', () => {
  let folder: string;
  let watch: FileWatch;
  let told: ReadFiles[];
  let wake: () => void = () => undefined;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'malha-watch-'));
    write('a.yaml', configMap('a', '1'));
    write('b.yaml', configMap('b', '1'));
    told = [];
    watch = await watchFiles(folder, (read) => {
      told.push(read);
      wake();
    });
  });

  afterEach(async () => {
    await watch.close();
    rmSync(folder, { recursive: true });
  });

  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);

  /** Resolves when what was told last satisfies `condition`. */
  const until = (condition: (read: ReadFiles) => boolean) =>
    new Promise<ReadFiles>((resolve) => {
      wake = () => {
        const last = told.at(-1);
        if (last && condition(last)) {
          resolve(last);
        }
      };
      wake();
    });

  it('is read before changes are waited for', () => {
    expect(told).toHaveLength(1);
    expect(valuesOf(told[0]!)).toEqual({ a: '1', b: '1' });
    expect(watch.current()).toBe(told[0]);
  });

  it('never takes a file for empty while another program writes it again and again', async () => {
    const text = [...'acdefghi'].map((name) => configMap(name, '2')).join('---\n');
    const script = `const { writeFileSync } = require('node:fs');
      for (let i = 0; i < 6000; i++) {
        writeFileSync(process.argv[1], process.argv[2] + '#'.repeat(i % 50));
        for (const start = performance.now(); performance.now() < start + 0.3; );
      }`;
    write('a.yaml', text);
    await until((read) => read.objects.length === 9);
    const settled = told.length;

    const writer = spawn(process.execPath, ['-e', script, join(folder, 'a.yaml'), text]);
    await once(writer, 'exit');
    write('b.yaml', configMap('b', '3'));
    await until((read) => valuesOf(read)['b'] === '3');

    expect(told.slice(settled).map(({ objects }) => objects.length)).toEqual(told.slice(settled).map(() => 9));
  });

  it('tells of a change, and keeps the values of what did not change', async () => {
    const before = told[0]!.objects;
    write('a.yaml', `# moved down\n${configMap('a', '1')}---\n${configMap('c', '1')}`);
    write('b.yaml', configMap('b', '2'));
    const read = await until((now) => valuesOf(now)['b'] === '2' && valuesOf(now)['c'] === '1');
    expect(read.objects.find((object) => object.metadata.name === 'a')).toBe(before[0]);
  });

  it('keeps what a file held while the file does not parse, and says so', async () => {
    write('a.yaml', `${configMap('a', '2')}spec: [`);
    const broken = await until((now) => now.findings.length > 0);
    expect(valuesOf(broken)).toEqual({ a: '1', b: '1' });
    expect(broken.findings).toEqual([expect.objectContaining({ code: 'MAL0011', file: join(folder, 'a.yaml') })]);

    write('a.yaml', configMap('a', '3'));
    const mended = await until((now) => now.findings.length === 0);
    expect(valuesOf(mended)).toEqual({ a: '3', b: '1' });
  });

  it('forgets a file that is deleted', async () => {
    unlinkSync(join(folder, 'a.yaml'));
    expect(valuesOf(await until((now) => now.objects.length === 1))).toEqual({ b: '1' });
  });

  it('never misses an object while an editor replaces its file', async () => {
    for (let round = 2; round < 8; round++) {
      write('.a.yaml.swp', configMap('a', String(round)));
      renameSync(join(folder, 'a.yaml'), join(folder, '.a.yaml~'));
      renameSync(join(folder, '.a.yaml.swp'), join(folder, 'a.yaml'));
      await until((now) => valuesOf(now)['a'] === String(round));
    }
    expect(told.every((read) => read.objects.length === 2)).toBe(true);
  });

  it('does not take a file for empty while it is written anew', async () => {
    write('a.yaml', '');
    await new Promise((resolve) => setTimeout(resolve, 40));
    write('a.yaml', configMap('a', '2'));
    await until((now) => valuesOf(now)['a'] === '2');
    expect(told.every((read) => read.objects.length === 2)).toBe(true);

    write('a.yaml', '');
    expect(valuesOf(await until((now) => now.objects.length === 1))).toEqual({ b: '1' });
  });

  it('finds files in folders that are made later', async () => {
    mkdirSync(join(folder, 'more'));
    write('more/d.yaml', configMap('d', '1'));
    expect(valuesOf(await until((now) => now.objects.length === 3))).toMatchObject({ d: '1' });
  });
});
