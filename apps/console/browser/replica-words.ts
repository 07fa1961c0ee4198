/** What is to be said about the replicas of the control plane: each knows only what its own proxies tell. */
import { count, minute } from './format';
import type { Graph, Replica } from './model';

/** Which of them do not answer; empty: all do. */
export function silentWords(replicas: readonly Replica[]): string {
  const silent = replicas.flatMap(({ name, error }) => (error === undefined ? [] : [`${name} (${error})`]));
  if (silent.length === 0) return '';
  const [who, whose] = silent.length === 1 ? ['A replica does', 'its'] : [`${silent.length} replicas do`, 'their'];
  return `${who} not answer: ${silent.join(', ')}. What ${whose} proxies have and tell is missing.`;
}

/** Why nobody can tell which declared calls were never seen; undefined: it can be told. */
export function whyUnknown({ replicas, edges }: Pick<Graph, 'replicas' | 'edges'>): string | undefined {
  if (replicas.some(({ error }) => error !== undefined))
    return 'Not all replicas of the control plane answer, and each knows what its own proxies tell: nothing can be said.';
  if (edges.every(({ traffic }) => traffic === undefined))
    return 'No access log has come to the control plane yet: nothing can be said.';
  return undefined;
}

/** Since when, and by whom. */
export function countedWords({ replicas, since, wholeSince, lost }: Omit<Graph, 'nodes' | 'edges'>): string {
  const whole = `Since ${minute(wholeSince)} UTC, by access logs that came to ${
    replicas.length > 1 ? `all ${replicas.length} replicas of the control plane` : 'the control plane'
  }.`;
  // Counts go further back than that where a replica has begun later than the others, or has gone.
  const counts = minute(since) === minute(wholeSince) ? '' : ` Requests are counted since ${minute(since)}.`;
  const gone = lost > 0 ? ` ${count(lost, 'request')} came too fast to be counted.` : '';
  return `${whole}${counts}${gone}`;
}
