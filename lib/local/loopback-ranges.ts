/** Loopback addresses for one mesh in explicit capture, so that two meshes on one machine do not meet. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Ranges } from './pod-plan';

export interface ClaimedRanges {
  ranges: Ranges;
  release(): void;
}

const MOST_MESHES = 32;
const LOCK_PORT = 14999;

/**
 * Claims three neighbouring blocks: 127.17/16 for what is inside pods, 127.18/16 for pods, 127.19/16 for Services; the
 * next mesh gets the three after these. A listening socket is the claim: the kernel releases it with the process.
 * @throws when the machine does not answer at such addresses (macOS), or has no block left.
 */
export async function claimRanges(): Promise<ClaimedRanges> {
  for (let mesh = 0; mesh < MOST_MESHES; mesh++) {
    const first = 17 + 3 * mesh;
    const lock = createServer();
    lock.listen(LOCK_PORT, `127.${first}.0.1`);
    try {
      await once(lock, 'listening');
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'EADDRINUSE') continue;
      throw new Error(`explicit capture needs loopback addresses beyond 127.0.0.1, as Linux has them: ${message}`);
    }
    lock.unref();
    return {
      ranges: { pods: `127.${first + 1}.0.0/16`, services: `127.${first + 2}.0.0/16` },
      release: () => lock.close(),
    };
  }
  throw new Error(`${MOST_MESHES} meshes run on this machine already: stop one`);
}

/** 127.18.x.y is the pod's; 127.17.x.y stands for the loopback inside it. */
export function loopbackOf(ip: string): string {
  const [a, b, c, d] = ip.split('.').map(Number);
  return `${a}.${b! - 1}.${c}.${d}`;
}
