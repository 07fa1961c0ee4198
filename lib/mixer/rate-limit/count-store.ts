/** Where requests are counted. */

/** How many may pass, and when the count begins anew. */
export interface Window {
  /** `namespace/name/index` of the rule: its keys are counted, and bounded, apart from all others. */
  readonly rule: string;
  readonly requests: number;
  readonly seconds: number;
}

export interface Count {
  readonly isOver: boolean;
  readonly remaining: number;
  readonly millisecondsUntilReset: number;
}

export interface CountStore {
  /**
   * Counts `hits` requests of `key`, also those that are over the limit.
   * @throws StoreUnavailable when nobody can tell.
   */
  count(window: Window, key: string, hits: number): Promise<Count>;
  /** Whether counting can be expected to work now. */
  readonly isAvailable: boolean;
  /** Keys that are counted in this process, and those that gave way for want of room. */
  readonly keys: number;
  readonly dropped: number;
  close(): Promise<void>;
}

export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/** How the limiter's result is read: it rejects with the count when the limit is exceeded, and with an error when it fails. */
export function countOf(result: { remainingPoints: number; msBeforeNext: number }, isOver: boolean): Count {
  return { isOver, remaining: result.remainingPoints, millisecondsUntilReset: Math.max(0, result.msBeforeNext) };
}
