/**
 * The pace at which newcomers are let in. Each first request costs a snapshot and its bytes, so when all proxies of a mesh come at
 * once, or one client opens stream after stream, those that are connected would wait. Who is let in next goes round the
 * senders: whoever comes ten thousand times waits behind everyone who comes once. No gRPC.
 */
import type { Clock } from './source';

export interface StreamGateOptions {
  readonly clock: Clock;
  /** Streams that are let in, on the long run. Default 250. */
  readonly perSecond?: number;
  /** Streams that are let in at once after a quiet time. Default 300. */
  readonly atOnce?: number;
  /** Streams that wait; those beyond are refused. Default 2,500, which is ten seconds' worth. */
  readonly mostWaiting?: number;
  /** Streams of one sender, open and waiting. Default 1,000: proxies behind one translated address count as one. */
  readonly mostOfOne?: number;
}

interface Waiting {
  readonly open: () => void;
}

/** Ends a stream's stay, wherever it is by then. Calling it again does nothing. */
export type Leave = () => void;

export class StreamGate {
  private readonly queues = new Map<string, Set<Waiting>>();
  private readonly stays = new Map<string, number>();
  private waitingCount = 0;
  private tokens: number;
  private filledAt: number;
  private cancelTimer?: () => void;

  constructor(private readonly options: StreamGateOptions) {
    this.tokens = options.atOnce ?? 300;
    this.filledAt = options.clock.now();
  }

  get waiting(): number {
    return this.waitingCount;
  }

  /** Senders that have streams here. */
  get senders(): number {
    return this.stays.size;
  }

  /**
   * Calls `open` now or later.
   * @param sender who comes: an address.
   * @returns how to leave; undefined when there are too many already, of all or of this sender.
   */
  enter(sender: string, open: () => void): Leave | undefined {
    const { mostWaiting = 2_500, mostOfOne = 1_000 } = this.options;
    const stays = this.stays.get(sender) ?? 0;
    if (stays >= mostOfOne || this.waitingCount >= mostWaiting) return undefined;
    this.stays.set(sender, stays + 1);
    const waiting: Waiting = { open };
    const queue = this.queues.get(sender) ?? new Set();
    this.queues.set(sender, queue.add(waiting));
    this.waitingCount++;
    this.letIn();
    let hasLeft = false;
    return () => {
      if (hasLeft) return;
      hasLeft = true;
      const left = this.stays.get(sender)! - 1;
      if (left > 0) this.stays.set(sender, left);
      else this.stays.delete(sender);
      this.dequeue(sender, waiting);
    };
  }

  close(): void {
    this.cancelTimer?.();
    this.queues.clear();
    this.waitingCount = 0;
  }

  private letIn(): void {
    this.fill();
    while (this.tokens >= 1 && this.waitingCount > 0) {
      this.tokens--;
      const [sender, queue] = this.queues.entries().next().value!;
      const [next] = queue;
      this.dequeue(sender, next!);
      // To the end of the round.
      if (this.queues.delete(sender)) this.queues.set(sender, queue);
      next!.open();
    }
    if (this.waitingCount === 0 || this.cancelTimer) return;
    this.cancelTimer = this.options.clock.after(1000 / this.perSecond, () => {
      this.cancelTimer = undefined;
      this.letIn();
    });
  }

  private dequeue(sender: string, waiting: Waiting): void {
    const queue = this.queues.get(sender);
    if (!queue?.delete(waiting)) return;
    this.waitingCount--;
    if (queue.size === 0) this.queues.delete(sender);
  }

  private fill(): void {
    const now = this.options.clock.now();
    const { atOnce = 300 } = this.options;
    this.tokens = Math.min(atOnce, this.tokens + ((now - this.filledAt) * this.perSecond) / 1000);
    this.filledAt = now;
  }

  private get perSecond(): number {
    return this.options.perSecond ?? 250;
  }
}
