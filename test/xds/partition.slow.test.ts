/**
 * Three control planes before one API server, and proxies that move among them, while lines are cut, lists lie, clocks jump and replicas
 * start anew (THREATS 35). What a proxy has accepted is always a policy that was committed, never one without; on one stream it
 * never goes back; and when all is whole again everybody has the newest.
 *
 * Across replicas versions have no order: a proxy that moves to a replica that is cut off from the API server gets the last World that this one
 * had, which was whole and in force once.
 */
import { Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js';
import type { KubeObject } from '../../lib/api/object';
import { ClusterWatch } from '../../lib/discovery/kubernetes';
import { KubeApiError } from '../../lib/discovery/kubernetes/api-error';
import type { Api, List, Query, WatchEvent } from '../../lib/discovery/kubernetes/client';
import { decode, encode } from '../../lib/envoy/message';
import { TypeUrl } from '../../lib/envoy/type-url';
import { MeshSource } from '../../lib/xds/mesh-source';
import { aggregatedDiscoveryService, XdsServer } from '../../lib/xds/server';
import { FakeApi } from '../discovery/fake-api';
import { silent } from './fake-client';

const STEPS = 120;
const PROXIES = 6;
const TEN_MINUTES = 600_000;
/** An API server that was away is asked again within 10 s. */
const CONVERGED_WITHIN_MS = 15_000;

const POLICIES = '/apis/security.istio.io/v1/authorizationpolicies';
const policy = (generation: number): KubeObject =>
  ({
    metadata: { name: 'web', namespace: 'shop' },
    spec: { action: 'ALLOW', rules: [{ to: [{ operation: { paths: [`/generation-${generation}`] } }] }] },
  }) as unknown as KubeObject;

/** Numbers that look like chance and are the same in every run. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** What the clock on the wall is ahead by. Nothing here may go by that clock. */
let skew = 0;
const wall = Date.now;
beforeEach(() => jest.spyOn(Date, 'now').mockImplementation(() => wall() + skew));
afterEach(() => jest.restoreAllMocks());

/** One replica's way to the API server. */
class Line implements Api {
  private readonly ends = new Set<(error?: Error) => void>();
  private fault: 'cut' | 'empty' | undefined;

  constructor(private readonly api: FakeApi) {}

  break(fault: 'cut' | 'empty'): void {
    this.fault = fault;
    const error = fault === 'cut' ? new Error('ECONNRESET') : KubeApiError.of('WATCH', 410, '{}');
    for (const end of [...this.ends]) end(error);
  }

  heal(): void {
    this.fault = undefined;
    for (const end of [...this.ends]) end(KubeApiError.of('WATCH', 410, '{}'));
  }

  async get<T>(path: string, query?: Query): Promise<T> {
    if (this.fault === 'cut') throw new Error('ECONNREFUSED');
    const answer = await this.api.get<T>(path, query);
    const isList = Array.isArray((answer as Partial<List>).items);
    return this.fault === 'empty' && isList ? { ...answer, items: [] } : answer;
  }

  async watch(
    path: string,
    query: Query,
    onEvent: (event: WatchEvent) => void,
    onEnd: (error?: Error) => void,
  ): Promise<() => void> {
    if (this.fault === 'cut') throw new Error('ECONNREFUSED');
    // The one in memory does not tell what came before a watch; so such a watch has to begin with a list.
    if (Number(query['resourceVersion']) < this.api.version) throw KubeApiError.of('WATCH', 410, '{}');
    const stop = await this.api.watch(path, query, onEvent, onEnd);
    const end = (error?: Error) => {
      stop();
      this.ends.delete(end);
      onEnd(error);
    };
    this.ends.add(end);
    return () => {
      this.ends.delete(end);
      stop();
    };
  }
}

class Replica {
  readonly line: Line;
  port?: number;
  private watch?: ClusterWatch;
  private server?: XdsServer;

  constructor(api: FakeApi) {
    this.line = new Line(api);
  }

  /** Serves as soon as it has read all, as the control plane does. */
  start(): void {
    const source = new MeshSource({ log: silent });
    const server = new XdsServer(source, { log: silent });
    const watch = new ClusterWatch({
      api: this.line,
      rootNamespace: 'malha-system',
      onChange: (objects) => source.update(objects),
    });
    [this.server, this.watch] = [server, watch];
    void watch.whole.then(async () => {
      const port = await server.listen('127.0.0.1:0');
      if (this.server === server) this.port = port;
      else await server.close(0);
    });
  }

  async stop(): Promise<void> {
    const { server } = this;
    this.watch?.close();
    this.server = undefined;
    if (this.port !== undefined) await server?.close(0);
    this.port = undefined;
  }
}

class MovingProxy {
  /** By name, as it goes on with it when its stream ends. */
  private readonly listeners = new Map<string, { version: string; generation?: number }>();
  readonly breaches: string[] = [];
  private client?: Client;
  accepted = 0;

  constructor(
    readonly pod: string,
    readonly address: string,
    private readonly committed: () => number,
  ) {}

  get generation(): number | undefined {
    return this.listeners.get('virtualInbound')?.generation;
  }

  moveTo(port: number): void {
    this.client?.close();
    this.client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
    });
    const { path, requestSerialize, responseDeserialize } = aggregatedDiscoveryService.DeltaAggregatedResources;
    const stream = this.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    const versions = [...this.listeners].map(([name, { version }]) => [name, version]);
    let highest = 0;
    stream.on('error', () => undefined);
    stream.on('data', (bytes: Buffer) => {
      highest = this.accept(bytes, highest, stream);
    });
    this.send(stream, { resource_names_subscribe: ['*'], initial_resource_versions: Object.fromEntries(versions) });
  }

  /** @returns the newest generation of this stream. */
  private accept(bytes: Buffer, highest: number, stream: ClientDuplexStream<Buffer, Buffer>): number {
    const response = decode('envoy.service.discovery.v3.DeltaDiscoveryResponse', bytes);
    for (const name of response.removed_resources ?? []) {
      this.listeners.delete(name);
      if (name === 'virtualInbound') this.breaches.push('the inbound listener was taken away');
    }
    let newest = highest;
    for (const { name = '', version = '', resource } of response.resources ?? []) {
      const text = JSON.stringify(resource);
      const found = [...text.matchAll(/generation-(\d+)/g)].map(([, digits]) => Number(digits));
      this.listeners.set(name, { version, generation: found[0] });
      if (name !== 'virtualInbound') continue;
      this.accepted++;
      newest = found[0] ?? 0;
      if (new Set(found).size !== 1) this.breaches.push(`the inbound listener has the policies ${found.join()}`);
      if (newest > this.committed()) this.breaches.push(`${newest} was never committed`);
      if (newest < highest) this.breaches.push(`${newest} came after ${highest} on one stream`);
    }
    this.send(stream, { response_nonce: response.nonce });
    return newest;
  }

  private send(stream: ClientDuplexStream<Buffer, Buffer>, fields: object): void {
    const node = { id: `sidecar~${this.address}~${this.pod}.shop~shop.svc.cluster.local` };
    const request = { node, type_url: TypeUrl.listener, ...fields };
    stream.write(Buffer.from(encode('envoy.service.discovery.v3.DeltaDiscoveryRequest', request)));
  }

  close(): void {
    this.client?.close();
  }
}

test.each([1, 2, 3])(
  'no policy is ever missing, made up or older on a stream, and all have the newest in the end (%d)',
  async (seed) => {
    const next = chance(seed);
    const api = new FakeApi();
    let generation = 1;
    const commit = () => api.put(POLICIES, policy(++generation));
    api.put('/api/v1/namespaces', { metadata: { name: 'kube-system', uid: api.clusterUid } } as KubeObject);
    api.put(POLICIES, policy(generation));
    api.put('/api/v1/services', {
      metadata: { name: 'web', namespace: 'shop' },
      spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
    } as unknown as KubeObject);
    const proxies = Array.from({ length: PROXIES }, (_, i) => {
      const [pod, address] = [`web-${i}`, `198.18.0.${i + 1}`];
      const metadata = { name: pod, namespace: 'shop', labels: { app: 'web' } };
      const spec = { containers: [{ name: 'app', ports: [{ containerPort: 8080 }] }] };
      api.put('/api/v1/pods', { metadata, spec, status: { podIP: address } } as unknown as KubeObject);
      return new MovingProxy(pod, address, () => generation);
    });
    const replicas = Array.from({ length: 3 }, () => new Replica(api));
    for (const replica of replicas) replica.start();
    const move = (proxy: MovingProxy) => {
      const { port } = replicas[next(3)]!;
      if (port !== undefined) proxy.moveTo(port);
    };
    try {
      await until(() => replicas.every(({ port }) => port !== undefined));
      for (const proxy of proxies) move(proxy);
      await until(() => proxies.every((proxy) => proxy.generation === generation));

      for (let step = 0; step < STEPS; step++) {
        const replica = replicas[next(3)]!;
        const actions: (() => unknown)[] = [
          commit,
          commit,
          () => move(proxies[next(PROXIES)]!),
          () => move(proxies[next(PROXIES)]!),
          () => replica.line.break('cut'),
          () => replica.port !== undefined && replica.line.break('empty'),
          () => replica.line.heal(),
          () => replica.line.heal(),
          () => {
            skew = (next(2) === 0 ? -1 : 1) * next(TEN_MINUTES);
          },
          async () => {
            await replica.stop();
            // Who starts believes its first lists: it has nothing to hold against them.
            replica.line.heal();
            if (next(2) === 0) replica.line.break('cut');
            replica.start();
          },
        ];
        await actions[next(actions.length)]!();
        await sleep(next(20));
      }
      for (const { line } of replicas) line.heal();
      await until(() => replicas.every(({ port }) => port !== undefined));
      for (const proxy of proxies) move(proxy);
      commit();
      await until(() => proxies.every((proxy) => proxy.generation === generation));
      expect(proxies.flatMap(({ breaches }) => breaches)).toEqual([]);
      expect(proxies.reduce((sum, { accepted }) => sum + accepted, 0)).toBeGreaterThan(PROXIES * 5);
    } finally {
      for (const proxy of proxies) proxy.close();
      for (const replica of replicas) await replica.stop();
    }
  },
  60_000,
);

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + CONVERGED_WITHIN_MS;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not so within ${CONVERGED_WITHIN_MS} ms: ${condition}`);
    await sleep(10);
  }
}
