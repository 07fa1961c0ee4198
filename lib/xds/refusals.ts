/** Who was turned away how often: a flood must not become a flood of lines in the log. */
import type { Clock, Logger } from './source';

/** Between two lines about one sender, in milliseconds. */
const EVERY = 10_000;
/** Senders that are told apart; the others are counted together. */
const MOST_SENDERS = 1_000;
const OTHERS = 'others';

export class Refusals {
  /** Of senders that were named lately: how often they came since. */
  private readonly counts = new Map<string, number>();

  constructor(
    private readonly log: Logger,
    private readonly clock: Clock,
  ) {}

  /** The first one of a sender is told at once, those that follow together. */
  note(sender: string, message: string): void {
    const key = this.counts.has(sender) || this.counts.size < MOST_SENDERS ? sender : OTHERS;
    const count = this.counts.get(key);
    if (count !== undefined) {
      this.counts.set(key, count + 1);
      return;
    }
    this.log.warn({ sender: key, refused: 1 }, message);
    this.counts.set(key, 0);
    this.sumUpLater(key, message);
  }

  private sumUpLater(key: string, message: string): void {
    this.clock.after(EVERY, () => {
      const refused = this.counts.get(key)!;
      if (refused === 0) {
        this.counts.delete(key);
        return;
      }
      this.log.warn({ sender: key, refused }, message);
      this.counts.set(key, 0);
      this.sumUpLater(key, message);
    });
  }
}
