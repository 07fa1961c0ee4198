/**
 * Envoy's rate limit service (envoy.service.ratelimit.v3): proxies ask whether a request may pass. What a limit is comes from
 * the World in force, never from the proxy. When the counts cannot be had the call fails, and the proxy does what the RateLimit
 * says for that.
 */
import { status as Code, type ServerUnaryCall, type ServiceDefinition, type sendUnaryData } from '@grpc/grpc-js';
import { bytesMethod } from '../../envoy/bytes-method';
import type { envoy } from '../../envoy/generated/envoy';
import { decode, encode } from '../../envoy/message';
import { RATE_LIMIT_DOMAIN } from '../../pilot/rate-limit';
import { type Identity, nameKey, type WorldView } from '../../world';
import type { Count, CountStore } from './count-store';
import { type Counted, countedBy } from './descriptor-key';

type Response = envoy.service.ratelimit.v3.RateLimitResponse;
type DescriptorStatus = envoy.service.ratelimit.v3.RateLimitResponse.DescriptorStatus;
type Call = ServerUnaryCall<Buffer, Buffer>;

/** The service with messages as bytes; a client can be made of it too. */
export const rateLimitDefinition = {
  ShouldRateLimit: bytesMethod('/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit'),
} as const satisfies ServiceDefinition;

/**
 * How a decision ended; the label of a metric. `unknown`: the proxy named a rule that is not in force, which limits nothing.
 * `unavailable`: nobody could count. `refused`: the caller has no credential, no right to that limit, or cannot be read.
 */
export type Decision = 'allowed' | 'limited' | 'unknown' | 'unavailable' | 'refused';

export const DECISIONS: readonly Decision[] = ['allowed', 'limited', 'unknown', 'unavailable', 'refused'];

export interface RateLimitServiceOptions {
  readonly store: CountStore;
  /** The World in force; undefined before the first. */
  readonly world: () => WorldView | undefined;
  /** Who calls. Default: whoever reaches the port is believed. @throws Error for callers without a credential. */
  readonly callerOf?: (call: Call) => Promise<{ readonly identity: Identity }>;
  readonly onDecision?: (decision: Decision, problem?: string) => void;
}

/** Descriptors of one request. A proxy sends one for each rule of one RateLimit. */
const MAX_DESCRIPTORS = 64;

class Refusal extends Error {
  constructor(
    readonly code: Code,
    readonly decision: 'unavailable' | 'refused',
    message: string,
  ) {
    super(message);
  }
}

export function rateLimitService(options: RateLimitServiceOptions) {
  const ShouldRateLimit = (call: Call, respond: sendUnaryData<Buffer>) => {
    decide(call, options).then(
      (response) => respond(null, response),
      (error: Error) => {
        // Whatever else goes wrong is the store's.
        const refusal = error instanceof Refusal ? error : new Refusal(Code.UNAVAILABLE, 'unavailable', error.message);
        options.onDecision?.(refusal.decision, refusal.message);
        respond({ code: refusal.code, details: refusal.message });
      },
    );
  };
  return { definition: rateLimitDefinition as ServiceDefinition, implementation: { ShouldRateLimit } };
}

async function decide(call: Call, options: RateLimitServiceOptions): Promise<Buffer> {
  const caller = await callerOf(call, options);
  const { domain, descriptors = [], hits_addend } = requestOf(call.request);
  if (domain !== RATE_LIMIT_DOMAIN) {
    throw new Refusal(
      Code.INVALID_ARGUMENT,
      'refused',
      `the domain is ${RATE_LIMIT_DOMAIN}, got '${domain?.slice(0, 64)}'`,
    );
  }
  if (descriptors.length > MAX_DESCRIPTORS) {
    const problem = `a request has at most ${MAX_DESCRIPTORS} descriptors, got ${descriptors.length}`;
    throw new Refusal(Code.INVALID_ARGUMENT, 'refused', problem);
  }
  const world = options.world();
  if (!world) throw new Refusal(Code.UNAVAILABLE, 'unavailable', 'there is no configuration yet');
  const counted = descriptors.map((descriptor) => countedBy(world, descriptor));
  for (const each of counted) if (each && caller) checkRight(world, each, caller);
  const statuses = await Promise.all(
    counted.map(async (each): Promise<DescriptorStatus> => {
      if (!each) return { code: 'OK' };
      return statusOf(each, await options.store.count(each.window, each.key, Math.max(1, hits_addend ?? 1)));
    }),
  );
  const response = responseOf(statuses);
  const known = counted.some((each) => each !== undefined);
  options.onDecision?.(response.overall_code === 'OVER_LIMIT' ? 'limited' : known ? 'allowed' : 'unknown');
  return Buffer.from(encode('envoy.service.ratelimit.v3.RateLimitResponse', response));
}

async function callerOf(call: Call, options: RateLimitServiceOptions): Promise<Identity | undefined> {
  if (!options.callerOf) return undefined;
  try {
    return (await options.callerOf(call)).identity;
  } catch (error) {
    throw new Refusal(Code.UNAUTHENTICATED, 'refused', (error as Error).message);
  }
}

function requestOf(message: Buffer): envoy.service.ratelimit.v3.RateLimitRequest {
  try {
    return decode('envoy.service.ratelimit.v3.RateLimitRequest', message);
  } catch (error) {
    throw new Refusal(Code.INVALID_ARGUMENT, 'refused', (error as Error).message);
  }
}

/** Nobody uses up the limits of another namespace; those of the root namespace are everybody's. */
function checkRight(world: WorldView, { limit }: Counted, caller: Identity): void {
  const { namespace = 'default', name } = limit.metadata;
  if (namespace === caller.namespace || namespace === world.rootNamespace()) return;
  const problem = `RateLimit ${nameKey(namespace, name)} is not for workloads of namespace ${caller.namespace}`;
  throw new Refusal(Code.PERMISSION_DENIED, 'refused', problem);
}

const UNITS = { second: 'SECOND', minute: 'MINUTE', hour: 'HOUR', day: 'DAY' } as const;

function statusOf({ rule }: Counted, { isOver, remaining, millisecondsUntilReset }: Count): DescriptorStatus {
  return {
    code: isOver ? 'OVER_LIMIT' : 'OK',
    current_limit: { requests_per_unit: rule.limit.requests, unit: UNITS[rule.limit.per] },
    limit_remaining: remaining,
    duration_until_reset: `${Math.ceil(millisecondsUntilReset / 1000)}s`,
  };
}

function responseOf(statuses: readonly DescriptorStatus[]): Response {
  const isOver = statuses.some(({ code }) => code === 'OVER_LIMIT');
  return { overall_code: isOver ? 'OVER_LIMIT' : 'OK', statuses: [...statuses] };
}
