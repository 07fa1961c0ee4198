/** A mesh leaves a cluster: by `malha uninstall`, and by deleting its manifests. Nothing else goes, nothing of it stays. */
import { Identity } from '../../constructs';
import type { KubeObject } from '../../lib/api/object';
import type { KubeClient } from '../../lib/discovery/kubernetes';
import { malha } from '../cli/captured-io';
import { apply, clusterOptions, connect, eventually, everything, installKinds, kubectl } from './cluster';
import { InstalledMesh } from './installed-mesh';

let client: KubeClient;
let before: string[];
let mesh: InstalledMesh;

beforeAll(async () => {
  installKinds();
  client = await connect();
});
afterAll(() => client?.close());

const uninstall = (...args: string[]) => malha(['uninstall', '--kubeconfig', clusterOptions.kubeconfig!, ...args]);
const kind = (name: string, spec: object, metadata: object = {}) =>
  apply(
    JSON.stringify({
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name, namespace: mesh.members, ...metadata },
      spec,
    }),
  );
const route = { hosts: ['web'], http: [{ route: [{ destination: { host: 'web' } }] }] };

/** What is in the cluster beside what was there before the mesh, and outside of the namespaces that the test made. */
async function left(): Promise<string[]> {
  const now = await everything(client);
  const own = [mesh.members, mesh.kubeNamespace].map((name) => new RegExp(`/namespaces/${name}(/|$)`));
  // Its node, and what Kubernetes keeps for it.
  const isOfTest = (path: string) => own.some((pattern) => pattern.test(path)) || path.endsWith('/nodes/node-1');
  return now.filter((path) => !before.includes(path) && !isOfTest(path));
}

describe('malha uninstall', () => {
  beforeAll(async () => {
    before = await everything(client);
    mesh = await InstalledMesh.open();
    kind('theirs', route);
  }, 120_000);
  afterAll(() => mesh?.close(), 120_000);

  test('says what would go, and removes nothing, by --dry-run', async () => {
    const there = await left();
    const { code, stdout } = await uninstall('--dry-run');
    expect(code).toBe(0);
    for (const object of [
      'MutatingWebhookConfiguration malha-injector-malha-system',
      'Deployment malha-system/malha-control-plane',
      'ClusterTrustBundle malha.dev:workload:mesh',
      'Secret malha-system/malha-ca-secret',
      'Lease malha-system/malha-leader',
      'PeerAuthentication malha-system/default',
      'Namespace malha-system',
    ]) {
      expect(stdout).toContain(`goes     ${object}\n`);
    }
    expect(stdout).not.toContain('theirs');
    expect(stdout).not.toContain('CustomResourceDefinition');
    expect(await left()).toEqual(there);
  });

  test('asks first: a no is heard, and where nobody can be asked --yes is wanted', async () => {
    const there = await left();
    expect(await uninstall()).toMatchObject({ code: 2, stderr: expect.stringContaining('add --yes') });
    const answered = await malha(['uninstall', '--kubeconfig', clusterOptions.kubeconfig!], { answer: 'no' });
    expect(answered).toMatchObject({ code: 1, stderr: expect.stringMatching(/Remove these \d+ objects\? \[y\/N\]/) });
    expect(await left()).toEqual(there);
  });

  test('removes no definition while another controller owns an object of it', async () => {
    const there = await left();
    const { metadata } = await client.get<KubeObject>(`/api/v1/namespaces/${mesh.members}`);
    const owner = {
      apiVersion: 'flagger.app/v1beta1',
      kind: 'Canary',
      name: 'web',
      uid: metadata.uid,
      controller: true,
    };
    kind('owned', route, { ownerReferences: [owner] });
    const { code, stdout } = await uninstall('--crds', '--yes');
    expect(code).toBe(1);
    expect(stdout).toContain(`goes     VirtualService ${mesh.members}/theirs, with its definition\n`);
    expect(stdout).toContain(`refused  VirtualService ${mesh.members}/owned is owned by Canary web\n`);
    expect(await left()).toEqual(there);
    kubectl(['delete', '-n', mesh.members, 'virtualservice', 'owned', '--ignore-not-found']);
  });

  test('leaves its namespace where somebody else keeps something there', async () => {
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'cacerts', namespace: mesh.system } };
    apply(JSON.stringify(secret));
    const { stdout } = await uninstall('--dry-run');
    expect(stdout).toContain(`stays    Namespace malha-system: it holds Secret malha-system/cacerts\n`);
    kubectl(['delete', '-n', mesh.system, 'secret', 'cacerts']);
  });

  test('takes all of it away while it runs, and tells which Pods keep a sidecar', async () => {
    await mesh.addPod('web-1');
    await mesh.untilRunning('web-1');

    const { code, stdout, stderr } = await uninstall('--yes', '-o', 'json');

    const report = JSON.parse(stdout) as { objects: { kind: string; outcome: string }[]; sidecars: object };
    expect({ code, stays: report.objects.filter(({ outcome }) => outcome !== 'removed') }).toEqual({
      code: 0,
      stays: [],
    });
    expect(report.objects.length).toBeGreaterThan(15);
    // Pods of other tests may still be about to end.
    expect(report.sidecars).toMatchObject({ [mesh.members]: 1 });
    expect(stderr).toContain(`removed ${report.objects.length} of ${report.objects.length}\n`);
    expect(await eventually(left, (paths) => paths.length === 0)).toEqual([]);
    expect(
      await client.get(`/apis/networking.istio.io/v1/namespaces/${mesh.members}/virtualservices/theirs`),
    ).toBeDefined();
    expect(await client.get(`/api/v1/namespaces/${mesh.members}/pods/web-1`)).toBeDefined();
  }, 150_000);

  test('finds nothing to do a second time', async () => {
    expect(await uninstall('--yes')).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing of a mesh') });
  });

  test('takes the definitions too, by --crds, when nobody else lives by them', async () => {
    const { code } = await uninstall('--crds', '--yes');
    expect(code).toBe(0);
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const { items } = await client.get<{ items: KubeObject[] }>(path);
    expect(items.filter(({ metadata }) => metadata.name.endsWith('.istio.io'))).toEqual([]);
    installKinds();
  }, 60_000);
});

describe.each(['podCertificate', 'sds'] as const)('deleting the manifests of a mesh with identities by %s', (way) => {
  beforeAll(async () => {
    before = await everything(client);
    mesh = await InstalledMesh.open({ identity: Identity[way]() });
  }, 120_000);
  afterAll(() => mesh?.close(), 120_000);

  test('leaves nothing that was made while it ran, though its control plane was not asked to end', async () => {
    const published =
      way === 'sds' ? 'configmaps/malha-ca-root-cert' : 'clustertrustbundles/malha.dev%3Aworkload%3Amesh';
    await eventually(left, (paths) => paths.some((path) => path.endsWith(published)));

    expect(mesh.deleteManifests()).toMatchObject({ code: 0, errors: '' });

    expect(await eventually(left, (paths) => paths.length === 0, 60)).toEqual([]);
    const roots = await eventually(
      () => client.get<{ items: KubeObject[] }>('/api/v1/configmaps?fieldSelector=metadata.name%3Dmalha-ca-root-cert'),
      ({ items }) => items.length === 0,
      40,
    );
    expect(roots.items).toEqual([]);
  }, 120_000);
});
