/** How long to wait before the next attempt: twice as long each time, and never everyone at once. */

export interface BackoffOptions {
  /** Milliseconds before the second attempt. Default: 200. */
  readonly first?: number;
  /** At most this. Default: 30 s. */
  readonly longest?: number;
  /** From 0 to 1. Default: `Math.random`. */
  readonly random?: () => number;
}

export class Backoff {
  private attempts = 0;

  constructor(private readonly options: BackoffOptions = {}) {}

  /** Milliseconds to wait now: between half and all of what the number of attempts gives. */
  next(): number {
    const { first = 200, longest = 30_000, random = Math.random } = this.options;
    const whole = Math.min(longest, first * 2 ** Math.min(this.attempts++, 30));
    return whole / 2 + (whole / 2) * random();
  }

  /** After a success. */
  reset(): void {
    this.attempts = 0;
  }
}
