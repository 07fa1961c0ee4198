import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { malha } from './captured-io';

/** That a whole mesh comes up is shown by test/local; here is what the command says when it cannot. */
describe('malha up', () => {
  const folder = mkdtempSync(join(tmpdir(), 'malha-up-'));

  test.each([
    ['a folder that is not there', [join(folder, 'none')], 'no such file or folder'],
    ['a folder without objects', [folder], 'there are no objects'],
    ['a port that is none', [folder, '--port', '70000'], 'a port is wanted, 0 to 65535'],
    [
      'a way of capture that is none',
      [folder, '--capture', 'magic'],
      'Allowed choices are auto, transparent, explicit.',
    ],
  ])('refuses %s with one line', async (_, args, message) => {
    const { code, stdout, stderr } = await malha(['up', ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^malha: /);
  });

  test('names file and line of what does not parse', async () => {
    const broken = mkdtempSync(join(tmpdir(), 'malha-up-'));
    writeFileSync(join(broken, 'a.yaml'), 'apiVersion: v1\nkind: [\n');
    const { code, stderr } = await malha(['up', broken]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^malha: .*a\.yaml:\d+: /);
  });
});
