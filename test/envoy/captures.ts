/** The ways of capture that this machine allows, known before tests are declared. */
import { execFileSync } from 'node:child_process';
import type { Capture } from '../../lib/local';

function canMakeNamespaces(): boolean {
  try {
    const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user', '--map-auto'];
    execFileSync('unshare', [...user, '--net', '--mount', 'iptables-save'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export const hasTransparentCapture = canMakeNamespaces();
export const captures: readonly Capture[] = hasTransparentCapture ? ['transparent', 'explicit'] : ['explicit'];
