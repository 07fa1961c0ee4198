/**
 * Ten thousand reconnects as fast as a load client can open them, each a connection and a first request of 60 kB as Envoy's, while
 * twenty proxies are connected and the mesh changes ten times a second: how long a change takes to these, before and meanwhile, and
 * what memory the control plane needs. The flood comes from a process of its own.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, credentials } from '@grpc/grpc-js';
import type { KubeObject } from '../../../lib/api/object';
import { encode } from '../../../lib/envoy/message';
import { TypeUrl } from '../../../lib/envoy/type-url';
import { complete } from '../../../lib/world';
import { MeshSource } from '../../../lib/xds/mesh-source';
import { aggregatedDiscoveryService, XdsServer } from '../../../lib/xds/server';
import { measured, type Part, percentile } from '../measurement';

const RECONNECTS = 10_000;
/** Connections that the flood has open at once. */
const AT_ONCE = 500;
const PROXIES = 20;
const SERVICES = 200;
const PACE_MILLISECONDS = 100;
const BASELINE_MILLISECONDS = 10_000;
const DELTA = 'envoy.service.discovery.v3.DeltaDiscoveryRequest';
const { path, requestSerialize, responseDeserialize } = aggregatedDiscoveryService.DeltaAggregatedResources;

interface Flood {
  readonly seconds: number;
  readonly answered: number;
  readonly refused: number;
}

export const flood: Part = {
  name: 'flood',
  about:
    '10,000 reconnects with first requests of 60 kB: their rate, memory, and changes to proxies that are connected',
  async run(say) {
    const silent = { info() {}, warn() {}, error() {} };
    const source = new MeshSource({ log: silent, complete });
    source.update(objects(0));
    const server = new XdsServer(source, { log: silent });
    const port = await server.listen('127.0.0.1:0');
    const mesh = new ChangingMesh(source, port);
    try {
      say('changes without a flood');
      const before = await mesh.during(() => sleep(BASELINE_MILLISECONDS));
      const memory = process.memoryUsage.rss();
      let highest = memory;
      const watching = setInterval(() => {
        highest = Math.max(highest, process.memoryUsage.rss());
      }, 20);
      say(`${RECONNECTS} reconnects`);
      let result: Flood | undefined;
      const meanwhile = await mesh.during(async () => {
        result = await floodFrom(fork(__filename), port);
      });
      clearInterval(watching);
      const { seconds, answered, refused } = result!;
      const [quiet, busy] = [percentile(before, 0.99), percentile(meanwhile, 0.99)];
      return [
        measured('flood', 'reconnects', RECONNECTS / seconds, '1/s'),
        measured('flood', 'of these, answered', answered, 'streams'),
        measured('flood', 'of these, refused', refused, 'streams'),
        measured('flood', 'memory that it took', (highest - memory) / 1e6, 'MB', 512),
        measured('flood', 'change to proxies, p99 without a flood', quiet, 'ms'),
        measured('flood', 'change to proxies, p99 meanwhile', busy, 'ms', Math.ceil(2 * quiet)),
      ];
    } finally {
      mesh.close();
      await server.close(0);
    }
  },
};

/** A Service for each, and a route that changes. */
function objects(generation: number): KubeObject[] {
  const services = Array.from({ length: SERVICES }, (_, i) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: `web-${i}`, namespace: 'shop' },
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80 }] },
  }));
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'shop', labels: { app: 'web' } },
    spec: { containers: [{ name: 'app', ports: [{ containerPort: 80 }] }] },
    status: { podIP: '198.18.0.1' },
  };
  const route = {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { host: 'web-0', trafficPolicy: { connectionPool: { tcp: { maxConnections: generation + 1 } } } },
  };
  return [...services, pod, route];
}

const NODE = 'sidecar~198.18.0.1~web.shop~shop.svc.cluster.local';

class ChangingMesh {
  private readonly clients: Client[] = [];
  private readonly times: number[] = [];
  private generation = 0;
  private changedAt = 0;

  constructor(
    private readonly source: MeshSource,
    port: number,
  ) {
    for (let i = 0; i < PROXIES; i++) {
      const options = { 'grpc.use_local_subchannel_pool': 1 };
      const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), options);
      this.clients.push(client);
      const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
      stream.on('error', () => {});
      stream.on('data', (bytes: Buffer) => {
        this.times.push(performance.now() - this.changedAt);
        // The nonce is all that is read; a whole decoding would be the clients' cost, in this process.
        stream.write(Buffer.from(encode(DELTA, { type_url: TypeUrl.cluster, response_nonce: nonceIn(bytes) })));
      });
      stream.write(Buffer.from(encode(DELTA, { node: { id: NODE }, type_url: TypeUrl.cluster })));
    }
  }

  /** How long each change took to each proxy while `work` went on. */
  async during(work: () => Promise<unknown>): Promise<number[]> {
    await sleep(1_000);
    this.times.length = 0;
    let isOver = false;
    const working = work().then(() => {
      isOver = true;
    });
    while (!isOver) {
      this.changedAt = performance.now();
      this.source.update(objects(++this.generation));
      await sleep(PACE_MILLISECONDS);
    }
    await working;
    return [...this.times];
  }

  close(): void {
    for (const client of this.clients) client.close();
  }
}

/** Field 5 of a DeltaDiscoveryResponse, which is written behind the resources. */
function nonceIn(bytes: Buffer): string {
  const typeUrl = bytes.lastIndexOf(TypeUrl.cluster);
  const at = typeUrl + TypeUrl.cluster.length;
  return bytes.toString('utf8', at + 2, at + 2 + bytes[at + 1]!);
}

async function floodFrom(child: ChildProcess, port: number): Promise<Flood> {
  child.send(port);
  const [result] = (await once(child, 'message')) as [Flood];
  return result;
}

/** In the process of the flood: opens, asks, takes the first bytes or the refusal, and goes. */
async function run(port: number): Promise<Flood> {
  const extensions = Array.from({ length: 700 }, (_, i) => ({
    name: `envoy.extension-${i}`,
    category: 'x'.repeat(60),
  }));
  const bytes = encode(DELTA, { node: { id: NODE, user_agent_name: 'envoy', extensions }, type_url: TypeUrl.cluster });
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  const message = Buffer.concat([head, bytes]);
  const counts = { answered: 0, refused: 0 };
  const one = () =>
    new Promise<void>((resolve) => {
      const session = connect(`http://127.0.0.1:${port}`);
      const end = (outcome: 'answered' | 'refused') => {
        counts[outcome]++;
        session.destroy();
        resolve();
      };
      session.once('error', () => end('refused'));
      const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
      const stream = session.request(headers);
      let isOver = false;
      const once = (outcome: 'answered' | 'refused') => {
        if (isOver) return;
        isOver = true;
        end(outcome);
      };
      stream.on('error', () => once('refused'));
      stream.on('data', () => once('answered'));
      stream.on('end', () => once('refused'));
      stream.write(message);
    });
  const started = performance.now();
  let left = RECONNECTS;
  const caller = async () => {
    while (left-- > 0) await one();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, caller));
  return { seconds: (performance.now() - started) / 1000, ...counts };
}

if (require.main === module) {
  process.once('message', (port: number) => {
    void run(port).then((result) => process.send!(result, () => process.disconnect()));
  });
}
