/** Plugins on the command line: only what the operator has named is loaded. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadPlugins } from '../../apps/plugins';
import { malha } from './captured-io';

const MALHA = JSON.stringify(join(__dirname, '../../constructs/plugin/index.ts'));
const folder = mkdtempSync(join(tmpdir(), 'malha-plugins-'));
const manifest = join(folder, 'manifest.yaml');
const timeouts = join(folder, 'node_modules/timeouts/index.js');

function install(name: string, text: string): void {
  mkdirSync(join(folder, 'node_modules', name), { recursive: true });
  writeFileSync(join(folder, 'node_modules', name, 'index.js'), text);
}

beforeAll(() => {
  writeFileSync(
    manifest,
    `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews, namespace: shop }
spec:
  hosts: [reviews.example]
  http:
  - route: [{ destination: { host: reviews.example } }]
`,
  );
  install(
    'timeouts',
    `module.exports = require(${MALHA}).definePlugin({
  name: 'timeouts', apiVersion: 'v1', capabilities: { rules: { kinds: ['VirtualService'] } },
  rules: [{ name: 'needed', check: ({ spec }) => spec.http[0].timeout ? [] : [{ message: 'no timeout', path: 'spec.http[0]' }] }],
});`,
  );
  install('other-name', `module.exports = require(${MALHA}).definePlugin({ ...require('timeouts') });`);
  install('broken', `throw new Error('it does not start');`);
  install('nothing', `module.exports = { name: 'nothing' };`);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('malha', () => {
  test.each(['analyze', 'validate'])('%s judges by the rules of a plugin, and finds the line', async (command) => {
    const without = await malha([command, manifest, '-o', 'json']);
    expect(without.stdout).not.toContain('MAL0060');
    const { code, stdout } = await malha([command, manifest, '--plugin', timeouts, '-o', 'json']);
    expect(code).toBe(1);
    const { findings } = JSON.parse(stdout);
    expect(findings).toContainEqual(
      expect.objectContaining({ code: 'MAL0060', analyzer: 'plugin.timeouts/needed', message: 'no timeout', line: 7 }),
    );
  });

  test('plugin show tells what a plugin is able to do', async () => {
    const { stdout } = await malha(['plugin', 'show', timeouts]);
    expect(JSON.parse(stdout)).toEqual({
      name: 'timeouts',
      apiVersion: 'v1',
      capabilities: { rules: { kinds: ['VirtualService'] } },
    });
  });

  test('plugin new writes a package of that name, and nothing over what is there', async () => {
    const target = join(folder, 'my-plugin');
    expect((await malha(['plugin', 'new', target])).code).toBe(0);
    expect(JSON.parse(readFileSync(join(target, 'package.json'), 'utf8')).name).toBe('my-plugin');
    expect(readFileSync(join(target, 'index.js'), 'utf8')).toContain("name: 'my-plugin'");
    const again = await malha(['plugin', 'new', target]);
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('is not empty')]);
    expect((await malha(['plugin', 'new', join(folder, 'My Plugin')])).stderr).toContain(
      'cannot be the name of a package',
    );
  });

  test('authorizer does not start without a check to decide by', async () => {
    expect((await malha(['authorizer'])).stderr).toContain('--plugin');
    const { code, stderr } = await malha(['authorizer', '--plugin', timeouts]);
    expect([code, stderr]).toEqual([2, expect.stringContaining('none of the plugins has checks')]);
  });
});

describe('a plugin that is named', () => {
  test('is the one that Node finds from the folder', () => {
    expect(loadPlugins(['timeouts'], folder).map(({ name }) => name)).toEqual(['timeouts']);
  });

  test.each([
    ['missing', 'plugin missing is not installed in'],
    ['broken', 'plugin broken cannot be loaded: it does not start'],
    ['nothing', 'nothing exports no plugin'],
    ['other-name', 'the package other-name exports a plugin named timeouts'],
  ])('%s is refused with a reason', (name, complaint) => {
    expect(() => loadPlugins([name], folder)).toThrow(complaint);
  });

  test('twice is refused', () => {
    expect(() => loadPlugins(['timeouts', 'timeouts'], folder)).toThrow('named twice');
  });
});
