/** Clients that flood, never read, or send what nobody should: they cost little, and the others are served (THREATS 9, 10, 33). */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { Client, type ClientDuplexStream, credentials, type ServiceError } from '@grpc/grpc-js';
import fc from 'fast-check';
import { decode, encode } from '../../lib/envoy/message';
import type { Snapshot } from '../../lib/envoy/resource';
import { TypeUrl } from '../../lib/envoy/type-url';
import { aggregatedDiscoveryService, XdsServer, type XdsServerOptions } from '../../lib/xds/server';
import type { Logger, SnapshotSource } from '../../lib/xds/source';
import { FakeClient, FakeClock, silent } from './fake-client';
import { cluster, snapshotOf } from './resources';

type Stream = ClientDuplexStream<Buffer, Buffer>;

const DELTA = 'envoy.service.discovery.v3.DeltaDiscoveryRequest';
const { path, requestSerialize, responseDeserialize } = aggregatedDiscoveryService.DeltaAggregatedResources;

/** One snapshot for everybody. */
class OneSnapshot implements SnapshotSource {
  private onChange = () => {};

  constructor(private current: Snapshot) {}

  snapshot(): Snapshot {
    return this.current;
  }

  set(snapshot: Snapshot): void {
    this.current = snapshot;
    this.onChange();
  }

  subscribe(onChange: () => void): () => void {
    this.onChange = onChange;
    return () => {};
  }
}

const source = new OneSnapshot(snapshotOf({ clusters: [cluster('a')] }));
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(options: Partial<XdsServerOptions> = {}) {
  const server = new XdsServer(source, { log: silent, ...options });
  const port = await server.listen('127.0.0.1:0');
  closers.push(() => server.close(0));
  return { server, port };
}

function clientOf(port: number): Client {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  closers.push(() => client.close());
  return client;
}

function open(client: Client): Stream {
  const stream: Stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  stream.setMaxListeners(50).on('error', () => {});
  return stream;
}

const request = (id: string, fields: object = {}) =>
  Buffer.from(encode(DELTA, { node: { id }, type_url: TypeUrl.cluster, ...fields }));

async function next(stream: Stream) {
  const bytes = await new Promise<Buffer>((resolve, reject) => {
    stream.once('data', resolve);
    stream.once('error', reject);
  });
  return decode('envoy.service.discovery.v3.DeltaDiscoveryResponse', bytes);
}

const endOf = (stream: Stream) => new Promise<ServiceError>((resolve) => stream.once('error', resolve));

/** As Envoy: the first request lists every extension. */
const EXTENSIONS = Array.from({ length: 600 }, (_, i) => ({
  name: `envoy.filters.extension-${i}`,
  category: 'x'.repeat(60),
}));

describe('a flood of streams', () => {
  it('is let in at a pace and refused beyond a bound, with the sender in the log, while who is connected is served', async () => {
    const refused: string[] = [];
    const lines: { sender?: string; refused?: number }[] = [];
    const log: Logger = { ...silent, warn: (fields) => lines.push(fields) };
    const gate = { perSecond: 100, atOnce: 30, mostWaiting: 50, mostOfOne: 10_000 };
    const { server, port } = await serve({ log, gate, observer: { refused: (reason) => refused.push(reason) } });
    const good = open(clientOf(port));
    good.write(request('good'));
    let { nonce } = await next(good);

    const flood = Array.from({ length: 4 }, () => clientOf(port)).flatMap((client) =>
      Array.from({ length: 100 }, () => open(client)),
    );
    const first = Buffer.from(
      encode(DELTA, {
        node: { id: 'flood', user_agent_name: 'envoy', extensions: EXTENSIONS },
        type_url: TypeUrl.cluster,
      }),
    );
    expect(first.length).toBeGreaterThan(50_000);
    const ends = flood.map((stream) => endOf(stream));
    for (const stream of flood) {
      stream.resume();
      stream.write(first);
    }
    for (let version = 2; version < 12; version++) {
      good.write(request('good', { response_nonce: nonce }));
      source.set(snapshotOf({ clusters: [cluster('a', version)] }));
      const response = await next(good);
      expect(response.resources).toHaveLength(1);
      nonce = response.nonce;
    }
    await until(() => refused.length + server.proxies().length >= 400);
    expect(refused.filter((reason) => reason === 'flood').length).toBeGreaterThan(200);
    expect((await Promise.race(ends)).code).toBe(8);
    expect(lines.filter(({ sender }) => sender === '127.0.0.1')).toHaveLength(1);
    for (const stream of flood) stream.cancel();
    await until(() => server.proxies().length === 1);

    // Who comes back when it is over is let in.
    const late = open(clientOf(port));
    late.write(request('late'));
    expect((await next(late)).resources).toHaveLength(1);
  }, 30_000);
});

describe('a client that never reads', () => {
  it('costs one response and 64 kB, however much changes, and nobody else waits for it', async () => {
    const big = (version: number) =>
      snapshotOf({ clusters: Array.from({ length: 500 }, (_, i) => cluster(`c${i}-${'x'.repeat(200)}`, version)) });
    source.set(big(1));
    let bytes = 0;
    const { port } = await serve({ patience: 1, observer: { pushed: (_, length) => (bytes += length) } });
    const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 0 } });
    closers.push(() => session.destroy());
    call(session).write(framed(request('deaf')));
    await until(() => bytes > 0);
    const once = bytes;
    expect(once).toBeGreaterThan(100_000);

    for (let version = 2; version < 20; version++) {
      source.set(big(version));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(bytes).toBe(once);
    const other = open(clientOf(port));
    other.write(request('other'));
    expect((await next(other)).resources).toHaveLength(500);
  });

  it('loses its stream after a minute, and the log names it', async () => {
    const clock = new FakeClock();
    const lines: object[] = [];
    const refused: string[] = [];
    const log: Logger = { ...silent, warn: (fields) => lines.push(fields) };
    source.set(snapshotOf({ clusters: [cluster('x'.repeat(100_000))] }));
    const { server, port } = await serve({ clock, log, observer: { refused: (reason) => refused.push(reason) } });
    const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 0 } });
    closers.push(() => session.destroy());
    call(session).write(framed(request('deaf')));
    const reading = open(clientOf(port));
    reading.write(request('reading'));
    await next(reading);
    await until(() => server.proxies().length === 2);
    clock.advance(59_000);
    expect(server.proxies()).toHaveLength(2);
    clock.advance(1_000);
    expect(server.proxies().map(({ node }) => node.id)).toEqual(['reading']);
    expect(refused).toEqual(['slow']);
    expect(lines).toEqual([
      expect.objectContaining({ proxy: 'deaf', error: 'has not read for 60 s what it was sent' }),
    ]);
  });
});

describe('a client of HTTP/2 that means harm', () => {
  const served = async (port: number) => {
    const stream = open(clientOf(port));
    stream.write(request('other'));
    return (await next(stream)).resources;
  };

  it('opens and cancels streams as fast as it can, leaves nothing behind, and nobody else waits for it', async () => {
    source.set(snapshotOf({ clusters: [cluster('a')] }));
    const { server, port } = await serve();
    const session = connect(`http://127.0.0.1:${port}`);
    session.setMaxListeners(0);
    // The server may end the whole connection: that is a defence, too.
    session.on('error', () => {});
    closers.push(() => session.destroy());
    for (let i = 0; i < 10_000 && !session.destroyed; i++) {
      const stream = call(session);
      stream.on('error', () => {});
      stream.close(constants.NGHTTP2_CANCEL);
      if (i % 100 === 99) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await served(port)).toHaveLength(1);
    await until(() => server.proxies().length === 1);
    expect(server.proxies().map(({ node }) => node.id)).toEqual(['other']);
  });

  it('sends headers without end, and is cut off before it has sent them', async () => {
    source.set(snapshotOf({ clusters: [cluster('a')] }));
    const { server, port } = await serve();
    const before = process.memoryUsage.rss();
    for (let round = 0; round < 50; round++) {
      const session = connect(`http://127.0.0.1:${port}`);
      session.on('error', () => {});
      const cookie = Array.from({ length: 1_000 }, (_, i) => `${i}=${'x'.repeat(200)}`).join('; ');
      const ended = new Promise<string>((resolve) => {
        const stream = session.request({
          ':method': 'POST',
          ':path': path,
          'content-type': 'application/grpc',
          cookie,
        });
        stream.on('response', () => resolve('answered'));
        stream.on('error', () => resolve('cut off'));
        stream.on('close', () => resolve('cut off'));
      });
      expect(await ended).toBe('cut off');
      session.destroy();
    }
    expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 1_024 * 1_024);
    expect(await served(port)).toHaveLength(1);
    expect(server.proxies()).toHaveLength(1);
  });
});

describe('a request', () => {
  it('that unpacks to a quarter of a gigabyte is cut off at 4 MB', async () => {
    const { port } = await serve();
    const bomb = gzipSync(Buffer.alloc(1 << 28));
    expect(bomb.length).toBeLessThan(1 << 20);
    const before = process.memoryUsage.rss();
    const session = connect(`http://127.0.0.1:${port}`);
    closers.push(() => session.destroy());
    const stream = call(session, { 'grpc-encoding': 'gzip' });
    const status = statusOf(stream);
    stream.write(framed(bomb, true));
    expect(await status).toBe('8');
    expect(process.memoryUsage.rss() - before).toBeLessThan(96 << 20);
  }, 30_000);

  it('that nests without end ends its stream, and no other', async () => {
    const { port } = await serve();
    const client = clientOf(port);
    const good = open(client);
    good.write(request('good'));
    await next(good);
    const bad = open(client);
    const end = endOf(bad);
    bad.write(nested(20_000));
    expect((await end).details).toContain('the request cannot be read');
    expect(good.destroyed).toBe(false);
  });

  it('of any bytes is taken or ends its stream as a breach of the protocol', () => {
    const valid = request('a', { resource_names_subscribe: ['a', 'b'], initial_resource_versions: { a: '1' } });
    const mutated = fc
      .array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 })
      .map((changes) => {
        const bytes = Buffer.from(valid);
        for (const [at, value] of changes) bytes[at] = value;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), (bytes) => {
        const { stream } = new FakeClient('delta');
        try {
          stream.receive(bytes);
          stream.pump();
        } catch (error) {
          expect((error as Error).name).toBe('ProtocolError');
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each(['delta', 'state'] as const)('after request for other names is bounded as one is (%s)', (variant) => {
    const client = new FakeClient(variant);
    client.isReading = false;
    client.offer(snapshotOf({ clusters: [cluster('a')] }));
    const churn = () => {
      for (let i = 0; i < 100; i++) {
        const names = Array.from({ length: 1_000 }, (_, j) => `${i}-${j}-${'x'.repeat(1_000)}`);
        client.subscribe('eds', variant === 'state' ? ['*', ...names] : names);
      }
    };
    expect(churn).toThrow(/at most 4194304 are allowed/);
  });

  it('to be told no more about names that it never asked for costs no more than one that asks', () => {
    const client = new FakeClient('delta');
    client.isReading = false;
    client.offer(snapshotOf({ clusters: [cluster('a')] }));
    client.subscribe('eds', ['*']);
    const churn = () => {
      for (let i = 0; i < 100; i++) {
        const names = Array.from({ length: 1_000 }, (_, j) => `${i}-${j}-${'x'.repeat(1_000)}`);
        const fields = { node: { id: 'a' }, type_url: TypeUrl.endpoint, resource_names_unsubscribe: names };
        client.stream.receive(encode(DELTA, fields));
      }
    };
    expect(churn).toThrow(/at most 4194304 are allowed/);
  });
});

function call(session: ClientHttp2Session, headers: Record<string, string> = {}): ClientHttp2Stream {
  session.on('error', () => {});
  const own = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...headers };
  const stream = session.request(own);
  stream.on('error', () => {});
  return stream;
}

/** A message of gRPC: whether it is packed, its length, and itself. */
function framed(bytes: Uint8Array, isPacked = false): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(isPacked ? 1 : 0);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

function statusOf(stream: ClientHttp2Stream): Promise<string> {
  return new Promise((resolve) => {
    const note = (headers: Record<string, unknown>) => {
      if (headers['grpc-status'] !== undefined) resolve(String(headers['grpc-status']));
    };
    stream.on('response', note);
    stream.on('trailers', note);
    stream.resume();
  });
}

/** A request whose node's metadata is a list in a list, `depth` times. */
function nested(depth: number): Buffer {
  const lengthOf = (length: number) => {
    const bytes: number[] = [];
    for (let rest = length; ; rest >>>= 7) {
      if (rest < 128) return Buffer.from([...bytes, rest]);
      bytes.push((rest & 127) | 128);
    }
  };
  const parts: Buffer[] = [];
  let length = 0;
  const wrap = (field: number) => {
    const head = Buffer.concat([Buffer.from([(field << 3) | 2]), lengthOf(length)]);
    parts.push(head);
    length += head.length;
  };
  // ListValue.values, Value.list_value.
  for (let i = 0; i < depth; i++) for (const field of [1, 6]) wrap(field);
  // Struct.fields: an entry with its value; Node.metadata; DeltaDiscoveryRequest.node.
  for (const field of [2, 1, 3, 1]) wrap(field);
  return Buffer.concat(parts.reverse());
}

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited 20 s in vain for ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
