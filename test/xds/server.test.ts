import {
  Client,
  type ClientDuplexStream,
  credentials,
  logVerbosity,
  type ServiceError,
  setLogVerbosity,
} from '@grpc/grpc-js';
import { decode, encode } from '../../lib/envoy/message';
import type { Snapshot } from '../../lib/envoy/resource';
import { TypeUrl } from '../../lib/envoy/type-url';
import { aggregatedDiscoveryService, XdsServer } from '../../lib/xds/server';
import type { Node, SnapshotSource } from '../../lib/xds/source';
import { silent } from './fake-client';
import { cluster, snapshotOf } from './resources';

/** A source whose snapshots the test sets. */
class FakeSource implements SnapshotSource {
  private readonly snapshots = new Map<string, Snapshot>();
  private onChange = () => {};

  snapshot(node: Node): Snapshot | undefined {
    if (node.id === 'untranslatable') throw new Error('cannot translate this');
    return this.snapshots.get(node.id);
  }

  subscribe(onChange: () => void): () => void {
    this.onChange = onChange;
    return () => {};
  }

  set(id: string, snapshot: Snapshot): void {
    this.snapshots.set(id, snapshot);
    this.onChange();
  }
}

type Stream = ClientDuplexStream<Buffer, Buffer>;

const source = new FakeSource();
const refused: string[] = [];
const server = new XdsServer(source, { log: silent, observer: { refused: (reason) => refused.push(reason) } });
let port: number;
let client: Client;

// The test below that asks for a taken port need not fill the screen.
setLogVerbosity(logVerbosity.NONE);

beforeAll(async () => {
  port = await server.listen('127.0.0.1:0');
  client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
});

afterAll(async () => {
  client.close();
  await server.close();
});

function open(method: keyof typeof aggregatedDiscoveryService): Stream {
  const { path, requestSerialize, responseDeserialize } = aggregatedDiscoveryService[method];
  const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  // Cancelling a call is reported as an error of it.
  stream.on('error', () => {});
  return stream;
}

const delta = (id: string, fields: object = {}) =>
  Buffer.from(
    encode('envoy.service.discovery.v3.DeltaDiscoveryRequest', { node: { id }, type_url: TypeUrl.cluster, ...fields }),
  );

async function next(stream: Stream) {
  const bytes = await new Promise<Buffer>((resolve, reject) => {
    stream.once('data', resolve);
    stream.once('error', reject);
  });
  return decode('envoy.service.discovery.v3.DeltaDiscoveryResponse', bytes);
}

const failureOf = (stream: Stream) => new Promise<ServiceError>((resolve) => stream.once('error', resolve));

describe('the server', () => {
  it('sends resources with their names and versions (delta)', async () => {
    const a = cluster('a');
    source.set('one', snapshotOf({ clusters: [a] }));
    const stream = open('DeltaAggregatedResources');
    stream.write(delta('one'));
    const response = await next(stream);
    expect(response).toMatchObject({
      type_url: TypeUrl.cluster,
      resources: [{ name: 'a', version: a.version, resource: { '@type': TypeUrl.cluster, ...a.message } }],
    });
    stream.cancel();
  });

  it('sends resources in state of the world', async () => {
    source.set('two', snapshotOf({ clusters: [cluster('a'), cluster('b')] }));
    const stream = open('StreamAggregatedResources');
    stream.write(
      Buffer.from(
        encode('envoy.service.discovery.v3.DiscoveryRequest', { node: { id: 'two' }, type_url: TypeUrl.cluster }),
      ),
    );
    const bytes = await new Promise<Buffer>((resolve) => stream.once('data', resolve));
    const response = decode('envoy.service.discovery.v3.DiscoveryResponse', bytes);
    expect(response.resources?.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(response.version_info).toHaveLength(16);
    stream.cancel();
  });

  it('tells proxies of changes, those it did not know too', async () => {
    const stream = open('DeltaAggregatedResources');
    stream.write(delta('late'));
    await until(() => server.proxies().some(({ node }) => node.id === 'late'));
    expect(server.proxies().find(({ node }) => node.id === 'late')?.types.clusters.state).toBe('unknown');
    source.set('late', snapshotOf({ clusters: [cluster('a')] }));
    const first = await next(stream);
    stream.write(delta('late', { response_nonce: first.nonce }));
    source.set('late', snapshotOf({ clusters: [cluster('a', 2)] }));
    expect((await next(stream)).resources?.map(({ name }) => name)).toEqual(['a']);
    stream.cancel();
  });

  it('forgets a proxy that goes away', async () => {
    const stream = open('DeltaAggregatedResources');
    stream.write(delta('short'));
    await until(() => server.proxies().some(({ node }) => node.id === 'short'));
    stream.cancel();
    await until(() => !server.proxies().some(({ node }) => node.id === 'short'));
    expect(server.proxies().map(({ node }) => node.id)).not.toContain('short');
  });

  it('goes on when a translation fails', async () => {
    const stream = open('DeltaAggregatedResources');
    stream.write(delta('untranslatable'));
    await until(() => server.proxies().some(({ node }) => node.id === 'untranslatable'));
    source.set('one', snapshotOf({ clusters: [cluster('a')] }));
    const other = open('DeltaAggregatedResources');
    other.write(delta('one'));
    expect((await next(other)).resources).toHaveLength(1);
    stream.cancel();
    other.cancel();
  });
});

describe('a client that breaks the protocol', () => {
  it('loses its stream, and no other does', async () => {
    const good = open('DeltaAggregatedResources');
    good.write(delta('one'));
    const { nonce } = await next(good);

    const bad = open('DeltaAggregatedResources');
    bad.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    expect((await failureOf(bad)).details).toContain('the request cannot be read');

    good.write(delta('one', { response_nonce: nonce }));
    source.set('one', snapshotOf({ clusters: [cluster('a', 9)] }));
    expect((await next(good)).resources).toHaveLength(1);
    expect(refused).toContain('invalid');
    good.cancel();
  });

  it('loses its stream when the request is too large', async () => {
    const stream = open('DeltaAggregatedResources');
    stream.write(Buffer.alloc(5 * 1024 * 1024));
    expect((await failureOf(stream)).code).toBe(8);
  });

  it('loses its stream when it subscribes to too much', async () => {
    const stream = open('DeltaAggregatedResources');
    stream.write(delta('one', { resource_names_subscribe: Array.from({ length: 70_000 }, (_, i) => `name-${i}`) }));
    const failure = await failureOf(stream);
    expect(failure.details).toContain('at most 65536 are allowed');
    expect(failure.code).toBe(8);
  });
});

describe('a port that is taken', () => {
  it('is an error that says so', async () => {
    const other = new XdsServer(source, { log: silent });
    await expect(other.listen(`127.0.0.1:${port}`)).rejects.toThrow(
      `cannot serve xDS on 127.0.0.1:${port}: the port is in use`,
    );
    await other.close();
  });
});

describe('closing', () => {
  it('ends the streams, so that proxies turn to another replica', async () => {
    const own = new XdsServer(source, { log: silent });
    const ownClient = new Client(`127.0.0.1:${await own.listen('127.0.0.1:0')}`, credentials.createInsecure());
    const { path, requestSerialize, responseDeserialize } = aggregatedDiscoveryService.DeltaAggregatedResources;
    const stream: Stream = ownClient.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    stream.write(delta('one'));
    await next(stream);
    const ended = new Promise((resolve) => stream.once('end', resolve));
    stream.resume();
    stream.on('error', () => {});
    await own.close();
    await ended;
    expect(own.proxies()).toEqual([]);
    ownClient.close();
  });
});

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 5_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited 5 s in vain for ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
