/**
 * Counts in Redis or Valkey: exact for all control planes on it together, since one script counts and sets the end of the
 * window. While it is away every count fails at once; nothing is queued.
 */
import { Redis } from 'ioredis';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { type Count, type CountStore, countOf, StoreUnavailable, type Window } from './count-store';

export interface RedisStoreOptions {
  /** `redis://HOST:PORT/DB`, or `rediss:` for TLS. */
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  /** Whom to trust for TLS, in PEM. Default: the system's authorities. */
  readonly caPem?: string;
  /** The connection came (back) or went. */
  readonly onChange?: (isAvailable: boolean, problem?: string) => void;
}

const PREFIX = 'malha-rate-limit';
/** Milliseconds. A proxy waits for a tenth of a second by default; an answer that comes later is of no use. */
const COMMAND_TIMEOUT = 500;
const CONNECT_TIMEOUT = 2_000;
const LONGEST_PAUSE = 1_000;
/** Different limits; each has a limiter of its own. */
const MAX_LIMITERS = 1_000;

export class RedisStore implements CountStore {
  readonly keys = 0;
  readonly dropped = 0;
  private readonly client: Redis;
  private readonly limiters = new Map<string, RateLimiterRedis>();
  private problem = 'not connected yet';

  constructor({ url, username, password, caPem, onChange }: RedisStoreOptions) {
    this.client = new Redis(url, {
      ...(username && { username }),
      ...(password && { password }),
      ...(url.startsWith('rediss:') && { tls: { ...(caPem && { ca: caPem }) } }),
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      commandTimeout: COMMAND_TIMEOUT,
      connectTimeout: CONNECT_TIMEOUT,
      connectionName: PREFIX,
      retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 10), LONGEST_PAUSE),
    });
    // Each attempt to connect again would tell the same; only the change is told.
    let wasAvailable: boolean | undefined;
    const tell = (isAvailable: boolean) => {
      if (isAvailable === wasAvailable) return;
      wasAvailable = isAvailable;
      onChange?.(isAvailable, isAvailable ? undefined : this.problem);
    };
    this.client.on('ready', () => tell(true));
    this.client.on('error', (error: Error) => {
      this.problem = error.message;
      tell(false);
    });
    this.client.on('close', () => tell(false));
  }

  get isAvailable(): boolean {
    return this.client.status === 'ready';
  }

  async count(window: Window, key: string, hits: number): Promise<Count> {
    try {
      return countOf(await this.limiterOf(window).consume(`${window.rule}|${key}`, hits), false);
    } catch (error) {
      if (error instanceof RateLimiterRes) return countOf(error, true);
      throw new StoreUnavailable((error as Error).message);
    }
  }

  async close(): Promise<void> {
    this.client.disconnect();
  }

  private limiterOf({ requests, seconds }: Window): RateLimiterRedis {
    // A limit that has changed begins a new count.
    const keyPrefix = `${PREFIX}|${requests}/${seconds}`;
    let limiter = this.limiters.get(keyPrefix);
    if (!limiter) {
      if (this.limiters.size >= MAX_LIMITERS) this.limiters.clear();
      limiter = new RateLimiterRedis({
        storeClient: this.client,
        keyPrefix,
        points: requests,
        duration: seconds,
        rejectIfRedisNotReady: true,
      });
      this.limiters.set(keyPrefix, limiter);
    }
    return limiter;
  }
}
