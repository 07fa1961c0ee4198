/**
 * The control plane lives in a cluster: as its manifests install it, under the account and with the rights that they give it, called by a
 * real API server at its Pods' addresses.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from '../../lib/api/kubernetes';
import type { KubeObject } from '../../lib/api/object';
import { malha } from '../cli/captured-io';
import { clusterOptions, eventually, kubectl, makeNamespace } from './cluster';
import { InstalledMesh } from './installed-mesh';

let mesh: InstalledMesh;
beforeAll(async () => {
  mesh = await InstalledMesh.open();
}, 120_000);
afterAll(() => mesh?.close(), 120_000);

const create = (object: object, ...args: string[]) => kubectl(['create', '-f', '-', ...args], JSON.stringify(object));
const route = (http: object[], hosts = ['web']) => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name: 'web', namespace: mesh.members },
  spec: { hosts, http },
});

describe('a Pod that is created in a namespace of the mesh', () => {
  let pod: Pod;

  test('comes out injected, by the webhook that the API server asks', async () => {
    pod = await mesh.addPod('web-1');
    const { initContainers = [], volumes = [] } = pod.spec as {
      initContainers?: { name: string }[];
      volumes?: unknown;
    };
    expect(initContainers.map(({ name }) => name)).toEqual(['malha-init', 'istio-proxy']);
    expect(JSON.stringify(volumes)).toContain('"signerName":"malha.dev/workload"');
  });

  test('gets its certificate as files, from the leader, below the roots that are published', async () => {
    const running = await mesh.untilRunning('web-1');
    const folder = mesh.kubelet.volumeOf(running);
    const bundle = readFileSync(join(folder, 'credential-bundle.pem'), 'utf8');
    const leaf = new X509Certificate(bundle.slice(bundle.indexOf('-----BEGIN CERT')));
    expect(leaf.subjectAltName).toBe(`URI:spiffe://cluster.local/ns/${mesh.members}/sa/default`);
    const roots = readFileSync(join(folder, 'trust-bundle.pem'), 'utf8');
    expect(new X509Certificate(roots).ca).toBe(true);
  });

  test('gets its configuration over mTLS: its Envoy, with those files, turns ready', async () => {
    const running = await mesh.untilRunning('web-1');
    await mesh.startProxy(running);
    const ready = `http://${running.status!.podIP}:15021/healthz/ready`;
    await eventually(
      () => mesh.network.get(ready),
      ({ status }) => status === 200,
      40,
    );
    const { body } = await mesh.network.get(
      `http://${running.status!.podIP}:15000/config_dump?resource=dynamic_listeners`,
    );
    expect(body).toContain('virtualInbound');
  });
});

test('malha check finds the installed mesh whole', async () => {
  const { code, stdout } = await malha(['check', '--kubeconfig', clusterOptions.kubeconfig!, '-o', 'json']);
  const { checks } = JSON.parse(stdout) as { checks: { name: string; state: string; message: string }[] };
  const of = (name: string) => checks.find((check) => check.name === name);
  expect(checks.filter(({ state }) => state === 'failed')).toEqual([]);
  expect(code).toBe(0);
  for (const name of [
    'kubernetes',
    'pod certificates',
    'definitions',
    'control plane',
    'leader',
    'trust bundle',
    'webhooks',
  ]) {
    expect(of(name)).toMatchObject({ state: 'ok' });
  }
  expect(of('leader')!.message).toMatch(/^malha-control-plane-.+ leads$/);
});

describe('an object of the mesh', () => {
  test('that is wrong is refused with what Galley says', () => {
    const http = [{ directResponse: { status: 410 }, redirect: { uri: '/elsewhere' } }];
    const { code, errors } = create(route(http));
    expect(code).toBe(1);
    expect(errors).toMatch(
      /admission webhook "validator\.malha\.dev" denied the request: \[IST0106\] spec\.http\[0\]\.directResponse: a route has only one of/,
    );
  });

  test('that has a field that is not served is taken, with a warning', () => {
    const port = { number: 80, name: 'http', protocol: 'HTTP' };
    const object = {
      apiVersion: 'networking.istio.io/v1',
      kind: 'Gateway',
      metadata: { name: 'web', namespace: mesh.members },
      spec: {
        selector: { app: 'web' },
        servers: [{ port, hosts: ['a.example.com'], defaultEndpoint: '127.0.0.1:80' }],
      },
    };
    const { code, errors } = create(object, '--dry-run=server');
    expect({ code, errors }).toEqual({
      code: 0,
      errors: expect.stringMatching(/^Warning: \[MAL0001\] spec\.servers\[0\]\.defaultEndpoint/),
    });
  });
});

describe('in a namespace that enforces Pod Security restricted', () => {
  let namespace: string;
  beforeAll(async () => {
    const labels = { 'istio-injection': 'enabled', 'pod-security.kubernetes.io/enforce': 'restricted' };
    namespace = await makeNamespace(mesh.client, 'restricted', labels);
    const account = `/api/v1/namespaces/${namespace}/serviceaccounts/default`;
    await eventually(() => mesh.client.get(account).catch(() => undefined), Boolean);
  });
  afterAll(() => mesh.client.request('DELETE', `/api/v1/namespaces/${namespace}`));

  const pod = (mode: string) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace, annotations: { 'sidecar.istio.io/interceptionMode': mode } },
    spec: mesh.restricted,
  });

  test('a Pod with explicit capture is taken, with its sidecar and no capability', () => {
    const { code, out, errors } = create(pod('NONE'), '--dry-run=server', '-o', 'json');
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
    const { initContainers } = (JSON.parse(out) as Pod).spec!;
    expect(initContainers!.map(({ name }) => name)).toEqual(['istio-proxy']);
  });

  test('one with transparent capture is refused, for the two capabilities that its init container asks for', () => {
    const { code, errors } = create(pod('REDIRECT'), '--dry-run=server');
    expect(code).toBe(1);
    expect(errors).toContain('container "malha-init" must not include "NET_ADMIN", "NET_RAW"');
  });
});

test('applying the manifests again changes no version, and nobody writes against it', async () => {
  const before = mesh.versions();
  expect(Object.keys(before).length).toBeGreaterThan(12);
  expect(mesh.apply()).toMatchObject({ code: 0, errors: '' });
  // A second look of the leader comes within the second.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(mesh.versions()).toEqual(before);
  for (const kind of ['mutatingwebhookconfiguration', 'validatingwebhookconfiguration']) {
    const { out } = kubectl(['get', kind, '-l', 'app=malha-control-plane', '-o', 'json']);
    const [{ webhooks }] = (JSON.parse(out) as { items: [{ webhooks: { clientConfig: { caBundle?: string } }[] }] })
      .items;
    expect(webhooks.every(({ clientConfig }) => clientConfig.caBundle)).toBe(true);
  }
});

test('what somebody changes in the published roots is mended', async () => {
  const path = '/apis/certificates.k8s.io/v1/clustertrustbundles/malha.dev:workload:mesh';
  type Bundle = KubeObject<{ trustBundle: string }>;
  const { spec } = await mesh.client.get<Bundle>(path);
  const other = readFileSync(join(process.env.MALHA_TEST_CLUSTER!, 'certificates/apiserver.crt'), 'utf8');
  const root = other.slice(other.lastIndexOf('-----BEGIN'));
  await mesh.client.patch(path, 'merge', { spec: { trustBundle: root } });
  await eventually(
    () => mesh.client.get<Bundle>(path),
    (bundle) => bundle.spec!.trustBundle === spec!.trustBundle,
  );
});

test('what is published belongs to the ClusterRole as it is now: one that was replaced takes nothing with it for long', async () => {
  const bundle = '/apis/certificates.k8s.io/v1/clustertrustbundles/malha.dev:workload:mesh';
  const path = `/apis/rbac.authorization.k8s.io/v1/clusterroles/malha-mesh-${mesh.system}`;
  await mesh.client.request('DELETE', path);
  expect(mesh.apply()).toMatchObject({ code: 0 });
  const made = await mesh.client.get<KubeObject>(path);
  const published = await eventually(
    () => mesh.client.get<KubeObject>(bundle).catch(() => undefined),
    (found) => found?.metadata.ownerReferences?.[0]?.uid === made.metadata.uid,
    40,
  );
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect((await mesh.client.get<KubeObject>(bundle)).metadata.uid).toBe(published!.metadata.uid);
}, 60_000);

test('two replicas share one authority, and one of them leads', async () => {
  const leads = mesh.replicas.map(({ program }) => program.lines.some(({ msg }) => msg === 'this replica leads'));
  expect(leads.sort()).toEqual([false, true]);
  const made = mesh.replicas.flatMap(({ program }) =>
    program.lines.filter(({ msg }) => msg === 'authority: root made'),
  );
  expect(made).toHaveLength(1);
  const errors = mesh.replicas.flatMap(({ program }) => program.lines.filter(({ level }) => (level as number) >= 50));
  expect(errors).toEqual([]);
});

test('when the leader is killed, the other one takes over and signs', async () => {
  const leader = await mesh.leader();
  await leader.program.stop('SIGKILL');
  await mesh.kubelet.setReady(mesh.system, leader.name, false);
  await eventually(() => mesh.addPod('web-2').then(Boolean, () => false), Boolean);
  const pod = await mesh.untilRunning('web-2', 40);
  expect(readFileSync(join(mesh.kubelet.volumeOf(pod), 'credential-bundle.pem'), 'utf8')).toContain('CERTIFICATE');
  expect((await mesh.leader()).name).not.toBe(leader.name);
}, 60_000);

test('with no control plane, Kubernetes’ own namespaces and its own go on; members wait rather than run outside of the mesh', async () => {
  for (const { name, program } of mesh.replicas) {
    await program.stop('SIGKILL');
    await mesh.kubelet.setReady(mesh.system, name, false);
  }
  const wanting = (namespace: string) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'probe', namespace, labels: { 'sidecar.istio.io/inject': 'true' } },
    spec: mesh.restricted,
  });
  const outcome = (namespace: string) => create(wanting(namespace), '--dry-run=server');
  expect(outcome('kube-system')).toMatchObject({ code: 0, errors: '' });
  expect(outcome(mesh.system)).toMatchObject({ code: 0, errors: '' });
  expect(outcome(mesh.kubeNamespace)).toMatchObject({ code: 0, errors: '' });
  const member = await eventually(
    () => outcome(mesh.members),
    ({ code }) => code !== 0,
  );
  expect(member.errors).toContain('failed calling webhook "namespace.injector.malha.dev"');
  // Objects of the mesh are judged again before they come into force.
  expect(create(route([{ route: [{ destination: { host: 'web' } }] }]), '--dry-run=server')).toMatchObject({ code: 0 });
});
