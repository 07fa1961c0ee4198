/** A folder per run for logs and generated files. Those of runs that were killed are removed by the next one. */
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'malha-run-';
const NAME = /^malha-run-(\d+)-/;

export async function createRunDirectory(): Promise<string> {
  await removeStale();
  const directory = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
  // Envoy runs as another user and has to reach what is in here.
  await chmod(directory, 0o755);
  return directory;
}

async function removeStale(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = NAME.exec(name)?.[1];
    if (pid && !isAlive(Number(pid))) {
      // Another user's folder stays: not ours to remove.
      await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => {});
    }
  }
}

/** Is there a process with this id? One of another user counts. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
