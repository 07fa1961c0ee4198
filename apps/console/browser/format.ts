/** Numbers, times and words as people read them. */
import type { Edge, EdgeState } from './model';

export const STATE_WORDS: Record<EdgeState, string> = {
  expected: 'declared and seen',
  unseen: 'declared, never seen',
  undeclared: 'seen, not declared',
  declared: 'declared',
};

export const TLS_WORDS: Record<Edge['mutualTls'], string> = {
  seen: 'mutual TLS, seen by the callee',
  required: 'mutual TLS is required',
  optional: 'plain traffic is taken, too',
  off: 'no mutual TLS',
  unknown: 'unknown',
};

export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
}

export function rate(perSecond: number): string {
  if (perSecond === 0) return '0/s';
  if (perSecond < 0.1) return '<0.1/s';
  return `${perSecond < 10 ? perSecond.toFixed(1) : Math.round(perSecond).toLocaleString('en')}/s`;
}

export function milliseconds(value: number | undefined): string {
  if (value === undefined) return '–';
  if (value >= 1000) return `${(value / 1000).toFixed(1)} s`;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

/** No requests is no data, never zero errors. */
export function share(value: number | undefined): string {
  if (value === undefined) return 'no data';
  if (value === 0) return '0 %';
  return value < 0.001 ? '<0.1 %' : `${(value * 100).toFixed(1)} %`;
}

/** What went over an edge; where nobody could tell, that. */
export function trafficWords({ traffic, state }: Pick<Edge, 'traffic' | 'state'>): string {
  if (!traffic) return state === 'unseen' ? 'no request so far' : 'no data';
  if (traffic.perSecond === 0) return `quiet; ${count(traffic.count, 'request')} so far`;
  return `${rate(traffic.perSecond)}, ${share(traffic.errorShare)} errors, 99 % within ${milliseconds(traffic.p99)}`;
}

export function isFailing({ traffic }: Edge): boolean {
  return (traffic?.errorShare ?? 0) > 0.01;
}

/** To the minute, in UTC: `2026-05-01 08:30`. */
export function minute(iso: string): string {
  return new Date(iso).toISOString().slice(0, 16).replace('T', ' ');
}

/** How far a moment is from now: `in 11 h`, `3 min ago`. */
export function distance(iso: string, now: number): string {
  const seconds = (Date.parse(iso) - now) / 1000;
  const words = duration(Math.abs(seconds));
  return seconds >= 0 ? `in ${words}` : `${words} ago`;
}

export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 2 * 86_400) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}
