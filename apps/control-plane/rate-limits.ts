/** Global rate limits as part of the control plane: where counts are, the service, and its metrics. Wiring only. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { CallerOf } from '../../lib/citadel/caller';
import { MemoryStore } from '../../lib/mixer/rate-limit/memory-store';
import { DECISIONS, type Decision, rateLimitService } from '../../lib/mixer/rate-limit/rate-limit-service';
import { RedisStore, type RedisStoreOptions } from '../../lib/mixer/rate-limit/redis-store';
import type { MeshSource } from '../../lib/xds/mesh-source';
import type { GrpcService } from '../../lib/xds/server';
import type { Logger } from '../../lib/xds/source';
import { METRICS, type MetricName } from './metric-names';
import { toldOnce } from './told-once';

/** Where counts are kept for several control planes together. */
export type RateLimitRedis = Omit<RedisStoreOptions, 'onChange'>;

export interface RateLimits {
  /** @param callerOf who calls. Default: whoever reaches the port is believed. */
  service(callerOf?: CallerOf): GrpcService;
  close(): Promise<void>;
}

/** @param redis default: counts are in memory, for this control plane alone. */
export function openRateLimits(
  redis: RateLimitRedis | undefined,
  { source, registry, log }: { source: Pick<MeshSource, 'world'>; registry: Registry; log: Logger },
): RateLimits {
  const store = redis
    ? new RedisStore({
        ...redis,
        onChange(isAvailable, error) {
          if (isAvailable) log.info({}, 'global rate limits: the store is there');
          else log.warn({ error }, 'global rate limits: the store is away; proxies do what onUnavailable says');
        },
      })
    : new MemoryStore();
  const registers = [registry];
  const decisions = new Counter({ ...described(METRICS.rateLimitDecisions), registers });
  for (const outcome of DECISIONS) decisions.inc({ outcome }, 0);
  const read = (metric: MetricName, value: () => number) =>
    new Gauge({
      ...described(metric),
      registers,
      collect() {
        this.set(value());
      },
    });
  read(METRICS.rateLimitStoreAvailable, () => Number(store.isAvailable));
  read(METRICS.rateLimitKeys, () => store.keys);
  read(METRICS.rateLimitKeysDropped, () => store.dropped);
  const tell = toldOnce(log, 'global rate limits: a question was refused');
  const onDecision = (outcome: Decision, problem = '') => {
    decisions.inc({ outcome });
    if (outcome === 'refused') tell(problem);
  };
  return {
    service: (callerOf) => rateLimitService({ store, world: () => source.world, callerOf, onDecision }),
    close: () => store.close(),
  };
}

function described({ name, help, labels = [] }: MetricName) {
  return { name, help, labelNames: [...labels] };
}
