/** What a sidecar costs that has nothing to do: the resident memory of its Envoy, once Bookinfo's mesh has settled. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { startBookinfo } from '../bookinfo-mesh';
import { measured, median, type Part } from '../measurement';

const SETTLE_MILLISECONDS = 10_000;

export const idle: Part = {
  name: 'idle',
  about: 'resident memory of the Envoy of an idle sidecar',
  async run(say) {
    say('starting Bookinfo');
    const bookinfo = await startBookinfo();
    try {
      say('letting it settle');
      await sleep(SETTLE_MILLISECONDS);
      const sizes = sidecarPids().map(residentMegabytes);
      if (sizes.length === 0) throw new Error('no sidecar of the mesh was found in /proc; this part needs Linux');
      return [
        measured('idle', 'sidecars', sizes.length, 'processes'),
        measured('idle', 'median resident memory of a sidecar', median(sizes), 'MB'),
        measured('idle', 'largest resident memory of a sidecar', Math.max(...sizes), 'MB', 80),
      ];
    } finally {
      await bookinfo.stop();
    }
  },
};

/** Our own children that are Envoys with a sidecar's node id. */
function sidecarPids(): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const parent = /^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return parent === String(process.pid) && words.some((word) => word.startsWith('sidecar~'));
    } catch {
      // It ended while we looked.
      return false;
    }
  });
}

function residentMegabytes(pid: string): number {
  const kibibytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  return (kibibytes * 1024) / 1e6;
}
