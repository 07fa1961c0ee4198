/**
 * 5,000 HTTPRoutes on one Gateway of the Gateway API: how long their translation takes, how long one changed route takes
 * to reach traffic while others are asked all the time, and what the gateway's Envoy needs to hold them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeObject } from '../../../lib/api/object';
import { gatewayContainer } from '../../../lib/injector';
import { type RunningMesh, up } from '../../../lib/local';
import { Translator } from '../../../lib/pilot';
import { complete, proxyNamed, World } from '../../../lib/world';
import { ManifestFolder, namespace, service } from '../../envoy/manifests';
import { measured, median, type Part, percentile } from '../measurement';

const ROUTES = 5_000;
const SERVICES = 20;
const RUNS = 7;
const EDITS = 60;
const WARM_UP = 5;
const PATIENCE_MILLISECONDS = 20_000;
const PACE_MILLISECONDS = 2;
const HEADER = 'x-bench-route';
const EDITED = ROUTES - 1;

export const routes: Part = {
  name: 'routes',
  about: '5,000 HTTPRoutes on one gateway: translation, one change to traffic, memory of its Envoy',
  async run(say) {
    const measurements = translation(say);
    const folder = new ManifestFolder({
      'mesh.yaml': [...backends(), ...gatewayObjects()],
      'routes.yaml': Array.from({ length: ROUTES - 1 }, (_, i) => route(i)),
      'edited.yaml': [route(EDITED, '0')],
    });
    let mesh: RunningMesh | undefined;
    try {
      say('starting a gateway');
      mesh = await up({ dir: folder.path, port: 0 });
      const { times, failed, asked } = await edits(mesh, folder, say);
      return [
        ...measurements,
        measured('routes', 'one changed route to traffic, p50', median(times), 'ms', 100),
        measured('routes', 'one changed route to traffic, p99', percentile(times, 0.99), 'ms'),
        measured('routes', 'requests of other routes meanwhile', asked, 'requests'),
        measured('routes', 'of these, failed', failed, 'requests', 0),
        measured('routes', 'memory of the gateway’s Envoy', memoryOfGateway() / 1e6, 'MB', 250),
      ];
    } finally {
      await mesh?.stop();
      folder.remove();
    }
  },
};

/** From nothing, and after one route has changed. */
function translation(say: (line: string) => void) {
  const objects = complete([...backends(), ...gatewayObjects(), ...Array.from({ length: ROUTES }, (_, i) => route(i))]);
  const { metadata } = objects.find(({ kind, metadata: { name } }) => kind === 'Pod' && name.startsWith('edge'))!;
  const proxyIn = (world: World) => proxyNamed(world, `${metadata.name}.${metadata.namespace}`)!;
  say(`${objects.length} objects`);
  const first: number[] = [];
  const again: number[] = [];
  for (let run = 0; run < WARM_UP + RUNS; run++) {
    const translator = new Translator();
    // What is made of an object is remembered with it, so each run has objects of its own.
    const own = structuredClone(objects);
    const start = performance.now();
    const world = World.of(own);
    translator.snapshot(world, proxyIn(world));
    const done = performance.now();
    const changed = own.map((object) =>
      object.metadata.name === nameOf(EDITED) ? route(EDITED, String(run)) : object,
    );
    const changedAt = performance.now();
    const next = World.of(changed);
    translator.snapshot(next, proxyIn(next));
    if (run < WARM_UP) continue;
    first.push(done - start);
    again.push(performance.now() - changedAt);
  }
  return [
    measured('routes', '5,000 HTTPRoutes, from nothing', median(first), 'ms', 1_000),
    measured('routes', 'the same after one of them changed', median(again), 'ms'),
  ];
}

function backends(): KubeObject[] {
  const [first, ...more] = Array.from({ length: SERVICES }, (_, i) => `web-${i}`);
  return [
    namespace('shop'),
    ...service(first!, ['v1']),
    // All lead to one Pod: the machine has enough to do.
    ...more.map((name) => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'shop' },
      spec: { selector: { app: first }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
    })),
  ];
}

function gatewayObjects(): KubeObject[] {
  const labels = { 'gateway.networking.k8s.io/gateway-name': 'edge' };
  const containers = [gatewayContainer({ workload: 'edge', ports: [{ name: 'http', containerPort: 8080 }] })];
  const metadata = { name: 'edge', namespace: 'shop' };
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
    },
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'Gateway',
      metadata,
      spec: { gatewayClassName: 'malha', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] },
    },
  ];
}

const nameOf = (i: number) => `route-${i}`;
const hostOf = (i: number) => `${nameOf(i)}.shop.example`;

/** A host of its own, and two rules: by path and header, and for the rest. */
function route(i: number, header = ''): KubeObject {
  const filter = {
    type: 'ResponseHeaderModifier',
    responseHeaderModifier: { set: [{ name: HEADER, value: header || 'none' }] },
  };
  const backendRefs = [{ name: `web-${i % SERVICES}`, port: 80 }];
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: nameOf(i), namespace: 'shop' },
    spec: {
      parentRefs: [{ name: 'edge' }],
      hostnames: [hostOf(i)],
      rules: [
        {
          matches: [{ path: { type: 'PathPrefix', value: `/api/${i}` }, headers: [{ name: 'x-version', value: '2' }] }],
          backendRefs,
        },
        { filters: [filter], backendRefs },
      ],
    },
  };
}

async function edits(mesh: RunningMesh, folder: ManifestFolder, say: (line: string) => void) {
  const pod = mesh.objects.find(({ kind, metadata: { name } }) => kind === 'Pod' && name.startsWith('edge'))!;
  const address = await mesh.address(`${pod.metadata.name}.shop`, 8080);
  const agent = new Agent({ keepAlive: true, maxSockets: 2 });
  const others = { asked: 0, failed: 0, going: true };
  const ask = (i: number) => get(address, agent, hostOf(i));
  const asking = (async () => {
    for (let i = 0; others.going; i = (i + 37) % (ROUTES - 1)) {
      const answer = await ask(i).catch(() => undefined);
      others.asked++;
      if (answer?.status !== 200) others.failed++;
      await sleep(PACE_MILLISECONDS);
    }
  })();
  const times: number[] = [];
  try {
    for (let generation = 1; generation <= WARM_UP + EDITS; generation++) {
      const start = performance.now();
      folder.write('edited.yaml', [route(EDITED, String(generation))]);
      while ((await ask(EDITED)).header !== String(generation)) {
        if (performance.now() - start > PATIENCE_MILLISECONDS)
          throw new Error(`edit ${generation} did not reach traffic`);
        await sleep(PACE_MILLISECONDS);
      }
      if (generation > WARM_UP) times.push(performance.now() - start);
      if (generation % 20 === 0) say(`${generation} edits`);
      // People and pipelines do not edit in step with any of our timers.
      await sleep(50 + Math.random() * 100);
    }
  } finally {
    others.going = false;
    await asking;
    agent.destroy();
  }
  return { times, failed: others.failed, asked: others.asked };
}

function get(
  { host, port }: { host: string; port: number },
  agent: Agent,
  name: string,
): Promise<{ status?: number; header?: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, agent, path: '/', headers: { host: name } }, (response) => {
      response.resume();
      const header = String(response.headers[HEADER]);
      response.on('end', () => resolve({ status: response.statusCode, header }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** Resident, in bytes. */
function memoryOfGateway(): number {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      if (/^PPid:\t(\d+)$/m.exec(status)?.[1] !== String(process.pid)) continue;
      if (!/\0router~[^~]*~edge/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))) continue;
      return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
    } catch {
      // It ended while we looked.
    }
  }
  throw new Error('the gateway has no Envoy');
}
