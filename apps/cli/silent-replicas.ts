/** What commands say of replicas that could not be asked: what these alone know is missing, and no output looks whole without it. */
import type { ReplicaState } from '../../lib/controllers/replica-answers';
import type { Context } from './io';

export function silentOf(replicas: readonly ReplicaState[] = []): readonly ReplicaState[] {
  return replicas.filter(({ error }) => error !== undefined);
}

/** One line, without its end. @param missing what is missing by it, such as `its proxies are missing here`. */
export function silentLine({ colors }: Context, { name, address, error }: ReplicaState, missing: string): string {
  const place = address && address !== name ? ` (${address})` : '';
  return `${colors.red('not asked')} ${name}${place}: ${error}; ${missing}`;
}
