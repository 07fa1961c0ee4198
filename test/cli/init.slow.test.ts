/** `malha init` in a network namespace of its own, as the init container runs it. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { malha } from './captured-io';

const MAIN = join(__dirname, '../../dist/apps/cli/main.js');
const run = promisify(execFile);

/** Runs a shell script in a namespace that is gone when it ends. */
const inNamespace = async (script: string) =>
  (
    await run('unshare', ['--net', 'sh', '-ec', script], {
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
    })
  ).stdout;

const INIT = `"${process.execPath}" "${MAIN}" init`;

describe('malha init', () => {
  beforeAll(async () => {
    if (process.getuid?.() !== 0) throw new Error('network namespaces need root: run this test as root');
    await run('sh', ['-c', 'PATH="$PATH:/usr/sbin" command -v iptables-restore']).catch(() => {
      throw new Error('iptables-restore is missing: run scripts/setup');
    });
  });

  test('writes the rules that it prints', async () => {
    const rules = await inNamespace(`${INIT} --force --exclude-outbound-ports 5432,6379; iptables-save -t nat`);
    const printed = (await malha(['init', '--dry-run', '--exclude-outbound-ports', '5432,6379'])).stdout;
    // iptables prints the same rules with its own words: compare how many there are in each chain.
    const chains = (text: string) =>
      text
        .split('\n')
        .filter((line) => line.startsWith('-A'))
        .map((line) => line.split(' ')[1])
        .sort();
    expect(chains(rules)).toEqual(chains(printed.split('*nat')[1]!));
    expect(rules).toContain('-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001');
    expect(rules).toContain('--dport 5432 -j RETURN');
  });

  test('run again, as a restarted container does, changes nothing', async () => {
    const once = await inNamespace(`${INIT} --force; iptables-save -t nat | grep ^-A`);
    const twice = await inNamespace(`${INIT} --force; ${INIT} --force; iptables-save -t nat | grep ^-A`);
    expect(twice).toBe(once);
  });

  test('in a pod needs no --force', async () => {
    expect(await inNamespace(`KUBERNETES_SERVICE_HOST=10.0.0.1 ${INIT}; iptables-save -t nat`)).toContain(
      'ISTIO_OUTPUT',
    );
  });

  test('outside of a pod changes nothing without --force', async () => {
    const { code, stderr } = await malha(['init']);
    expect(code).toBe(2);
    expect(stderr).toContain('this does not look like a pod');
  });

  test('takes the arguments of the init container', async () => {
    const args = ['--proxy-id', '1337', '--include-inbound-ports', '8080', '--exclude-outbound-ranges', '10.0.0.0/8'];
    const { code, stdout } = await malha(['init', '--dry-run', ...args]);
    expect(code).toBe(0);
    expect(stdout).toContain('--dport 8080 -j ISTIO_IN_REDIRECT');
    expect(stdout).toContain('-d 10.0.0.0/8 -j RETURN');
    const wrong = await malha(['init', '--dry-run', '--include-inbound-ports', '80,http']);
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("'http' is not a port") });
  });
});
