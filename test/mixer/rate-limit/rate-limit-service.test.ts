import { Client, credentials, Server, ServerCredentials, type ServiceError } from '@grpc/grpc-js';
import type { envoy } from '../../../lib/envoy/generated/envoy';
import { decode, encode } from '../../../lib/envoy/message';
import { type CountStore, StoreUnavailable } from '../../../lib/mixer/rate-limit/count-store';
import { MemoryStore } from '../../../lib/mixer/rate-limit/memory-store';
import {
  type Decision,
  type RateLimitServiceOptions,
  rateLimitDefinition,
  rateLimitService,
} from '../../../lib/mixer/rate-limit/rate-limit-service';
import { World } from '../../../lib/world';

type Request = envoy.service.ratelimit.v3.RateLimitRequest;
type Response = envoy.service.ratelimit.v3.RateLimitResponse;

const rateLimit = (requests: number, namespace = 'shop', mode = 'global') => ({
  apiVersion: 'malha.dev/v1alpha1',
  kind: 'RateLimit',
  metadata: { name: 'api', namespace },
  spec: {
    mode,
    onUnavailable: 'deny',
    rules: [{ limit: { requests, per: 'hour' } }, { limit: { requests: 1, per: 'day' } }],
  },
});

const descriptor = (value = 'ana', rule = 'shop/api/0') => ({
  entries: [
    { key: 'rule', value: rule },
    { key: 'value', value },
  ],
});

interface Asked {
  ask(request: Request | Buffer): Promise<Response & { failed?: ServiceError }>;
  readonly decisions: Decision[];
}

const closings: (() => void)[] = [];
afterEach(() => {
  for (const close of closings.splice(0)) close();
});

/** A service on a real port, and a client of it. */
async function serve(options: Partial<RateLimitServiceOptions> = {}): Promise<Asked> {
  const decisions: Decision[] = [];
  const world = World.of([rateLimit(2), rateLimit(2, 'istio-system'), rateLimit(2, 'other', 'local')]);
  const store = new MemoryStore();
  const { definition, implementation } = rateLimitService({
    store,
    world: () => world,
    onDecision: (decision) => decisions.push(decision),
    ...options,
  });
  const server = new Server();
  server.addService(definition, implementation);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  closings.push(() => {
    client.close();
    server.forceShutdown();
    void store.close();
  });
  const { path, requestSerialize, responseDeserialize } = rateLimitDefinition.ShouldRateLimit;
  const ask = (request: Request | Buffer) => {
    const message = Buffer.isBuffer(request)
      ? request
      : Buffer.from(encode('envoy.service.ratelimit.v3.RateLimitRequest', request));
    return new Promise<Response & { failed?: ServiceError }>((resolve) => {
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, message, (error, answer) =>
        resolve(error ? { failed: error } : decode('envoy.service.ratelimit.v3.RateLimitResponse', answer!)),
      );
    });
  };
  return { ask, decisions };
}

const domain = 'malha.dev';

describe('the rate limit service', () => {
  it('lets as many pass as the rule in force says, for each value, and tells what is left', async () => {
    const { ask, decisions } = await serve();
    const request = { domain, descriptors: [descriptor()] };
    expect(await ask(request)).toMatchObject({
      overall_code: 'OK',
      statuses: [{ code: 'OK', current_limit: { requests_per_unit: 2, unit: 'HOUR' }, limit_remaining: 1 }],
    });
    expect(await ask(request)).toMatchObject({ overall_code: 'OK' });
    expect(await ask(request)).toMatchObject({ overall_code: 'OVER_LIMIT', statuses: [{ code: 'OVER_LIMIT' }] });
    expect(await ask({ domain, descriptors: [descriptor('bea')] })).toMatchObject({ overall_code: 'OK' });
    expect(decisions).toEqual(['allowed', 'allowed', 'limited', 'allowed']);
  });

  it('refuses a request when one of its rules is exceeded, and counts what a request weighs', async () => {
    const { ask } = await serve();
    const both = { domain, descriptors: [descriptor(), descriptor('ana', 'shop/api/1')] };
    expect(await ask(both)).toMatchObject({ overall_code: 'OK' });
    expect(await ask(both)).toMatchObject({
      statuses: [{ code: 'OK' }, { code: 'OVER_LIMIT' }],
      overall_code: 'OVER_LIMIT',
    });
    expect(await ask({ domain, descriptors: [descriptor('bea')], hits_addend: 3 })).toMatchObject({
      overall_code: 'OVER_LIMIT',
    });
  });

  it('limits nothing by a rule that is not in force, or not counted here', async () => {
    const { ask, decisions } = await serve();
    for (const rule of ['shop/api/7', 'shop/gone/0', 'other/api/0', 'nonsense', '__proto__/x/0']) {
      expect(await ask({ domain, descriptors: [descriptor('ana', rule)] })).toMatchObject({ overall_code: 'OK' });
    }
    expect(new Set(decisions)).toEqual(new Set(['unknown']));
  });

  it('lets nobody use up the limits of another namespace, but those of the root namespace', async () => {
    const caller = { trustDomain: 'cluster.local', namespace: 'other', serviceAccount: 'a' };
    const { ask, decisions } = await serve({ callerOf: async () => ({ identity: caller }) });
    expect(await ask({ domain, descriptors: [descriptor()] })).toMatchObject({
      failed: { code: 7, details: 'RateLimit shop/api is not for workloads of namespace other' },
    });
    expect(await ask({ domain, descriptors: [descriptor('ana', 'istio-system/api/0')] })).toMatchObject({
      overall_code: 'OK',
    });
    expect(decisions).toEqual(['refused', 'allowed']);
  });

  it('answers nobody without a credential, where credentials are asked for', async () => {
    const { ask, decisions } = await serve({
      callerOf: async () => {
        throw new Error('neither a certificate nor a token was shown');
      },
    });
    expect(await ask({ domain, descriptors: [descriptor()] })).toMatchObject({ failed: { code: 16 } });
    expect(decisions).toEqual(['refused']);
  });

  it('fails when nobody can count, so that the proxy does what the RateLimit says', async () => {
    const store: CountStore = {
      count: () => Promise.reject(new StoreUnavailable('connect ECONNREFUSED')),
      isAvailable: false,
      keys: 0,
      dropped: 0,
      close: async () => {},
    };
    const { ask, decisions } = await serve({ store });
    expect(await ask({ domain, descriptors: [descriptor()] })).toMatchObject({ failed: { code: 14 } });
    expect(decisions).toEqual(['unavailable']);
    const early = await serve({ world: () => undefined });
    expect(await early.ask({ domain, descriptors: [descriptor()] })).toMatchObject({ failed: { code: 14 } });
  });

  it('refuses what is no request of a proxy of ours', async () => {
    const { ask, decisions } = await serve();
    expect(await ask(Buffer.from('not protobuf'))).toMatchObject({ failed: { code: 3 } });
    expect(await ask({ domain: 'else', descriptors: [descriptor()] })).toMatchObject({ failed: { code: 3 } });
    const many = Array.from({ length: 65 }, () => descriptor());
    expect(await ask({ domain, descriptors: many })).toMatchObject({ failed: { code: 3 } });
    expect(decisions).toEqual(['refused', 'refused', 'refused']);
  });
});
