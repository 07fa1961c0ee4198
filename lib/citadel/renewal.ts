/** When certificates begin, when they are renewed, and when it is time to worry. Pure. */

/** How far before the clock's time a certificate begins, in seconds: machines in a mesh may be ten minutes behind. */
export const BACKDATE_SECONDS = 600;

/** How long the certificates of workloads live, in seconds, unless something else is asked for. */
export const LEAF_SECONDS = 86_400;

/** The part of a life around its half within which renewals are spread, so that not all come at once. */
const JITTER = 0.1;

/** Past this part of a life its renewal has failed for a sixth of it at least. */
const OVERDUE = 2 / 3;

export interface Lifetime {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** From `now`, backdated; whole seconds, as certificates have them. */
export function lifetimeFrom(now: Date, seconds: number, backdateSeconds = BACKDATE_SECONDS): Lifetime {
  if (!(seconds > 0)) throw new Error(`a certificate cannot live for ${seconds} seconds: give more than 0`);
  const start = Math.floor(now.getTime() / 1000);
  return {
    notBefore: new Date((start - backdateSeconds) * 1000),
    notAfter: new Date((start + Math.floor(seconds)) * 1000),
  };
}

/**
 * When a certificate made at `madeAt` should be renewed: at half of the life that it then had, give or take 5 %.
 * @param random from 0 to 1.
 */
export function renewAt(madeAt: Date, { notAfter }: Pick<Lifetime, 'notAfter'>, random: number): Date {
  const life = notAfter.getTime() - madeAt.getTime();
  return new Date(madeAt.getTime() + life * (0.5 + JITTER * (random - 0.5)));
}

/** Whether a certificate is to be replaced at `now`: it is time, or the clock was ahead when it was made and nobody accepts it yet. */
export function isDue(dueAt: Date, { notBefore }: Pick<Lifetime, 'notBefore'>, now: Date): boolean {
  return now >= dueAt || now < notBefore;
}

/** Whether a certificate made at `madeAt` should have been renewed long ago; it is good for another third of its life. */
export function isOverdue(madeAt: Date, { notAfter }: Pick<Lifetime, 'notAfter'>, now: Date): boolean {
  const life = notAfter.getTime() - madeAt.getTime();
  return now.getTime() > madeAt.getTime() + life * OVERDUE;
}
