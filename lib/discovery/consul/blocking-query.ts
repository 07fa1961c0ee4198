/**
 * One blocking query of Consul, asked again and again. An index that goes backwards, or is 0, starts anew: a server that was restored
 * counts from elsewhere. A failure waits, longer each time and never everyone at once; answers that pour in are slowed down.
 */
import { Backoff } from '../kubernetes/backoff';
import type { ReflectorClock } from '../kubernetes/reflector';
import { CONFIRM_EVERY_MS } from '../kubernetes/reflector';
import type { Consul, ConsulAnswer } from './client';

export interface BlockingQueryOptions {
  readonly consul: Consul;
  readonly path: string;
  readonly datacenter?: string;
  readonly clock: ReflectorClock;
  readonly random?: () => number;
  /** @returns whether something is held, so that Consul is asked again soon. @throws Error when the answer makes no sense. */
  readonly onAnswer: (answer: ConsulAnswer, wentBack: boolean) => boolean;
  readonly onFailure: (error: Error) => void;
}

const WAIT_SECONDS = 300;
/** Changes of one query that come faster than this are taken together. */
const LEAST_MS = 100;

export class BlockingQuery {
  private stopped = false;
  private interrupt: () => void = () => undefined;
  private readonly abort = new AbortController();
  private readonly backoff: Backoff;

  constructor(private readonly options: BlockingQueryOptions) {
    this.backoff = new Backoff({ random: options.random });
  }

  start(): void {
    void this.run();
  }

  stop(): void {
    this.stopped = true;
    this.abort.abort();
    this.interrupt();
  }

  private async run(): Promise<void> {
    const { consul, path, datacenter, clock, onAnswer, onFailure } = this.options;
    let index = 0n;
    let highest = 0n;
    let soon = false;
    while (!this.stopped) {
      const asked = clock.now();
      try {
        const waitSeconds = soon ? CONFIRM_EVERY_MS / 1000 : WAIT_SECONDS;
        const query = { index: index > 0n ? String(index) : undefined, waitSeconds, datacenter };
        const answer = await consul.get(path, { ...query, signal: this.abort.signal });
        if (this.stopped) return;
        const wentBack = answer.index < highest;
        soon = onAnswer(answer, wentBack);
        highest = answer.index;
        // Consul's advice: back to 0 means not to block once, and never to block on what is not an index.
        index = wentBack ? 0n : answer.index;
        this.backoff.reset();
        const isUseless = answer.index === 0n;
        await this.pause(isUseless ? CONFIRM_EVERY_MS : Math.max(0, asked + LEAST_MS - clock.now()));
      } catch (error) {
        if (this.stopped) return;
        onFailure(error as Error);
        await this.pause(this.backoff.next());
      }
    }
  }

  private pause(milliseconds: number): Promise<void> {
    if (milliseconds === 0 || this.stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.options.clock.after(milliseconds, resolve);
      this.interrupt = () => {
        cancel();
        resolve();
      };
    });
  }
}
