/**
 * A canary upgrade by revision: control planes a and b of one mesh beside each other, namespaces that move from a to b by their label and
 * by a tag, and the end of a. Two real Envoys, each in a network of its own, call each other by mutual TLS all the while.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { Capture, UndeclaredCalls } from '../../constructs';
import type { Pod } from '../../lib/api/kubernetes';
import type { KubeObject } from '../../lib/api/object';
import { malha } from '../cli/captured-io';
import { apply, clusterOptions, eventually, everything, kubectl, makeNamespace } from './cluster';
import { InstalledMesh, type Replica } from './installed-mesh';
import type { PodNetwork } from './pod-network';

const PORT = 8080;
let mesh: InstalledMesh;
/** Where the client is: asks by tag. */
let front: string;
/** Where the server is: asks by revision. */
let back: string;
let client: PodNetwork;
let firstClient: Pod;

beforeAll(async () => {
  mesh = await InstalledMesh.open({
    controlPlane: { revision: 'a', tags: ['prod'], standbyZones: 0 },
    capture: Capture.explicit(),
    undeclaredCalls: UndeclaredCalls.allow(),
  });
  front = await member('front', 'prod');
  back = await member('back', 'a');
  apply(
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace: back },
      spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: PORT }] },
    }),
  );
  // As a MeshService with explicit capture writes it.
  const port = { number: PORT, protocol: 'HTTP', name: 'http' };
  apply(
    JSON.stringify({
      apiVersion: 'networking.istio.io/v1',
      kind: 'Sidecar',
      metadata: { name: 'web', namespace: back },
      spec: {
        workloadSelector: { labels: { app: 'web' } },
        ingress: [{ port, defaultEndpoint: `127.0.0.1:${PORT}`, captureMode: 'NONE' }],
      },
    }),
  );
}, 120_000);
afterAll(async () => {
  for (const name of [front, back]) kubectl(['delete', 'namespace', name, '--wait=false']);
  await mesh?.close();
  // What was set by hand belongs to the mesh, and goes with its manifests.
  await eventually(
    () => kubectl(['get', 'mutatingwebhookconfigurations,clusterroles', '-l', 'istio.io/tag', '-o', 'name']).out,
    (names) => names === '',
    30,
  );
}, 120_000);

async function member(name: string, asksFor: string): Promise<string> {
  const namespace = await makeNamespace(mesh.client, name, { 'istio.io/rev': asksFor });
  mesh.kubelet.serve(namespace);
  await eventually(
    () => mesh.client.get(`/api/v1/namespaces/${namespace}/serviceaccounts/default`).catch(() => undefined),
    Boolean,
  );
  return namespace;
}

const path = (namespace: string, name: string) => `/api/v1/namespaces/${namespace}/pods/${name}`;
const running = (namespace: string, name: string) =>
  eventually(
    () => mesh.client.get<Pod>(path(namespace, name)),
    ({ status }) => Boolean(status?.podIP),
    30,
  );

/** Creates a Pod of a member, and starts its application and its Envoy, which finds the given replica under its revision's name. */
async function start(namespace: string, name: string, app: string, replica: () => Replica) {
  const body = { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { app } }, spec: mesh.restricted };
  await mesh.client.request('POST', `/api/v1/namespaces/${namespace}/pods`, { body });
  const pod = await running(namespace, name);
  const network = await mesh.network.ofPod(pod.status!.podIP!);
  await network.serve(name, '127.0.0.1', PORT);
  const host = revisionOf(pod) === 'a' ? 'malha-control-plane-a' : 'malha-control-plane-b';
  const names = { [`${host}.${mesh.system}.svc.cluster.local`]: [replica().address] };
  await network.startInjected(pod, names, mesh.kubelet.volumeOf(pod));
  await eventually(
    () => network.get(`http://${pod.status!.podIP}:15021/healthz/ready`),
    ({ status }) => status === 200,
    30,
  );
  return { pod, network };
}

/** By whom a Pod was injected: whom its proxy asks. */
function revisionOf({ spec }: Pod): string | undefined {
  const proxy = spec!.initContainers?.find(({ name }) => name === 'istio-proxy');
  return /malha-control-plane-([a-z]+)\.malha-system/.exec(proxy?.args?.join(' ') ?? '')?.[1];
}

const url = () => `http://web.${back}/`;
const answeredBy = (name: string) =>
  eventually(
    () => client.ask(url()),
    ({ status, body }) => status === 200 && body === name,
    30,
  );
const label = (namespace: string, revision: string) =>
  kubectl(['label', 'namespace', namespace, `istio.io/rev=${revision}`, '--overwrite']);
const run = (...args: string[]) => malha([...args, '--kubeconfig', clusterOptions.kubeconfig!]);
const leads = ({ program }: Replica) => program.lines.filter(({ msg }) => msg === 'this replica leads').length;

/** Takes a Pod away as a kubelet does: it goes on until nobody sends to it. */
async function leave(namespace: string, name: string): Promise<void> {
  mesh.kubelet.linger(namespace, name);
  await mesh.client.request('DELETE', path(namespace, name));
}

/** Who holds the Lease of the mesh, looked at all the time. */
function watchHolder() {
  const seen: string[] = [];
  let isOver = false;
  const done = (async () => {
    while (!isOver) {
      const lease = await mesh.client.get<KubeObject<{ holderIdentity?: string }>>(
        `/apis/coordination.k8s.io/v1/namespaces/${mesh.system}/leases/malha-leader`,
      );
      const holder = lease.spec!.holderIdentity!;
      if (seen.at(-1) !== holder) seen.push(holder);
      await sleep(100);
    }
    return seen;
  })();
  return () => {
    isOver = true;
    return done;
  };
}

async function proxiesAskedAt({ address }: Replica, account: string): Promise<Record<string, string>> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: ['malha.dev'] } };
  const tokens = `/api/v1/namespaces/${mesh.system}/serviceaccounts/${account}/token`;
  const { status } = await mesh.client.request<KubeObject & { status: { token: string } }>('POST', tokens, { body });
  const folder = mesh.kubelet.volumeOf(firstClient);
  const token = join(folder, 'token-of-the-test');
  writeFileSync(token, status.token, { mode: 0o600 });
  const server = `${account}.${mesh.system}.svc.cluster.local`;
  const [enter, ...args] = mesh.network.enter;
  const program = [process.execPath, join(process.cwd(), 'dist/apps/cli/main.js'), 'proxy-status', '-o', 'json'];
  const where = ['--http', `https://${address}:15012`, '--token-file', token];
  const tls = ['--ca', join(folder, 'trust-bundle.pem'), '--server-name', server];
  const child = spawn(enter!, [...args, ...program, ...where, ...tls], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  const { proxies } = JSON.parse(await text(child.stdout)) as {
    proxies: { node: { id: string }; revision?: string }[];
  };
  await closed;
  return Object.fromEntries(proxies.map(({ node, revision }) => [node.id.split('~')[2]!, revision ?? '']));
}

test('the first revision injects whoever asks for it, by its name or by its tag, and leads the mesh', async () => {
  // The one that does not lead: the leader is killed later.
  const follower = async () => {
    const leader = await mesh.leader();
    return mesh.replicas.find((replica) => replica !== leader)!;
  };
  const replica = await follower();
  const web = await start(back, 'web-1', 'web', () => replica);
  const { pod, network } = await start(front, 'client-1', 'client', () => replica);
  firstClient = pod;
  client = network;
  expect([revisionOf(web.pod), revisionOf(pod)]).toEqual(['a', 'a']);
  await answeredBy('web-1');
}, 90_000);

test('a second revision stands beside it, and leads itself alone', async () => {
  const before = await everything(mesh.client);
  await mesh.addRevision('b', 1);
  const [b] = mesh.others;
  await b!.program.says('this replica leads its revision');
  const now = await everything(mesh.client);
  expect(before.filter((object) => !now.includes(object))).toEqual([]);
  expect((await mesh.leader()).name).toContain('malha-control-plane-a-');
  expect(leads(b!)).toBe(0);
  await eventually(
    () => run('check', '-o', 'json'),
    ({ stdout }) => /revisions a, b, tag prod for a/.test(stdout) && !stdout.includes('"failed"'),
  );
}, 60_000);

test('a namespace goes over by its label, and no request fails: its new Pod has the other revision, mutual TLS holds between both', async () => {
  const end = await client.load(url());
  let counts: Record<string, number> = {};
  try {
    expect(label(back, 'b').code).toBe(0);
    const { pod } = await start(back, 'web-2', 'web', () => mesh.others[0]!);
    expect(revisionOf(pod)).toBe('b');
    const other = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'other' }, spec: mesh.restricted };
    const dryRun = { body: other, query: { dryRun: 'All' } };
    const stays = await mesh.client.request<Pod>('POST', `/api/v1/namespaces/${front}/pods`, dryRun);
    expect(revisionOf(stays)).toBe('a');
    await leave(back, 'web-1');
    await answeredBy('web-2');
    await sleep(1_000);
  } finally {
    counts = await end();
  }
  expect(Object.keys(counts).sort()).toEqual(['web-1', 'web-2']);
  // Servers take mutual TLS alone.
  const strict = ['get', 'peerauthentication', 'default', '-n', mesh.system, '-o', 'jsonpath={.spec.mtls.mode}'];
  expect(kubectl(strict).out).toBe('STRICT');
  await mesh.kubelet.release(back, 'web-1');
}, 90_000);

test('proxy-status tells the revision of each proxy, asked at either', async () => {
  const wanted = { [`client-1.${front}`]: 'a', [`web-2.${back}`]: 'b' };
  const of = (all: Record<string, string>) => Object.fromEntries(Object.keys(wanted).map((name) => [name, all[name]]));
  const leader = await mesh.leader();
  for (const [replica, account] of [
    [mesh.others[0]!, 'malha-control-plane-b'],
    [leader, 'malha-control-plane-a'],
  ] as const) {
    expect(of(await proxiesAskedAt(replica, account))).toEqual(wanted);
  }
}, 30_000);

test('one of both writes what is for all, each what is for itself, and nobody writes it again', async () => {
  const route = (name: string, labels: object) => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name, namespace: back, labels },
    spec: { hosts: ['web'], http: [{ route: [{ destination: { host: 'web' } }] }] },
  });
  const names = ['for-all', 'for-a', 'for-b', 'for-nobody'];
  for (const name of names) {
    const asked = name.slice('for-'.length);
    apply(JSON.stringify(route(name, asked === 'all' ? {} : { 'istio.io/rev': asked })));
  }
  type Routed = KubeObject & { status?: { conditions?: { type: string; status: string }[] } };
  const read = () =>
    Promise.all(
      names.map((name) =>
        mesh.client.get<Routed>(`/apis/networking.istio.io/v1/namespaces/${back}/virtualservices/${name}`),
      ),
    );
  const isProgrammed = ({ status }: Routed) =>
    status?.conditions?.some(({ type, status: is }) => type === 'Programmed' && is === 'True') ?? false;
  const settled = await eventually(
    read,
    (all) => JSON.stringify(all.map(isProgrammed)) === '[true,true,true,false]',
    40,
  );
  expect(settled[3]!.status).toBeUndefined();
  await sleep(7_000);
  const later = await read();
  expect(later.map(({ metadata }) => metadata.resourceVersion)).toEqual(
    settled.map(({ metadata }) => metadata.resourceVersion),
  );
  kubectl(['delete', '-n', back, 'virtualservice', ...names]);
}, 90_000);

test('the leader is killed: one other leads after it, and no request fails', async () => {
  const killed = await mesh.leader();
  const endWatch = watchHolder();
  const end = await client.load(url());
  await killed.program.stop('SIGKILL');
  await mesh.kubelet.setReady(mesh.system, killed.name, false);
  const next = await eventually(
    () => mesh.leader(),
    ({ name }) => name !== killed.name,
    40,
  );
  const counts = await end();
  await sleep(500);
  const holders = await endWatch();
  expect(Object.keys(counts)).toEqual(['web-2']);
  expect(holders.map((holder) => holder.split('_')[0])).toEqual([killed.name, next.name]);
  expect([...mesh.replicas, ...mesh.others].filter((each) => each !== killed && leads(each) > 0)).toEqual([next]);
}, 60_000);

test('another namespace goes over when its tag moves, and the one that now is the default leads', async () => {
  const refused = await run('tag', 'set', 'prod', '--revision', 'b');
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('tag prod stands for a; move it by --overwrite'),
  });
  expect(await run('tag', 'set', 'prod', '--revision', 'b', '--overwrite')).toMatchObject({ code: 0 });
  const { stdout } = await run('tag', 'list');
  expect(stdout).toMatch(new RegExp(`prod +b +${front}`));
  const { pod, network } = await start(front, 'client-2', 'client', () => mesh.others[0]!);
  expect(revisionOf(pod)).toBe('b');
  client = network;
  await answeredBy('web-2');

  const endWatch = watchHolder();
  expect(await run('tag', 'set', 'default', '--revision', 'b')).toMatchObject({ code: 0 });
  expect(
    (await eventually(
      () => mesh.leader().catch(() => undefined),
      (leader) => leader === mesh.others[0],
      30,
    ))!.name,
  ).toContain('malha-control-plane-b-');
  await sleep(3_000);
  const holders = await endWatch();
  // At most one step between: the Lease given up, and not yet taken.
  expect(holders.at(-1)!.split('_')[0]).toBe(mesh.others[0]!.name);
  expect(holders.length).toBeLessThanOrEqual(3);
}, 90_000);

test('a revision does not go while somebody has it', async () => {
  const there = await everything(mesh.client);
  const { code, stdout } = await run('uninstall', '--revision', 'a', '--yes');
  expect(code).toBe(1);
  expect(stdout).toContain(`refused  namespaces ask for revision a: ${mesh.members}\n`);
  expect(stdout).toContain(`refused  the proxies of 1 Pods have revision a: ${front}\n`);
  expect(await everything(mesh.client)).toEqual(there);
}, 30_000);

test('then exactly what is its own goes, and the other revision goes on', async () => {
  label(mesh.members, 'b');
  await mesh.client.request('DELETE', path(front, 'client-1'));
  await eventually(
    () => mesh.client.get(path(front, 'client-1')).catch(() => undefined),
    (pod) => pod === undefined,
  );
  const selector = ['-l', `malha.dev/mesh=${mesh.system},istio.io/rev=a`];
  const before = await everything(mesh.client);
  const end = await client.load(url());

  const { code, stdout } = await run('uninstall', '--revision', 'a', '--yes');

  for (const { program } of mesh.replicas) await program.stop();
  expect({ code, stdout }).toMatchObject({ code: 0 });
  const gone = await eventually(
    async () => {
      const now = await everything(mesh.client);
      // The address of a Service goes with it.
      return before.filter((object) => !now.includes(object) && !object.includes('/ipaddresses/'));
    },
    (paths) => paths.length >= stdout.split('\n').filter((line) => line.startsWith('removed')).length,
  );
  const own = /malha-(control-plane|leader)-a|istio-a$|malha-(injector|validator)-malha-system-a$/;
  expect(gone.filter((object) => !own.test(object))).toEqual([]);
  expect(gone.map((object) => object.split('/').at(-2)).sort()).toEqual(
    [
      ...['clusterrolebindings', 'clusterroles', 'configmaps', 'deployments', 'destinationrules', 'leases'],
      ...['mutatingwebhookconfigurations', 'poddisruptionbudgets', 'rolebindings', 'roles', 'serviceaccounts'],
      ...['services', 'validatingwebhookconfigurations'],
    ].sort(),
  );
  expect(kubectl(['get', 'deployments,services,leases', '-n', mesh.system, ...selector, '-o', 'name']).out).toBe('');
  // A Pod that is new needs an injector, a certificate and a configuration.
  const { pod } = await start(back, 'web-3', 'web', () => mesh.others[0]!);
  expect(revisionOf(pod)).toBe('b');
  await answeredBy('web-3');
  const counts = await end();
  expect(Object.keys(counts).filter((answer) => !/^web-[23]$/.test(answer))).toEqual([]);
  await eventually(
    () => run('check', '-o', 'json'),
    ({ stdout: checks }) =>
      /revision b, tag default for b, tag prod for b/.test(checks) && !checks.includes('"failed"'),
  );
}, 120_000);
