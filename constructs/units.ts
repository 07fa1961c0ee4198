/** Units as types, so that no number needs a comment. */
import { Duration } from 'cdk8s';

export { Duration };

/** A share of a whole. */
export class Percent {
  /**
   * A share in percent.
   * @throws when `value` is not from 0 to 100.
   */
  static of(value: number): Percent {
    if (!(value >= 0 && value <= 100)) throw new Error(`percent: got ${value}; allowed: 0 to 100`);
    return new Percent(value);
  }

  private constructor(
    /** From 0 to 100. */
    readonly value: number,
  ) {}
}

/** A duration as the mesh API writes it: `2s`, `0.25s`. */
export function durationText(duration: Duration): string {
  return `${duration.toMilliseconds({ integral: false }) / 1000}s`;
}
