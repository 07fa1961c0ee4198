import { EventEmitter } from 'node:events';
import { Client, status as Code, credentials, Server, ServerCredentials, type ServiceError } from '@grpc/grpc-js';
import type { envoy } from '../../lib/envoy/generated/envoy';
import { encode } from '../../lib/envoy/message';
import { accessLogDefinition, accessLogService, type LogCredential } from '../../lib/mixer/access-log-service';
import { LogBudget } from '../../lib/mixer/log-budget';
import { ObservedCalls } from '../../lib/mixer/observed-calls';
import { type Identity, World } from '../../lib/world';
import { pod } from '../world/sample';

const calls = new ObservedCalls(() => 0);
const server = new Server();
let client: Client;

beforeAll(async () => {
  const { definition, implementation } = accessLogService({ calls });
  server.addService(definition, implementation);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
});

afterAll(() => {
  client.close();
  server.forceShutdown();
});

type Message = envoy.service.accesslog.v3.StreamAccessLogsMessage;

/** Streams the messages and resolves with the answer's error, if it was one. */
async function stream(messages: (Message | Buffer)[]): Promise<ServiceError | null> {
  const { path, requestSerialize, responseDeserialize } = accessLogDefinition.StreamAccessLogs;
  return new Promise((resolve) => {
    const call = client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, (error) => resolve(error));
    for (const message of messages) {
      call.write(
        Buffer.isBuffer(message)
          ? message
          : Buffer.from(encode('envoy.service.accesslog.v3.StreamAccessLogsMessage', message)),
      );
    }
    call.end();
  });
}

const identifier = { node: { id: 'sidecar~198.18.0.1~page.shop~shop.svc.cluster.local' }, log_name: 'calls' };
const http_logs = (code: number) => ({
  log_entry: [
    {
      common_properties: { upstream_cluster: 'outbound|80||reviews.shop.svc.cluster.local' },
      response: { response_code: code },
    },
  ],
});

describe('the access log service', () => {
  it('counts what proxies stream; only the first message says who streams', async () => {
    const failure = await stream([
      { identifier, http_logs: http_logs(200) },
      { http_logs: http_logs(200) },
      { http_logs: http_logs(503) },
    ]);
    expect(failure).toBeNull();
    expect(calls.all().map(({ source, destination, code, count }) => ({ source, destination, code, count }))).toEqual([
      { source: 'page.shop', destination: 'reviews.shop.svc.cluster.local:80', code: 200, count: 2 },
      { source: 'page.shop', destination: 'reviews.shop.svc.cluster.local:80', code: 503, count: 1 },
    ]);
  });

  it('lets go what comes faster than its budget allows, and says how much', async () => {
    let lost = 0;
    let received = 0;
    const taken = new ObservedCalls(() => 0);
    const events = { received: (n: number) => (received += n), lost: (n: number) => (lost += n) };
    const budget = new LogBudget(10, () => 0);
    const { implementation } = accessLogService({ calls: taken, ...events, budget });
    const call = Object.assign(new EventEmitter(), { getPeer: () => '198.18.0.1:4711' });
    (implementation.StreamAccessLogs as (call: unknown, respond: () => void) => void)(call, () => {});
    const send = (message: Message) =>
      call.emit('data', Buffer.from(encode('envoy.service.accesslog.v3.StreamAccessLogsMessage', message)));
    send({ identifier, http_logs: http_logs(200) });
    for (let i = 0; i < 25; i++) send({ http_logs: http_logs(200) });
    expect({ received, lost, counted: taken.all()[0]!.count }).toEqual({ received: 11, lost: 15, counted: 11 });
  });

  it('ends a stream that cannot be read, or does not say who it is', async () => {
    expect((await stream([Buffer.from([0xff, 0xff])]))?.code).toBe(3);
    expect((await stream([{ http_logs: http_logs(200) }]))?.details).toContain('has no identifier.node.id');
  });
});

describe('the access log service for callers who prove themselves', () => {
  const page: Identity = { trustDomain: 'cluster.local', namespace: 'shop', serviceAccount: 'page' };
  const world = (address = '198.18.0.1') => {
    const own = pod('page', 'shop', {}, address);
    return World.of([{ ...own, spec: { ...own.spec, serviceAccountName: 'page' } }]);
  };
  const inbound = (uri: string): Message['http_logs'] => ({
    log_entry: [
      {
        common_properties: {
          upstream_cluster: 'inbound|8080||',
          tls_properties: {
            local_certificate_properties: { subject_alt_name: [{ uri }] },
            peer_certificate_properties: { subject_alt_name: [{ uri: 'spiffe://cluster.local/ns/shop/sa/web' }] },
          },
        },
        response: { response_code: 200 },
      },
    ],
  });

  /** One stream of one caller, with hands on the time and on the World. */
  function streamOf(callerOf: () => Promise<LogCredential>, address = '198.18.0.1') {
    const counted = new ObservedCalls(() => 0);
    const refusals: string[] = [];
    const moment = { now: 0, world: world() };
    const { implementation } = accessLogService({
      calls: counted,
      callerOf,
      world: () => moment.world,
      now: () => moment.now,
      refused: ({ message }) => void refusals.push(message),
    });
    const call = Object.assign(new EventEmitter(), { getPeer: () => `${address}:4711` });
    const answers: (number | undefined)[] = [];
    (implementation.StreamAccessLogs as (call: unknown, respond: (error: ServiceError | null) => void) => void)(
      call,
      (error) => answers.push(error?.code),
    );
    const send = async (message: Message) => {
      await new Promise(setImmediate);
      call.emit('data', Buffer.from(encode('envoy.service.accesslog.v3.StreamAccessLogsMessage', message)));
    };
    return {
      send,
      moment,
      answers,
      refusals,
      counted: () => counted.all().map(({ source, count }) => [source, count]),
    };
  }
  const known = async () => ({ identity: page, expiresAt: new Date(60_000) });

  it('counts what a proxy tells of itself', async () => {
    const { send, answers, counted } = streamOf(known);
    await send({ identifier, http_logs: http_logs(200) });
    await send({ http_logs: inbound('spiffe://cluster.local/ns/shop/sa/page') });
    expect(answers).toEqual([]);
    expect(counted()).toEqual([
      ['page.shop', 1],
      ['spiffe://cluster.local/ns/shop/sa/web', 1],
    ]);
  });

  it('does not listen to callers who prove nothing, and tells them nothing', async () => {
    const { send, answers, refusals, counted } = streamOf(() => Promise.reject(new Error('the token is of another')));
    await send({ identifier, http_logs: http_logs(200) });
    expect(answers).toEqual([Code.UNAUTHENTICATED]);
    expect(refusals).toEqual(['the token is of another']);
    expect(counted()).toEqual([]);
  });

  it.each<[string, string, number]>([
    ['another Pod of its namespace', 'sidecar~198.18.0.1~other.shop~shop.svc.cluster.local', Code.UNAVAILABLE],
    ['a Pod of another namespace', 'sidecar~198.18.0.1~page.bank~bank.svc.cluster.local', Code.PERMISSION_DENIED],
    ['nobody', 'page', Code.PERMISSION_DENIED],
  ])('counts nothing that a proxy tells as %s', async (_, id, code) => {
    const { send, answers, counted } = streamOf(known);
    await send({ identifier: { ...identifier, node: { id } }, http_logs: http_logs(200) });
    expect(answers).toEqual([code]);
    expect(counted()).toEqual([]);
  });

  it('counts nothing of an identity that comes from an address that is not its workload’s', async () => {
    const { send, answers, counted, refusals } = streamOf(known, '198.18.0.66');
    await send({ identifier, http_logs: http_logs(200) });
    expect([answers, counted()]).toEqual([[Code.PERMISSION_DENIED], []]);
    expect(refusals[0]).toContain('the connection comes from 198.18.0.66');
  });

  it('ends a stream that tells of calls to somebody else, and names who did', async () => {
    const { send, answers, counted, refusals } = streamOf(known);
    await send({ identifier, http_logs: inbound('spiffe://cluster.local/ns/bank/sa/vault') });
    expect([answers, counted()]).toEqual([[Code.PERMISSION_DENIED], []]);
    expect(refusals).toEqual([
      'spiffe://cluster.local/ns/shop/sa/page tells of calls to spiffe://cluster.local/ns/bank/sa/vault',
    ]);
  });

  it('ends a stream with its credential, and with its workload', async () => {
    const expired = streamOf(known);
    await expired.send({ identifier, http_logs: http_logs(200) });
    expired.moment.now = 60_000;
    await expired.send({ http_logs: http_logs(200) });
    expect([expired.answers, expired.counted()]).toEqual([[Code.UNAUTHENTICATED], [['page.shop', 1]]]);

    const gone = streamOf(known);
    await gone.send({ identifier, http_logs: http_logs(200) });
    gone.moment.world = world('198.18.0.2');
    await gone.send({ http_logs: http_logs(200) });
    expect([gone.answers, gone.counted()]).toEqual([[Code.PERMISSION_DENIED], [['page.shop', 1]]]);
  });
});
