/**
 * How far somebody has read the requests of all replicas, who asks again and again: when it began, and of each replica the last request
 * and how many it had lost. Text for an address: `BEGUN~REPLICA.SEQUENCE.LOST~…`, which nobody but the control plane has to understand.
 */

export interface ReplicaCursor {
  /** Of the last request that was read. */
  readonly sequence: number;
  /** How many it had never taken in by then. */
  readonly lost: number;
}

export interface TapCursor {
  /** Milliseconds since the epoch. */
  readonly begun: number;
  /** By replica. */
  readonly replicas: ReadonlyMap<string, ReplicaCursor>;
}

/** Replicas that are remembered: a few restarts of each. */
const MOST_REPLICAS = 100;
const FORM = /^\d{1,15}(~[0-9a-f]{8}\.\d{1,15}\.\d{1,15}){1,100}$/;

/** Undefined where there is none, or something else: then reading begins now. */
export function readCursor(text: string): TapCursor | undefined {
  if (!FORM.test(text)) return undefined;
  const [begun, ...parts] = text.split('~');
  const replicas = parts.map((part) => {
    const [replica, sequence, lost] = part.split('.');
    return [replica!, { sequence: Number(sequence), lost: Number(lost) }] as const;
  });
  return { begun: Number(begun), replicas: new Map(replicas) };
}

/** One that does not answer now goes on where it was. @param answered how far those have come that did. */
export function nextCursor(before: TapCursor, answered: ReadonlyMap<string, ReplicaCursor>): string {
  const silent = [...before.replicas].filter(([replica]) => !answered.has(replica));
  const all = [...answered, ...silent].slice(0, MOST_REPLICAS);
  return [before.begun, ...all.map(([replica, { sequence, lost }]) => `${replica}.${sequence}.${lost}`)].join('~');
}

/** How a cursor names a replica, which is known by a UUID. */
export const shortName = (replica: string) => replica.slice(0, 8);
