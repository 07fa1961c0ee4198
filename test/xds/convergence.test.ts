/**
 * Any sequence of changes, delivered at any pace to a client that behaves as Envoy does: it always ends where it should,
 * and on the way no route ever leads to a cluster that is not there and warm.
 */
import fc from 'fast-check';
import { decode, encode } from '../../lib/envoy/message';
import type { Snapshot } from '../../lib/envoy/resource';
import { TypeUrl } from '../../lib/envoy/type-url';
import { ProxyStream } from '../../lib/xds/proxy-stream';
import { Quarantine } from '../../lib/xds/quarantine';
import type { Variant } from '../../lib/xds/request';
import { FakeClock, silent } from './fake-client';
import { cluster, endpoints, listener, route, snapshotOf } from './resources';

const NODE = { id: 'sidecar~127.0.0.1~a.ns~ns.svc.cluster.local' };
const ROUTES = ['r0', 'r1', 'r2'];

interface Received {
  type: string;
  nonce: string;
  resources: Map<string, object>;
  removed: string[];
}

/** A client with Envoy's habits: it acknowledges clusters once they are warm, and asks for what others refer to. */
class EnvoyLike {
  readonly stream: ProxyStream;
  readonly held = new Map<string, Map<string, object>>(Object.values(TypeUrl).map((type) => [type, new Map()]));
  /** Clusters that have come or changed and wait for endpoints. */
  readonly warming = new Set<string>();
  readonly inbox: Received[] = [];
  private pendingClusterAck: string | undefined;
  private readonly asked = new Map<string, Set<string>>();

  constructor(
    private readonly variant: Variant,
    first: Snapshot,
  ) {
    this.stream = new ProxyStream(variant, 'peer', {
      clock: new FakeClock(),
      log: silent,
      observer: {},
      patience: 1_000_000,
      quarantine: new Quarantine(),
      write: (bytes, done) => {
        this.inbox.push(this.parse(bytes));
        setImmediate(done);
      },
    });
    this.stream.offer(first);
    this.request(TypeUrl.cluster, []);
    this.request(TypeUrl.listener, []);
  }

  private parse(bytes: Buffer): Received {
    if (this.variant === 'delta') {
      const response = decode('envoy.service.discovery.v3.DeltaDiscoveryResponse', bytes);
      const resources = (response.resources ?? []).map(({ name, resource }) => [name!, resource!] as const);
      const { type_url: type = '', nonce = '', removed_resources: removed = [] } = response;
      return { type, nonce, resources: new Map(resources), removed };
    }
    const {
      type_url: type = '',
      nonce = '',
      resources = [],
    } = decode('envoy.service.discovery.v3.DiscoveryResponse', bytes);
    const named = new Map(resources.map((each) => [String(each['name'] ?? each['cluster_name']), each]));
    const isComplete = type === TypeUrl.cluster || type === TypeUrl.listener;
    const removed = isComplete ? [...this.held.get(type)!.keys()].filter((name) => !named.has(name)) : [];
    return { type, nonce, resources: named, removed };
  }

  /** Takes in one response, in the order in which they came. */
  deliver(): boolean {
    const response = this.inbox.shift();
    if (!response) return false;
    const { type, nonce, resources, removed } = response;
    const held = this.held.get(type)!;
    for (const [name, resource] of resources) {
      // What came for a subscription that has ended since is ignored.
      if (this.asked.get(type)?.has(name) === false) continue;
      const isChanged = JSON.stringify(held.get(name)) !== JSON.stringify(resource);
      held.set(name, resource);
      if (type === TypeUrl.cluster && isChanged) this.warming.add(name);
      if (type === TypeUrl.endpoint) this.warming.delete(name);
    }
    if (type === TypeUrl.cluster || type === TypeUrl.listener) for (const name of removed) held.delete(name);
    if (type === TypeUrl.cluster) {
      for (const name of removed) this.warming.delete(name);
      this.pendingClusterAck = nonce;
      this.subscribe(TypeUrl.endpoint, [...held.keys()]);
    } else {
      this.request(type, this.wanted(type), nonce);
      if (type === TypeUrl.listener) this.subscribe(TypeUrl.route, [...held.values()].map(routeNameOf));
    }
    // Envoy holds the ACK back while anything warms.
    if (this.pendingClusterAck !== undefined && this.warming.size === 0) {
      const ack = this.pendingClusterAck;
      this.pendingClusterAck = undefined;
      this.request(TypeUrl.cluster, [], ack);
    }
    return true;
  }

  private wanted(type: string): string[] {
    return [...(this.asked.get(type) ?? [])];
  }

  /** What is not wanted any more is let go, as Envoy does when the cluster or listener is gone. */
  private subscribe(type: string, names: string[]): void {
    const before = this.asked.get(type) ?? new Set();
    const added = names.filter((name) => !before.has(name));
    const gone = [...before].filter((name) => !names.includes(name));
    this.asked.set(type, new Set(names));
    for (const name of gone) this.held.get(type)!.delete(name);
    if (added.length > 0 || gone.length > 0 || this.variant === 'state')
      this.request(type, names, undefined, added, gone);
  }

  private readonly nonces = new Map<string, string>();

  private request(type: string, names: string[], nonce?: string, added: string[] = [], gone: string[] = []): void {
    if (nonce !== undefined) this.nonces.set(type, nonce);
    const bytes =
      this.variant === 'delta'
        ? encode('envoy.service.discovery.v3.DeltaDiscoveryRequest', {
            node: NODE,
            type_url: type,
            response_nonce: nonce,
            resource_names_subscribe: added,
            resource_names_unsubscribe: gone,
          })
        : encode('envoy.service.discovery.v3.DiscoveryRequest', {
            node: NODE,
            type_url: type,
            response_nonce: this.nonces.get(type),
            resource_names: names,
          });
    this.stream.receive(bytes);
    this.stream.pump();
  }

  /** Routes whose cluster is not there, or was never warm. */
  broken(): string[] {
    const clusters = this.held.get(TypeUrl.cluster)!;
    const endpoints = this.held.get(TypeUrl.endpoint)!;
    return [...this.held.get(TypeUrl.route)!.values()]
      .map(clusterOf)
      .filter((name) => !clusters.has(name) || !endpoints.has(name));
  }
}

const routeNameOf = (resource: object) => /"route_config_name":"(r\d)"/.exec(JSON.stringify(resource))![1]!;
const clusterOf = (resource: object) => /"cluster":"(c\d)"/.exec(JSON.stringify(resource))![1]!;

/** Some clusters in some version, and routes that lead to some of them. */
const consistent = fc
  .record({
    clusters: fc.uniqueArray(fc.nat({ max: 5 }), { minLength: 1, maxLength: 6 }),
    version: fc.integer({ min: 1, max: 3 }),
    port: fc.integer({ min: 80, max: 82 }),
    targets: fc.tuple(fc.nat(), fc.nat(), fc.nat()),
    listeners: fc.uniqueArray(fc.nat({ max: 2 }), { minLength: 1 }),
  })
  .map(({ clusters, version, port, targets, listeners }) => {
    const names = clusters.map((number) => `c${number}`);
    return snapshotOf({
      clusters: names.map((name) => cluster(name, version)),
      endpoints: names.map((name) => endpoints(name, port)),
      listeners: listeners.map((number) => listener(`l${number}`, 80 + number, ROUTES[number]!)),
      routes: ROUTES.map((name, index) => route(name, names[targets[index]! % names.length]!)),
    });
  });

describe.each<Variant>(['delta', 'state'])('any changes at any pace, %s', (variant) => {
  it('end where they should, and never leave a route without its cluster', async () => {
    await fc.assert(
      fc.asyncProperty(
        consistent,
        fc.array(fc.oneof(consistent, fc.constant('deliver' as const)), { maxLength: 30 }),
        async (first, steps) => {
          const client = new EnvoyLike(variant, first);
          let last = first;
          const settle = () => new Promise((resolve) => setImmediate(resolve));
          for (const step of steps) {
            if (step === 'deliver') client.deliver();
            else {
              last = step;
              client.stream.offer(step);
              client.stream.pump();
            }
            expect(client.broken()).toEqual([]);
          }
          for (let idle = 0; idle < 3; ) {
            await settle();
            idle = client.deliver() ? 0 : idle + 1;
            expect(client.broken()).toEqual([]);
          }
          for (const [type, resources] of [
            [TypeUrl.cluster, last.clusters],
            [TypeUrl.listener, last.listeners],
            [TypeUrl.endpoint, last.endpoints],
          ] as const) {
            const expected = resources.map(({ name, message }) => [name, { '@type': type, ...message }]);
            expect(Object.fromEntries(client.held.get(type)!)).toEqual(Object.fromEntries(expected));
          }
          const reachable = new Set([...client.held.get(TypeUrl.listener)!.values()].map(routeNameOf));
          expect(new Set(client.held.get(TypeUrl.route)!.keys())).toEqual(reachable);
          const { types } = client.stream.status();
          expect([types.clusters.state, types.endpoints.state, types.listeners.state, types.routes.state]).toEqual(
            Array(4).fill('synced'),
          );
        },
      ),
      { numRuns: 150 },
    );
  });
});
