/**
 * From a World to all that one proxy should have, without a Sidecar to narrow it: 10,000 objects, of which 1,000 are
 * services with routes, subsets and six Pods each. Nothing is remembered from before; only the machine code is warm.
 */
import type { KubeObject } from '../../../lib/api/object';
import { Translator } from '../../../lib/pilot';
import { type Proxy, proxyNamed, World } from '../../../lib/world';
import { measured, median, type Part } from '../measurement';

const SERVICES = 1_000;
const PODS_PER_SERVICE = 6;
const NAMESPACES = 20;
const RUNS = 15;
const WARM_UP = 5;

export const translate: Part = {
  name: 'translate',
  about: 'from 10,000 objects to everything that one proxy gets, and again after one change',
  async run(say) {
    const objects = meshOf(SERVICES);
    say(`${objects.length} objects`);
    const first: number[] = [];
    const again: number[] = [];
    const worlds: number[] = [];
    let resources = 0;
    for (let run = 0; run < WARM_UP + RUNS; run++) {
      const translator = new Translator();
      const start = performance.now();
      const world = World.of(objects);
      const made = performance.now();
      const snapshot = translator.snapshot(world, proxyIn(world));
      const done = performance.now();
      const next = World.of(changed(objects, run));
      const changedAt = performance.now();
      translator.snapshot(next, proxyIn(next));
      if (run >= WARM_UP) {
        worlds.push(made - start);
        first.push(done - made);
        again.push(performance.now() - changedAt);
      }
      resources = Object.values(snapshot).reduce((sum, list) => sum + list.length, 0);
    }
    return [
      measured('translate', 'objects', objects.length, 'objects'),
      measured('translate', 'resources of one proxy', resources, 'resources'),
      measured('translate', 'World of the objects', median(worlds), 'ms'),
      measured('translate', 'one proxy, from nothing', median(first), 'ms', 150),
      measured('translate', 'the same after one endpoint changed', median(again), 'ms'),
    ];
  },
};

function proxyIn(world: World): Proxy {
  return proxyNamed(world, 'app-0-0.ns-0')!;
}

function meshOf(services: number): KubeObject[] {
  return Array.from({ length: services }, (_, i) => serviceObjects(i)).flat();
}

function serviceObjects(i: number): KubeObject[] {
  const name = `app-${i}`;
  const namespace = `ns-${i % NAMESPACES}`;
  const metadata = { name, namespace };
  const subsets = ['v1', 'v2'];
  const addressOf = (pod: number) => `10.${1 + (i >> 8)}.${i & 255}.${1 + pod}`;
  const pods = Array.from({ length: PODS_PER_SERVICE }, (_, pod) => pod);
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { clusterIP: `10.96.${i >> 8}.${i & 255}`, selector: { app: name }, ports: [{ name: 'http', port: 80 }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `${name}-a`, namespace, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 8080 }],
      endpoints: pods.map((pod) => ({
        addresses: [addressOf(pod)],
        targetRef: { kind: 'Pod', name: `${name}-${pod}`, namespace },
      })),
    } as KubeObject,
    ...pods.map(
      (pod): KubeObject =>
        ({
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: {
            name: `${name}-${pod}`,
            namespace,
            labels: { app: name, version: subsets[pod % 2]!, 'pod-template-hash': '5d8c9f7b6' },
          },
          spec: { containers: [{ name: 'app' }] },
          status: { phase: 'Running', podIP: addressOf(pod) },
        }) as KubeObject,
    ),
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'DestinationRule',
      metadata,
      spec: {
        host: name,
        trafficPolicy: { connectionPool: { tcp: { maxConnections: 100 } }, outlierDetection: {} },
        subsets: subsets.map((version) => ({ name: version, labels: { version } })),
      },
    },
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata,
      spec: {
        hosts: [name],
        http: [
          {
            match: [{ headers: { 'end-user': { exact: 'jason' } } }],
            route: [{ destination: { host: name, subset: 'v2' } }],
          },
          {
            timeout: '5s',
            route: subsets.map((subset, at) => ({ destination: { host: name, subset }, weight: at === 0 ? 90 : 10 })),
          },
        ],
      },
    },
  ];
}

/** The same objects, apart from one endpoint that has gone. */
function changed(objects: readonly KubeObject[], at: number): KubeObject[] {
  const slices = objects.filter(({ kind }) => kind === 'EndpointSlice');
  const slice = slices[(at * 37) % slices.length] as KubeObject & { endpoints: unknown[] };
  const fewer = { ...slice, endpoints: slice.endpoints.slice(1) };
  return objects.map((object) => (object === slice ? fewer : object));
}
