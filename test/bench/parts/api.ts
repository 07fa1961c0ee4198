/**
 * From the API server's answer to a write until the first request that behaves so: a VirtualService that is changed, and an EndpointSlice,
 * on a real kube-apiserver, with the control plane as a program and a real Envoy. Requests go one after the other, without pause.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiServer } from '../../cluster/api-server';
import type { Stage } from '../../cluster/stage';
import { measured, median, type Part, percentile } from '../measurement';

const WRITES = 200;
const WARM_UP = 10;
const PORT = 8080;
const GOAL_MILLISECONDS = 30;

export const api: Part = {
  name: 'api',
  about: 'from the API server’s answer to a write to the first request that behaves so, through real Envoy',
  async run(say) {
    say('starting a Kubernetes API');
    const script = join(process.cwd(), 'scripts', 'setup-cluster');
    const bin = execFileSync(script, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
    const folder = mkdtempSync(join(tmpdir(), 'malha-bench-api-'));
    const cluster = await ApiServer.start(folder, bin);
    process.env.MALHA_TEST_KUBECONFIG = cluster.kubeconfig;
    process.env.MALHA_TEST_KUBECTL = join(bin, 'kubectl');
    let stage: Stage | undefined;
    try {
      // What finds the cluster looks at the environment as soon as it is loaded.
      const { Stage: Stages } = await import('../../cluster/stage.js');
      const opened = await Stages.open('bench');
      stage = opened;
      const routes = await writesOf(virtualServices(opened), opened, say);
      const slices = await writesOf(await endpointSlices(opened), opened, say);
      return [
        measured('api', 'writes of each kind', WRITES, 'writes'),
        measured('api', 'VirtualService to traffic, p50', median(routes), 'ms'),
        measured('api', 'VirtualService to traffic, p99', percentile(routes, 0.99), 'ms', GOAL_MILLISECONDS),
        measured('api', 'EndpointSlice to traffic, p50', median(slices), 'ms'),
        measured('api', 'EndpointSlice to traffic, p99', percentile(slices, 0.99), 'ms', GOAL_MILLISECONDS),
      ];
    } finally {
      await stage?.close();
      await cluster.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

interface Subject {
  readonly name: string;
  readonly url: string;
  /** Writes the object for the n-th time. @returns the body of answers from then on. */
  write(n: number): Promise<string>;
}

function virtualServices(stage: Stage): Subject {
  return {
    name: 'VirtualService',
    url: stage.url,
    async write(n) {
      const string = `version ${n}`;
      const spec = { hosts: ['web'], http: [{ directResponse: { status: 200, body: { string } } }] };
      const body = { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', metadata: { name: 'web' }, spec };
      if (n === 0) await stage.client.request('POST', stage.meshPath('virtualservices'), { body });
      else await stage.client.patch(stage.meshPath('virtualservices', 'web'), 'merge', { spec });
      return string;
    },
  };
}

/** Of a Service without a selector, so that nobody else writes its slice. */
async function endpointSlices(stage: Stage): Promise<Subject> {
  const addresses = ['198.18.200.1', '198.18.200.2'];
  for (const address of addresses) await stage.network.serve(address, address, PORT);
  await stage.create('services', {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'swap' },
    spec: { ports: [{ name: 'http', port: 80, targetPort: PORT }] },
  });
  const folder = `/apis/discovery.k8s.io/v1/namespaces/${stage.namespace}/endpointslices`;
  return {
    name: 'EndpointSlice',
    url: `http://swap.${stage.namespace}/`,
    async write(n) {
      const address = addresses[n % 2]!;
      const endpoints = [{ addresses: [address], conditions: { ready: true } }];
      const body = {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name: 'swap-1', labels: { 'kubernetes.io/service-name': 'swap' } },
        addressType: 'IPv4',
        ports: [{ name: 'http', port: PORT, protocol: 'TCP' }],
        endpoints,
      };
      if (n === 0) await stage.client.request('POST', folder, { body });
      else await stage.client.patch(`${folder}/swap-1`, 'merge', { endpoints });
      return address;
    },
  };
}

async function writesOf(subject: Subject, stage: Stage, say: (line: string) => void): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < WARM_UP + WRITES; n++) {
    const body = await subject.write(n);
    const answered = performance.now();
    await stage.network.askUntil(subject.url, body);
    if (n >= WARM_UP) times.push(performance.now() - answered);
    if (n % 50 === 0) say(`${subject.name}: ${n} writes`);
    // Nobody writes in step with any of our timers.
    await sleep(20 + Math.random() * 80);
  }
  return times;
}
