/** Counts in this process: exact for one control plane, and gone with it. */
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { type Count, type CountStore, countOf, type Window } from './count-store';

/** Of each rule, so that no rule's clients push out another's. */
const MAX_KEYS = 10_000;
/** Rules that are counted at once; more than any mesh has. */
const MAX_RULES = 1_000;

interface Counter {
  readonly window: Window;
  readonly limiter: RateLimiterMemory;
  /** The one that was not seen for longest first. */
  readonly keys: Set<string>;
}

export class MemoryStore implements CountStore {
  readonly isAvailable = true;
  dropped = 0;
  private readonly counters = new Map<string, Counter>();

  /** @param maxKeys of each rule. */
  constructor(private readonly maxKeys = MAX_KEYS) {}

  get keys(): number {
    let total = 0;
    for (const { keys } of this.counters.values()) total += keys.size;
    return total;
  }

  async count(window: Window, key: string, hits: number): Promise<Count> {
    const { limiter, keys } = this.counterOf(window);
    keys.delete(key);
    keys.add(key);
    if (keys.size > this.maxKeys) {
      const [oldest = key] = keys;
      keys.delete(oldest);
      void limiter.delete(oldest);
      this.dropped++;
    }
    try {
      return countOf(await limiter.consume(key, hits), false);
    } catch (error) {
      if (error instanceof RateLimiterRes) return countOf(error, true);
      throw error;
    }
  }

  async close(): Promise<void> {
    for (const counter of this.counters.values()) forget(counter);
    this.counters.clear();
  }

  private counterOf(window: Window): Counter {
    const known = this.counters.get(window.rule);
    if (known && known.window.requests === window.requests && known.window.seconds === window.seconds) return known;
    if (known) forget(known);
    const limiter = new RateLimiterMemory({ points: window.requests, duration: window.seconds });
    const counter = { window, limiter, keys: new Set<string>() };
    this.counters.delete(window.rule);
    this.counters.set(window.rule, counter);
    if (this.counters.size > MAX_RULES) {
      const [[rule, oldest]] = this.counters as unknown as [[string, Counter]];
      this.counters.delete(rule);
      forget(oldest);
    }
    return counter;
  }
}

/** Each key has a timer until the end of its window. */
function forget({ limiter, keys }: Counter): void {
  for (const key of keys) void limiter.delete(key);
  keys.clear();
}
