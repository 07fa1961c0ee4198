import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LocalProcess } from '../../lib/local/process';

describe('a process of a pod', () => {
  let folder: string;
  let deaths: string[];
  const running: LocalProcess[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'malha-process-'));
    deaths = [];
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((each) => each.stop()));
    rmSync(folder, { recursive: true });
  });

  function start(...command: string[]): LocalProcess {
    const each = new LocalProcess({
      title: 'app of cart.shop',
      command,
      env: process.env,
      cwd: '/',
      logFile: join(folder, 'log'),
      onDeath: (message) => deaths.push(message),
    });
    running.push(each);
    each.start();
    return each;
  }

  test('is started again after it was killed, as the kubelet would do', async () => {
    const app = start('sleep', '60');
    const first = app.pid;
    app.kill('SIGKILL');
    await until(() => app.restarts === 1 && app.pid !== undefined);
    expect(app.pid).not.toBe(first);
    expect(deaths).toEqual([
      `app of cart.shop was ended by SIGKILL; it starts again in 500 ms (log: ${join(folder, 'log')})`,
    ]);
  });

  test('keeps what it said in a log, over restarts', async () => {
    const app = start('sh', '-c', 'echo one; echo two >&2; exit 3');
    await until(() => app.restarts === 1 && deaths.length === 2);
    expect(app.lastDeath).toBe('ended with exit code 3');
    expect(app.tail(2)).toBe('one\ntwo');
    expect(readFileSync(join(folder, 'log'), 'utf8')).toBe('one\ntwo\none\ntwo\n');
  });

  test('says when it cannot be started at all', async () => {
    const app = start('/no/such/program');
    await until(() => deaths.length === 1);
    expect(app.lastDeath).toBe('could not be started: spawn /no/such/program ENOENT');
  });

  test('is ended for good by stop, even when it does not listen', async () => {
    const app = start('sh', '-c', 'trap "" TERM; echo deaf; while :; do sleep 0.1; done');
    await until(() => app.tail(1) === 'deaf');
    const { pid } = app;
    await app.stop();
    expect(() => process.kill(pid!, 0)).toThrow('ESRCH');
    expect(deaths).toEqual([]);
  }, 10_000);
});

async function until(check: () => boolean): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!check()) {
    if (Date.now() > deadline) throw new Error(`not so within 5 s: ${check}`);
    await sleep(20);
  }
}
