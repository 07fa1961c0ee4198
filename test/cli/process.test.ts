/** The built program as a process: what only a process can show. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const MAIN = join(__dirname, '../../dist/apps/cli/main.js');
const malha = (args: string[], env: NodeJS.ProcessEnv = process.env) =>
  promisify(execFile)(process.execPath, [MAIN, ...args], { env }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );

describe('the program malha', () => {
  beforeAll(() => {
    if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: run npm run build`);
  });

  test('prints its version', async () => {
    expect(await malha(['--version'])).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      stderr: '',
    });
  });

  test('ends with 2 and one line on standard error when it is used wrongly', async () => {
    const { code, stdout, stderr } = await malha(['validate', '/nowhere']);
    expect({ code, stdout, stderr }).toEqual({
      code: 2,
      stdout: '',
      stderr: 'malha: /nowhere: no such file or folder\n',
    });
  });

  test('shows where an error comes from when MALHA_DEBUG asks', async () => {
    const { stderr } = await malha(['validate', '/nowhere'], { ...process.env, MALHA_DEBUG: '1' });
    expect(stderr).toMatch(/^malha: Error: ENOENT: [\s\S]*\n {4}at /);
  });

  test('reads standard input', async () => {
    const child = spawn(process.execPath, [MAIN, 'inject', '-f', '-']);
    child.stdin.end('a: 1   # stays\n');
    const [out] = await Promise.all([read(child.stdout), once(child, 'close')]);
    expect(out).toBe('a: 1   # stays\n');
  });

  test('does not complain when its reader stops reading', async () => {
    const child = spawn('sh', ['-c', `"${process.execPath}" "${MAIN}" --help | head -1`]);
    const [out, errors] = await Promise.all([read(child.stdout), read(child.stderr)]);
    expect(out).toBe('Usage: malha [options] [command]\n');
    expect(errors).toBe('');
  });

  test('ends in peace when the system asks a control plane to', async () => {
    const args = ['control-plane', '--files', __dirname, '--xds', '127.0.0.1:0', '--http', '127.0.0.1:0'];
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    const [code] = await once(child, 'close');
    expect(code).toBe(0);
  });
});

async function read(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += chunk;
  return text;
}
