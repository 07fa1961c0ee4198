/** What a core decides about global rate limits: the question decoded, counted in memory or in Redis, the answer encoded. */
import { encode } from '../../../lib/envoy/message';
import { MemoryStore } from '../../../lib/mixer/rate-limit/memory-store';
import { rateLimitService } from '../../../lib/mixer/rate-limit/rate-limit-service';
import { World } from '../../../lib/world';
import { measured, type Part } from '../measurement';
import { rateLimit, throughGrpc } from './limit-wire';

const BATCH = 100_000;
const USERS = 5_000;
/** Questions that proxies have under way at once. */
const CONCURRENCY = 50;

export const limit: Part = {
  name: 'limit',
  about: 'decisions about global rate limits per second and core, without the wire and through gRPC',
  async run(say) {
    const world = World.of([rateLimit]);
    const store = new MemoryStore();
    const outcomes: Record<string, number> = {};
    const { implementation } = rateLimitService({
      store,
      world: () => world,
      onDecision: (outcome) => {
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      },
    });
    const messages = Array.from({ length: USERS }, (_, user) => {
      const entries = [
        { key: 'rule', value: 'shop/api/0' },
        { key: 'value', value: `user-${user}` },
      ];
      const question = { domain: 'malha.dev', descriptors: [{ entries }] };
      return Buffer.from(encode('envoy.service.ratelimit.v3.RateLimitRequest', question));
    });
    const decideOne = (at: number) =>
      new Promise<Buffer>((resolve, reject) => {
        const call = { request: messages[at % USERS] };
        implementation.ShouldRateLimit(call as never, (error, response) =>
          response ? resolve(response) : reject(error),
        );
      });
    const decide = async (times: number) => {
      for (let at = 0; at < times; at += CONCURRENCY) {
        await Promise.all(Array.from({ length: CONCURRENCY }, (_, n) => decideOne(at + n)));
      }
    };
    await decide(20_000);
    say('as fast as it goes');
    const before = process.cpuUsage();
    await decide(BATCH);
    const { user, system } = process.cpuUsage(before);
    await store.close();
    // Ten of each user's requests pass, unless a minute has gone by.
    if (!outcomes.allowed || !outcomes.limited) throw new Error(`decided ${JSON.stringify(outcomes)}`);
    const seconds = (user + system) / 1e6;
    return [
      measured('limit', 'CPU of one decision', (seconds / BATCH) * 1000, 'ms', 0.1),
      measured('limit', 'decisions per second and core', BATCH / seconds, '1/s'),
      ...(await throughGrpc(say)),
    ];
  },
};
