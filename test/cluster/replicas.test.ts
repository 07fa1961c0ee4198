/**
 * Two replicas of a control plane, each with a real Envoy: whichever is asked answers for the whole mesh. A replica that is killed is
 * named, and what it alone knew is not taken for nothing.
 */
import type { GraphPage } from '../../apps/control-plane/graph';
import type { StatusOfAll } from '../../apps/control-plane/status';
import type { TappedRequest } from '../../apps/control-plane/tap';
import type { Pod } from '../../lib/api/kubernetes';
import { eventually, kubectl } from './cluster';
import { InstalledMesh, type Replica } from './installed-mesh';

let mesh: InstalledMesh;
let credential: readonly string[];
const EXPLICIT = { annotations: { 'sidecar.istio.io/interceptionMode': 'NONE' } };

beforeAll(async () => {
  mesh = await InstalledMesh.open();
  const metadata = (name: string) => ({ name, namespace: mesh.members });
  const service = (name: string) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadata(name),
    spec: { selector: { app: name }, ports: [{ name: 'http', port: 80 }] },
  });
  const callers = (name: string) => ({
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: metadata(name),
    spec: {
      selector: { matchLabels: { app: name } },
      rules: [{ from: [{ source: { principals: [`cluster.local/ns/${mesh.members}/sa/default`] } }] }],
    },
  });
  const objects = ['web', 'idle'].flatMap((name) => [service(name), callers(name)]);
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  expect(kubectl(['create', '-f', '-'], JSON.stringify(list))).toMatchObject({ code: 0 });
  await mesh.addPod('idle-1', { app: 'idle' });
  const pods: Pod[] = [];
  for (const [index, name] of ['web-1', 'web-2'].entries()) {
    await mesh.addPod(name, EXPLICIT);
    pods.push(await mesh.untilRunning(name, 40));
    await mesh.startProxy(pods[index]!, [mesh.replicas[index]!]);
  }
  credential = await mesh.credential(pods[0]!);
  for (const { status } of pods) {
    const ready = `http://${status!.podIP}:15021/healthz/ready`;
    await eventually(
      () => mesh.network.get(ready),
      (answer) => answer.status === 200,
      40,
    );
  }
}, 180_000);
afterAll(() => mesh?.close(), 120_000);

const run = (replica: Replica, ...args: string[]) => mesh.run(replica, credential, args);
const ask = (replica: Replica, ...args: string[]) => run(replica, ...args).ended;

const proxyStatus = async (replica: Replica) => {
  const { code, stdout } = await ask(replica, 'proxy-status', '-o', 'json');
  const { proxies, replicas } = JSON.parse(stdout) as StatusOfAll;
  return {
    code,
    proxies: proxies.map(({ node, replica: by }) => `${node.id.split('~')[2]} at ${by}`).sort(),
    replicas: replicas.map(({ name, error }) => (error === undefined ? name : `${name}: ${error}`)).sort(),
  };
};

const graph = async (replica: Replica) => {
  const { code, stdout, stderr } = await ask(replica, 'graph', '-o', 'json');
  const page = JSON.parse(stdout) as GraphPage;
  const to = (name: string) =>
    page.edges.find(({ source, target }) => source === `${mesh.members}/web` && target === `${mesh.members}/${name}`)!;
  return { code, stderr, page, web: to('web'), idle: to('idle') };
};

/** Each over a connection of its own, so that now the one proxy takes it and now the other. @returns their paths. */
async function request(count: number): Promise<string[]> {
  const paths = Array.from({ length: count }, () => `/${++asked}`);
  const url = `http://web.${mesh.members}.svc.cluster.local`;
  for (const path of paths) await mesh.network.ask(`${url}${path}?secret`, { connection: 'close' });
  return paths;
}

let asked = 0;
const REQUESTS = 40;

test('malha proxy-status tells the proxies of every replica, whichever is asked', async () => {
  const names = mesh.replicas.map(({ name }) => name).sort();
  const at = (index: number) => `web-${index + 1}.${mesh.members} at ${mesh.replicas[index]!.name}`;
  for (const replica of mesh.replicas) {
    const told = await eventually(
      () => proxyStatus(replica),
      ({ code, proxies }) => code === 0 && proxies.length === 2,
    );
    expect(told).toEqual({ code: 0, proxies: [at(0), at(1)], replicas: names });
  }
}, 60_000);

test('malha proxy-config shows a proxy that another replica serves, with its certificate and how far it is', async () => {
  const [first, second] = mesh.replicas;
  const { code, stdout } = await ask(first!, 'proxy-config', '--proxy', `web-2.${mesh.members}`, '-o', 'json');
  expect(code).toBe(0);
  const { proxy, listeners, clusters } = JSON.parse(stdout);
  expect(proxy).toMatchObject({
    replica: second!.name,
    credential: { identity: `spiffe://cluster.local/ns/${mesh.members}/sa/default`, kind: 'certificate' },
    types: { listeners: { state: 'synced', resources: listeners.length }, clusters: { resources: clusters.length } },
  });
  expect(Date.parse(proxy.credential.expiresAt)).toBeGreaterThan(Date.now());
  expect(JSON.stringify(clusters)).toContain(`outbound|80||idle.${mesh.members}.svc.cluster.local`);
  const unknown = await ask(first!, 'proxy-config', '--proxy', `nobody.${mesh.members}`);
  expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('404: no such proxy is connected') });
}, 60_000);

test('malha tap shows each request of the proxies of all replicas, without what may be secret', async () => {
  for (const replica of mesh.replicas) {
    const tap = run(replica, 'tap', '-o', 'json');
    const shown = () =>
      tap.said.stdout.split('\n').flatMap((line) => (line ? [JSON.parse(line) as TappedRequest] : []));
    await eventually(
      () => request(1).then(shown),
      ({ length }) => length > 0,
    );

    const paths = await request(REQUESTS);

    const theirs = await eventually(
      () => shown().filter(({ path }) => paths.includes(path!)),
      ({ length }) => length >= REQUESTS,
    );
    tap.interrupt();
    const { code, stderr, stdout } = await tap.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(theirs.map(({ path }) => path).sort()).toEqual([...paths].sort());
    expect(new Set(theirs.map(({ from }) => from))).toEqual(
      new Set([`web-1.${mesh.members}`, `web-2.${mesh.members}`]),
    );
    expect(stdout).not.toContain('secret');
  }
}, 120_000);

test('malha graph sums what each has counted, and calls unseen what none has seen', async () => {
  const settled = async () => {
    const counts: number[] = [];
    for (const replica of mesh.replicas) counts.push((await graph(replica)).web.traffic?.count ?? 0);
    return counts;
  };
  const before = await eventually(settled, ([one, two]) => one === two && one! > 0, 40);
  await request(REQUESTS);
  const after = await eventually(settled, ([one]) => one! >= before[0]! + REQUESTS, 40);
  expect(after).toEqual(before.map((count) => count + REQUESTS));
  for (const replica of mesh.replicas) {
    const { code, idle, page } = await graph(replica);
    expect({ code, state: idle.state, replicas: page.replicas.length }).toEqual({
      code: 0,
      state: 'unseen',
      replicas: 2,
    });
  }
}, 120_000);

describe('a replica that is killed', () => {
  let killed: Replica;
  let left: Replica;
  beforeAll(async () => {
    [left, killed] = mesh.replicas as [Replica, Replica];
    await killed.program.stop('SIGKILL');
  });

  test('is named by malha proxy-status, which ends with 1', async () => {
    const { code, replicas } = await proxyStatus(left);
    expect(code).toBe(1);
    expect(replicas).toHaveLength(2);
    expect(replicas).toContain(left.name);
    expect(replicas).toContainEqual(expect.stringMatching(`^${killed.name}: UNAVAILABLE: .*ECONNREFUSED`));
  });

  test('is named by malha graph, which says of no call that it was never seen', async () => {
    const { code, stderr, idle } = await graph(left);
    expect({ code, state: idle.state }).toEqual({ code: 1, state: 'declared' });
    expect(stderr).toContain(`not asked ${killed.name}`);
  });

  test('is named by malha tap, which goes on with the others', async () => {
    const tap = run(left, 'tap', '--limit', '1', '--from', `web-1.${mesh.members}`);
    let isOver = false;
    void tap.ended.finally(() => {
      isOver = true;
    });
    while (!isOver) await request(10);
    const { code, stdout, stderr } = await tap.ended;
    expect(code).toBe(0);
    expect(stdout).toContain(`web-1.${mesh.members} → web.${mesh.members}.svc.cluster.local`);
    expect(stderr).toContain(`not asked ${killed.name}`);
  }, 60_000);

  test('is named where it may be the one that serves a proxy', async () => {
    const { code, stderr } = await ask(left, 'proxy-config', '--proxy', `nobody.${mesh.members}`);
    expect(code).toBe(2);
    expect(stderr).toContain(
      `503: no replica that answers serves this proxy, and not all of them answer (${killed.name}: `,
    );
  });

  test('counts anew when it is back, and it is said since when', async () => {
    const back = await mesh.restart(killed);
    for (const replica of [left, back]) {
      const { code, page, idle } = await eventually(
        () => graph(replica),
        (told) => told.code === 0,
      );
      expect({ code, state: idle.state }).toEqual({ code: 0, state: 'unseen' });
      const sinces = page.replicas.map(({ since }) => since!).sort();
      expect([page.since, page.wholeSince]).toEqual([sinces[0], sinces[1]]);
      expect(Date.parse(sinces[1]!)).toBeGreaterThan(Date.parse(sinces[0]!));
    }
  }, 60_000);
});
