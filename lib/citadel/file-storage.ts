/**
 * Keeps an authority in a folder that only its owner can read. All files change at once, the way the kubelet changes a volume:
 * a new folder, then the link `..data`. Plain files in the folder are read too, which is how keys are plugged in.
 */
import { createHash } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import {
  access,
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Kept, Storage } from './storage';

const DATA = '..data';

/** @param folder made when it is not there, with mode 0700; files in it get mode 0600. */
export function fileStorage(folder: string): Storage {
  const load = async (): Promise<Kept | undefined> => {
    const from = (await exists(join(folder, DATA))) ? join(folder, DATA) : folder;
    if (!(await exists(from))) return undefined;
    const names = (await readdir(from)).filter((name) => /\.(pem|json)$/.test(name)).sort();
    if (names.length === 0) return undefined;
    const files: Record<string, string> = {};
    for (const name of names) {
      const path = join(from, name);
      if (name.endsWith('key.pem')) checkMode(path, await stat(path));
      files[name] = await readFile(path, 'utf8');
    }
    return { version: versionOf(files), files };
  };
  return {
    load,
    async save(files, before) {
      if ((await load())?.version !== before) return undefined;
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await chmod(folder, 0o700);
      const next = await mkdtemp(join(folder, '..version-'));
      for (const [name, text] of Object.entries(files)) await writeFile(join(next, name), text, { mode: 0o600 });
      const link = join(folder, '..data-next');
      await rm(link, { force: true });
      await symlink(basename(next), link);
      await rename(link, join(folder, DATA));
      for (const name of await readdir(folder)) {
        if (name.startsWith('..version-') && name !== basename(next)) await rm(join(folder, name), { recursive: true });
      }
      return { version: versionOf(files), files };
    },
  };
}

/** A key that others of this machine can read is not a secret any more. */
function checkMode(path: string, { mode }: Stats): void {
  if (mode & 0o077) {
    const octal = (mode & 0o777).toString(8).padStart(4, '0');
    throw new Error(`others may read the private key ${path} (mode ${octal}): run chmod 600 on it`);
  }
}

function versionOf(files: Kept['files']): string {
  const sorted = Object.keys(files)
    .sort()
    .map((name) => [name, files[name]]);
  return createHash('sha256').update(JSON.stringify(sorted)).digest('hex');
}

const exists = (path: string) =>
  access(path, constants.R_OK).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
