/** Bookinfo on this machine, from freshly synthesized manifests that a measurement may edit. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type RunningMesh, up } from '../../lib/local';

export interface BookinfoMesh {
  readonly mesh: RunningMesh;
  /** The folder of manifests. */
  readonly dir: string;
  /** Where the gateway answers on this machine. */
  readonly gateway: { host: string; port: number };
  stop(): Promise<void>;
}

/** The host that Bookinfo's gateway serves. */
export const BOOKINFO_HOST = 'bookinfo.localhost';

export async function startBookinfo(): Promise<BookinfoMesh> {
  const dir = await mkdtemp(join(tmpdir(), 'malha-bench-'));
  try {
    const program = join(process.cwd(), 'dist', 'apps', 'bookinfo', 'main.js');
    await promisify(execFile)(process.execPath, [program], { env: { ...process.env, CDK8S_OUTDIR: dir } });
    const mesh = await up({ dir, port: 0, httpsPort: 0 });
    const gateway = { host: '127.0.0.1', port: Number(new URL(mesh.url!).port) };
    return {
      mesh,
      dir,
      gateway,
      stop: async () => {
        await mesh.stop();
        await rm(dir, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
}
