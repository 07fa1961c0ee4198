/** What the authorizer answers when it is asked too much, too late, or nonsense. */
import type { ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { decode, encode } from '../../../lib/envoy/message';
import { requestOf } from '../../../lib/mixer/authorization/authorization-request';
import {
  type AuthorizationOutcome,
  type AuthorizationServiceOptions,
  authorizationService,
} from '../../../lib/mixer/authorization/authorization-service';
import { allow, type LimitedCheck } from '../../../lib/plugin';

const outcomes: AuthorizationOutcome[] = [];

function asker(options: Omit<AuthorizationServiceOptions, 'onDecision'>) {
  const { implementation } = authorizationService({ ...options, onDecision: (outcome) => void outcomes.push(outcome) });
  return (message: Buffer) =>
    new Promise<{ code: number; status?: unknown }>((resolve) => {
      const respond: sendUnaryData<Buffer> = (_, bytes) => {
        const { status, denied_response } = decode('envoy.service.auth.v3.CheckResponse', bytes!);
        resolve({ code: status?.code ?? 0, status: denied_response?.status?.code });
      };
      implementation.Check({ request: message } as ServerUnaryCall<Buffer, Buffer>, respond);
    });
}

const question = Buffer.from(
  encode('envoy.service.auth.v3.CheckRequest', { attributes: { request: { http: { method: 'GET', path: '/' } } } }),
);
const yes: LimitedCheck = { name: 'a/yes', check: async () => allow() };
const never: LimitedCheck = { name: 'a/never', check: () => new Promise(() => {}) };

beforeEach(() => void outcomes.splice(0));

describe('a question', () => {
  test('that one check allows passes, and with none at all is refused', async () => {
    expect(await asker({ checks: [yes] })(question)).toEqual({ code: 0 });
    expect(await asker({ checks: [] })(question)).toEqual({ code: 7, status: 'Forbidden' });
    expect(outcomes).toEqual(['allowed', 'failed']);
  });

  test('that cannot be read is refused, and counted', async () => {
    const ask = asker({ checks: [yes] });
    expect(await ask(Buffer.from('ff', 'hex'))).toEqual({ code: 7, status: 'Forbidden' });
    expect(await ask(Buffer.alloc(0))).toEqual({ code: 7, status: 'Forbidden' });
    expect(outcomes).toEqual(['unreadable', 'unreadable']);
  });

  test('beyond those that may wait is refused at once with 503, and the others get their answer', async () => {
    const ask = asker({ checks: [never], milliseconds: 50, mostWaiting: 2 });
    const answers = await Promise.all([ask(question), ask(question), ask(question)]);
    expect(answers.map(({ status }) => status)).toEqual(['Forbidden', 'Forbidden', 'ServiceUnavailable']);
    expect(outcomes).toEqual(['crowded', 'late', 'late']);
    expect(await ask(question)).toEqual({ code: 7, status: 'Forbidden' });
  });
});

test('what a proxy tells of a caller counts only where it is the identity of a workload', () => {
  const of = (principal: string) => requestOf({ attributes: { source: { principal } } });
  expect(of('spiffe://cluster.local/ns/shop/sa/page').caller?.namespace).toBe('shop');
  expect(of('spiffe://cluster.local/ns/shop/sa/page/../admin').caller).toBeUndefined();
  expect(of('CN=page').caller).toBeUndefined();
  expect(of('')).toEqual({ protocol: 'tcp', headers: {} });
});

test('a header named __proto__ is a header', () => {
  const http = { method: 'GET', path: '/', headers: JSON.parse('{"__proto__":"x","a":"b"}') as Record<string, string> };
  const { headers } = requestOf({ attributes: { request: { http } } });
  expect(Object.entries(headers)).toContainEqual(['a', 'b']);
  expect(Object.getPrototypeOf(headers)).toBeNull();
});
