import { COMMANDS } from '../../apps/cli/commands';
import { malha } from './captured-io';

describe('malha', () => {
  test('without arguments says what it can do', async () => {
    const { code, stdout } = await malha([]);
    expect(code).toBe(0);
    for (const { name, summary } of COMMANDS) {
      expect(stdout).toMatch(new RegExp(`${name}\\b.*${summary.slice(0, 20).replace(/[()]/g, '.')}`));
    }
    expect(stdout).toContain(
      'Exit codes: 0 all is well; 1 something looked at is wrong; 2 the command could not do its work.',
    );
  });

  test('names an unknown command', async () => {
    expect(await malha(['frobnicate'])).toEqual({
      code: 2,
      stdout: '',
      stderr: "malha: unknown command 'frobnicate'; malha --help lists the commands\n",
    });
  });

  test.each([
    ['help', 'frobnicate'],
    ['frobnicate', '--help'],
  ])('gives no help for an unknown command: %s %s', async (...args) => {
    expect(await malha(args)).toEqual({
      code: 2,
      stdout: '',
      stderr: "malha: unknown command 'frobnicate'; malha --help lists the commands\n",
    });
    expect(await malha(['help'])).toEqual(await malha(['--help']));
  });

  test('names the command that was probably meant', async () => {
    expect((await malha(['validat'])).stderr).toBe(
      "malha: unknown command 'validat', did you mean validate? malha --help lists the commands\n",
    );
  });

  test('prints its version', async () => {
    expect((await malha(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const { stdout } = await malha(['version', '-o', 'json']);
    expect(JSON.parse(stdout)).toEqual({ malha: expect.any(String), envoy: '1.40.0', node: process.versions.node });
  });

  test('colours on a terminal, and not when NO_COLOR is set', async () => {
    const args = ['inject', '--help'];
    expect((await malha(args, { isTTY: false })).stdout).not.toContain('\u001b[');
    expect((await malha(args, { isTTY: true, env: { NO_COLOR: '1' } })).stdout).not.toContain('\u001b[');
  });
});

describe.each(COMMANDS.map(({ name }) => name))('malha %s', (name) => {
  test('--help gives its usage, options and examples', async () => {
    const { code, stdout } = await malha([name, '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: malha ${name}`);
    expect(stdout).toMatch(/Examples:\n {2}\$ /);
    expect((await malha(['help', name])).stdout).toBe(stdout);
  });

  test('answers an unknown option with one line and exit code 2', async () => {
    const required: Record<string, string[]> = {
      'control-plane': ['--files', '.'],
      'proxy-config': ['--proxy', 'a.b'],
      explain: ['--from', 'a.b', '--to', 'a.b'],
      inject: ['-f', '-'],
      'workload-entry': ['--group', 'a.b', '--address', '192.0.2.1'],
    };
    const { code, stdout, stderr } = await malha([name, ...(required[name] ?? []), '--frobnicate']);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^malha: unknown option '--frobnicate'\n/);
  });
});
