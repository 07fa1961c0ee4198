/** Who called whom with which answer, counted in bounded memory. */
import { type Lately, RecentWindow } from './recent-window';

/** One way of calling, as one side has seen it. */
export interface Call {
  /** The caller: `NAME.NAMESPACE`, or its SPIFFE identity where only that is known. */
  readonly source: string;
  /** The host that was called, with subset and port where they are known: `reviews.shop.svc.cluster.local:9080 (v2)`. */
  readonly destination: string;
  /** The HTTP status; 0 when there was none, as for TCP and for requests that were never answered. */
  readonly code: number;
  readonly protocol: 'http' | 'tcp';
}

export interface ObservedCall extends Call {
  readonly count: number;
  /** Mean time that a call took, in milliseconds. */
  readonly milliseconds: number;
  /** ISO time of the last one. */
  readonly lastSeen: string;
  /** The last half minute; absent when there was none in it. */
  readonly lately?: Lately;
}

/** Different calls that are counted. */
const MAX_CALLS = 10_000;
const MAX_NAME_LENGTH = 253;

interface Counter {
  readonly call: Call;
  count: number;
  milliseconds: number;
  lastSeen: number;
  readonly window: RecentWindow;
}

export class ObservedCalls {
  /** In the order in which they were last seen. */
  private readonly counters = new Map<string, Counter>();
  private given = 0;

  /** `now`: milliseconds since the epoch. */
  constructor(
    private readonly now: () => number = Date.now,
    private readonly capacity = MAX_CALLS,
  ) {}

  /** Counts one call that took so many milliseconds. */
  observe(call: Call, milliseconds: number): void {
    const source = call.source.slice(0, MAX_NAME_LENGTH);
    const destination = call.destination.slice(0, MAX_NAME_LENGTH);
    const key = `${source}\0${destination}\0${call.code}\0${call.protocol}`;
    const counter = this.counters.get(key) ?? {
      call: { source, destination, code: call.code, protocol: call.protocol },
      count: 0,
      milliseconds: 0,
      lastSeen: 0,
      window: new RecentWindow(),
    };
    counter.count++;
    counter.milliseconds += (milliseconds - counter.milliseconds) / counter.count;
    counter.lastSeen = this.now();
    counter.window.add(milliseconds, counter.lastSeen);
    this.counters.delete(key);
    this.counters.set(key, counter);
    if (this.counters.size > this.capacity) {
      const [oldest] = this.counters.keys();
      this.counters.delete(oldest!);
      this.given++;
    }
  }

  /** How many different calls were dropped for want of room. */
  get dropped(): number {
    return this.given;
  }

  get size(): number {
    return this.counters.size;
  }

  /** All counts, sorted by source, destination and code. */
  all(): ObservedCall[] {
    const now = this.now();
    const calls = [...this.counters.values()].map(({ call, count, milliseconds, lastSeen, window }) => {
      const lately = window.read(now);
      return {
        ...call,
        count,
        milliseconds: Math.round(milliseconds * 1000) / 1000,
        lastSeen: new Date(lastSeen).toISOString(),
        ...(lately && { lately }),
      };
    });
    const order = (call: Call) => `${call.source}\0${call.destination}\0${String(call.code).padStart(3, '0')}`;
    return calls.sort((a, b) => (order(a) < order(b) ? -1 : 1));
  }
}
