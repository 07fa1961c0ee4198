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

/** By its shape: an app may have several versions of cdk8s. @internal */
export function isDuration(value: unknown): value is Duration {
  return typeof (value as Duration | undefined)?.toMilliseconds === 'function';
}

/** @internal */
export function isPercent(value: unknown): value is Percent {
  return typeof (value as Percent | undefined)?.value === 'number';
}

/** @throws when the share is a plain number, which programs in JavaScript may write. @internal */
export function percentOf(share: Percent, what: string): number {
  if (isPercent(share)) return share.value;
  throw new Error(`${what}: got ${share}; allowed: a Percent; fix: Percent.of(${share})`);
}

/**
 * A duration as the mesh API writes it: `2s`, `0.25s`.
 * @throws when it is a plain value.
 */
export function durationText(duration: Duration): string {
  if (!isDuration(duration)) {
    throw new Error(`duration: got ${duration}; allowed: a Duration; fix: Duration.seconds(…) or Duration.millis(…)`);
  }
  return `${duration.toMilliseconds({ integral: false }) / 1000}s`;
}
