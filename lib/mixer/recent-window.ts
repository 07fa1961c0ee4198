/** What one kind of call did lately: how often, and how long it took. Counts alone, so that its size does not grow with the calls. */

/** The window is two halves: the one that is being filled, and the one before. */
const HALF_MILLISECONDS = 15_000;
/** Upper bounds of times, in milliseconds: each is √2 of the one before, from 0.5 ms to a minute; the last holds what took longer, too. */
const BOUNDS = Array.from({ length: 35 }, (_, index) => 0.5 * 2 ** (index / 2));

export interface Lately {
  /** Calls a second. */
  readonly perSecond: number;
  /** How many took no longer than so many milliseconds, and longer than the bound before: `{ "8": 12, "11.314": 3 }`. */
  readonly times: Readonly<Record<string, number>>;
}

interface Half {
  readonly startedAt: number;
  count: number;
  readonly times: Uint32Array;
}

/** The last 15 to 30 seconds. Times are milliseconds; those of the clock never go back. */
export class RecentWindow {
  private current: Half | undefined;
  private previous: Half | undefined;

  add(milliseconds: number, now: number): void {
    this.turn(now);
    this.current ??= { startedAt: now, count: 0, times: new Uint32Array(BOUNDS.length) };
    const bucket = BOUNDS.findIndex((bound) => milliseconds <= bound);
    this.current.times[bucket < 0 ? BOUNDS.length - 1 : bucket]!++;
    this.current.count++;
  }

  /** Undefined when there was no call. */
  read(now: number): Lately | undefined {
    this.turn(now);
    const halves = [this.previous, this.current].filter((half) => half !== undefined);
    const count = halves.reduce((sum, half) => sum + half.count, 0);
    if (count === 0) return undefined;
    const seconds = Math.max(1, (now - halves[0]!.startedAt) / 1000);
    const times: Record<string, number> = {};
    for (const [bucket, bound] of BOUNDS.entries()) {
      const inside = halves.reduce((sum, half) => sum + half.times[bucket]!, 0);
      if (inside > 0) times[String(rounded(bound))] = inside;
    }
    return { perSecond: rounded(count / seconds), times };
  }

  private turn(now: number): void {
    const started = this.current?.startedAt ?? this.previous?.startedAt;
    if (started === undefined) return;
    const age = now - started;
    if (this.current && age >= HALF_MILLISECONDS) {
      this.previous = age < 2 * HALF_MILLISECONDS ? this.current : undefined;
      this.current = undefined;
    } else if (!this.current && age >= 2 * HALF_MILLISECONDS) this.previous = undefined;
  }
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
