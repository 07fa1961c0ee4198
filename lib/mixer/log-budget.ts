/** How much of a stream of access logs is taken in: a bounded number of entries a second, whatever proxies send. */
import { Reader } from 'protobufjs/minimal';

/** Counting an entry takes some 20 µs; so many leave most of a core to the control plane's own work. */
const ENTRIES_PER_SECOND = 10_000;

/** Allows a number of entries a second, and as many at once. */
export class LogBudget {
  private left: number;
  private at: number;

  /** @param now milliseconds, on a clock that never goes back. */
  constructor(
    private readonly perSecond = ENTRIES_PER_SECOND,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.left = perSecond;
    this.at = now();
  }

  /** Whether entries may be taken in now; if so, they are paid for. A message is taken as a whole, or not at all. */
  take(entries: number): boolean {
    const now = this.now();
    this.left = Math.min(this.perSecond, this.left + ((now - this.at) / 1000) * this.perSecond);
    this.at = now;
    if (this.left <= 0) return false;
    this.left -= entries;
    return true;
  }
}

const HTTP_LOGS = 2;
const TCP_LOGS = 3;
const LOG_ENTRY = 1;

/** The entries of an `envoy.service.accesslog.v3.StreamAccessLogsMessage`, counted without reading what they say. */
export function entriesIn(message: Uint8Array): number {
  const reader = Reader.create(message);
  let entries = 0;
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const field = tag >>> 3;
    if ((field !== HTTP_LOGS && field !== TCP_LOGS) || (tag & 7) !== 2) {
      reader.skipType(tag & 7);
      continue;
    }
    const end = reader.uint32() + reader.pos;
    while (reader.pos < end) {
      const inner = reader.uint32();
      if (inner >>> 3 === LOG_ENTRY) entries++;
      reader.skipType(inner & 7);
    }
  }
  return entries;
}
