import { EventEmitter } from 'node:events';
import { Client, credentials, Server, ServerCredentials, type ServiceError } from '@grpc/grpc-js';
import type { envoy } from '../../lib/envoy/generated/envoy';
import { encode } from '../../lib/envoy/message';
import { accessLogDefinition, accessLogService } from '../../lib/mixer/access-log-service';
import { LogBudget } from '../../lib/mixer/log-budget';
import { ObservedCalls } from '../../lib/mixer/observed-calls';

const calls = new ObservedCalls(() => 0);
const server = new Server();
let client: Client;

beforeAll(async () => {
  const { definition, implementation } = accessLogService(calls);
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
    const { implementation } = accessLogService(taken, events, new LogBudget(10, () => 0));
    const call = new EventEmitter();
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
