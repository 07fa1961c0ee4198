/**
 * THREATS 27 on a real API server: the root of our own authority is replaced while a gateway calls a sidecar over mutual TLS without a pause,
 * and whoever leads the rotation is killed in the middle of it, three times. The API server gives no certificate of less than an hour, so an
 * hour passes here by a step in what is kept: phases are made to have begun earlier.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UndeclaredCalls } from '../../constructs';
import type { Pod } from '../../lib/api/kubernetes';
import type { KubeObject } from '../../lib/api/object';
import { blocks } from '../../lib/citadel/der';
import type { Slot } from '../../lib/citadel/rotation';
import { makeSlot, withSlots } from '../../lib/citadel/slot-files';
import { gatewayContainer, identityAnnotations, identityVolume } from '../../lib/injector';
import { apply, eventually, kubectl } from './cluster';
import { InstalledMesh, type Replica } from './installed-mesh';

const SYSTEM = 'malha-system';
const SECRET = `/api/v1/namespaces/${SYSTEM}/secrets/malha-ca-secret`;
const ROLE = `/apis/rbac.authorization.k8s.io/v1/clusterroles/malha-control-plane-${SYSTEM}`;
const BUNDLE = '/apis/certificates.k8s.io/v1/clustertrustbundles/malha.dev:workload:mesh';
const TEN_YEARS = 10 * 365 * 86_400;
/** The first root is at the half of its life when so much has gone by: time to install the mesh, and to see it work. */
const BEFORE_ROTATION_MS = 75_000;
/** What a phase lasts: a leaf's life and ten minutes. */
const A_PHASE_MS = 25 * 3_600_000;
/** A Lease lasts 15 s, and what it waited for is done at once. */
const TAKEOVER = 40;
const GATEWAY_PORT = 8085;
const APP_PORT = 8080;

let mesh: InstalledMesh;
let web: Pod;
let edge: Pod;
let begins: number;
let old: X509Certificate;
let end: (() => Promise<Record<string, number>>) | undefined;

beforeAll(async () => {
  begins = Date.now() + BEFORE_ROTATION_MS;
  const seconds = { rootSeconds: TEN_YEARS, intermediateSeconds: TEN_YEARS };
  const now = new Date(begins - (TEN_YEARS / 2) * 1000);
  const { files, slot } = await makeSlot({
    id: 'first',
    phase: 'active',
    now,
    trustDomain: 'cluster.local',
    ...seconds,
  });
  old = new X509Certificate(slot.rootPem);
  const kept = Object.entries(withSlots(files, [slot])).map(([name, text]) => [name, base64(text)]);
  const metadata = { name: 'malha-ca-secret', namespace: SYSTEM };
  const secret = { apiVersion: 'v1', kind: 'Secret', type: 'malha.dev/authority', metadata };
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: SYSTEM } };
  const items = [namespace, { ...secret, data: Object.fromEntries(kept) }];
  const { code, errors } = kubectl(['create', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  if (code !== 0) throw new Error(errors);
  mesh = await InstalledMesh.open({ undeclaredCalls: UndeclaredCalls.allow() });
  [web, edge] = [await startWeb(), await startEdge()];
  const url = `http://${edge.status!.podIP}:${GATEWAY_PORT}/`;
  await eventually(
    () => mesh.network.get(url),
    ({ status }) => status === 200,
    40,
  );
  expect(Date.now()).toBeLessThan(begins);
  end = await mesh.network.load(url, 'direct');
}, 180_000);
afterAll(() => mesh?.close(), 120_000);

/** A member that listens on its own loopback, and whose sidecar captures nothing. */
async function startWeb(): Promise<Pod> {
  apply(`
apiVersion: v1
kind: Service
metadata: { name: web, namespace: ${mesh.members} }
spec: { selector: { app: web }, ports: [{ name: http, port: 80, targetPort: ${APP_PORT} }] }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge, namespace: ${mesh.members} }
spec:
  selector: { istio: edge }
  servers: [{ port: { number: ${GATEWAY_PORT}, name: http, protocol: HTTP }, hosts: ['*'] }]
---
# No retries, which would hide what fails, and a handshake for each request.
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: edge, namespace: ${mesh.members} }
spec:
  hosts: ['*']
  gateways: [edge]
  http: [{ route: [{ destination: { host: web } }], retries: { attempts: 0 } }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web, namespace: ${mesh.members} }
spec: { host: web, trafficPolicy: { connectionPool: { http: { maxRequestsPerConnection: 1 } } } }
`);
  const ports = [{ containerPort: APP_PORT }];
  const [app] = mesh.restricted.containers;
  const pod = await start('web', {
    metadata: { labels: { app: 'web' }, annotations: { 'sidecar.istio.io/interceptionMode': 'NONE' } },
    spec: { containers: [{ ...app, ports }] },
  });
  await mesh.network.serve('web', '127.0.0.1', APP_PORT);
  return pod;
}

async function startEdge(): Promise<Pod> {
  const controlPlane = `malha-control-plane.${SYSTEM}.svc.cluster.local:15012`;
  const proxy = gatewayContainer({ workload: 'edge', controlPlane, identity: 'podCertificate', ports: [] });
  return start('edge', {
    metadata: { labels: { istio: 'edge' }, annotations: identityAnnotations('podCertificate') },
    spec: { containers: [proxy], volumes: [identityVolume('podCertificate')] },
  });
}

async function start(name: string, { metadata, spec }: { metadata: object; spec: object }): Promise<Pod> {
  const body = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name }, spec };
  await mesh.client.request('POST', `/api/v1/namespaces/${mesh.members}/pods`, { body });
  const pod = await mesh.untilRunning(name, 40);
  await mesh.startProxy(pod, mesh.replicas);
  return pod;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const certificates = (text: string) => blocks('CERTIFICATE', text).map((der) => new X509Certificate(der));
const serials = (text: string) => certificates(text).map(({ serialNumber }) => serialNumber.toLowerCase());

/** What is kept of the rotation. */
async function slots(): Promise<Slot[]> {
  const { data } = await mesh.client.get<KubeObject & { data: Record<string, string> }>(SECRET);
  return (JSON.parse(Buffer.from(data['rotation.json']!, 'base64').toString()) as { slots: Slot[] }).slots;
}
const phases = async () => (await slots()).map(({ phase }) => phase);

/** Every phase began so much earlier. */
async function letPass(milliseconds: number): Promise<void> {
  const earlier = (await slots()).map((slot) => ({ ...slot, since: slot.since - milliseconds }));
  const data = { 'rotation.json': base64(JSON.stringify({ slots: earlier })) };
  await mesh.client.patch(SECRET, 'merge', { data });
}

/** The roots as everybody finds them: Pods in the bundle, the API server in each webhook. */
async function published(): Promise<string[][]> {
  const { spec } = await mesh.client.get<KubeObject<{ trustBundle: string }>>(BUNDLE);
  const all = [serials(spec!.trustBundle)];
  for (const kind of ['mutatingwebhookconfiguration', 'validatingwebhookconfiguration']) {
    const { out } = kubectl(['get', kind, '-l', 'app=malha-control-plane', '-o', 'json']);
    const { items } = JSON.parse(out) as { items: { webhooks: { clientConfig: { caBundle: string } }[] }[] };
    for (const { webhooks } of items) {
      for (const { clientConfig } of webhooks)
        all.push(serials(Buffer.from(clientConfig.caBundle, 'base64').toString()));
    }
  }
  return all;
}
const everywhere =
  (...wanted: string[]) =>
  (found: string[][]) =>
    found.length >= 3 && found.every((each) => JSON.stringify(each) === JSON.stringify(wanted));

/** What an Envoy verifies by, in all its contexts; and the root above the leaf that it shows. */
async function validatedBy({ status }: Pod): Promise<string[]> {
  const { body } = await mesh.network.get(`http://${status!.podIP}:15000/certs`);
  const contexts = (JSON.parse(body) as { certificates: { ca_cert?: { serial_number: string }[] }[] }).certificates;
  const found = contexts.flatMap(({ ca_cert = [] }) => ca_cert.map(({ serial_number }) => serial_number));
  return [...new Set(found)].sort();
}

/** The kubelet's volume anew; whether the leaf in it is below the first root. */
async function renewed(pod: Pod): Promise<'old' | 'new'> {
  await mesh.kubelet.renew(pod);
  const bundle = readFileSync(join(mesh.kubelet.volumeOf(pod), 'credential-bundle.pem'), 'utf8');
  return certificates(bundle).at(-1)!.verify(old.publicKey) ? 'old' : 'new';
}

async function killLeader(): Promise<Replica> {
  const leader = await mesh.leader();
  await leader.program.stop('SIGKILL');
  await mesh.kubelet.setReady(SYSTEM, leader.name, false);
  return leader;
}

/** Whether the control plane may write what it publishes. */
async function allowPublishing(isAllowed: boolean): Promise<void> {
  type Rule = { resources: string[]; verbs: string[] };
  const role = await mesh.client.get<KubeObject & { rules: Rule[] }>(ROLE);
  const isPublished = ({ resources }: Rule) => /clustertrustbundles|webhookconfigurations/.test(resources.join());
  const rules = role.rules.map((rule) => {
    if (!isPublished(rule) || !rule.verbs.includes('get')) return rule;
    return { ...rule, verbs: ['get', 'list', 'watch', ...(isAllowed ? ['patch'] : [])] };
  });
  await mesh.client.request('PUT', ROLE, { body: { ...role, rules } });
  const account = `system:serviceaccount:${SYSTEM}:malha-control-plane`;
  const bundle = 'clustertrustbundles.certificates.k8s.io/malha.dev:workload:mesh';
  await eventually(
    () => kubectl(['auth', 'can-i', 'patch', bundle, '--as', account]).out.trim(),
    (answer) => answer === (isAllowed ? 'yes' : 'no'),
  );
}

const serial = ({ serialNumber }: X509Certificate) => serialNumber.toLowerCase();
async function newRoot(): Promise<string> {
  const { data } = await mesh.client.get<KubeObject & { data: Record<string, string> }>(SECRET);
  const roots = Object.entries(data).filter(([name]) => name.endsWith('.root-cert.pem') && !name.startsWith('first.'));
  expect(roots).toHaveLength(1);
  return serials(Buffer.from(roots[0]![1], 'base64').toString())[0]!;
}

describe('the root is replaced under load', () => {
  let root: string;

  test('killed when the new root is kept, but nobody has been told: the other one tells everybody, and the old root signs', async () => {
    await allowPublishing(false);
    await eventually(phases, (found) => found.join() === 'active,distributed', 120);
    root = await newRoot();
    expect(everywhere(serial(old))(await published())).toBe(true);
    expect(await renewed(web)).toBe('old');
    const killed = await killLeader();
    await allowPublishing(true);
    await eventually(published, everywhere(serial(old), root), TAKEOVER);
    expect([await renewed(web), await renewed(edge)]).toEqual(['old', 'old']);
    await mesh.restart(killed);
  }, 240_000);

  test('killed when all know it, before it signs: the other one signs below it when the time has come', async () => {
    for (const pod of [web, edge]) {
      await eventually(() => validatedBy(pod), isSame([serial(old), root].sort()));
    }
    const killed = await killLeader();
    await letPass(A_PHASE_MS);
    await eventually(phases, (found) => found.join() === 'retiring,active', TAKEOVER);
    // One after the other, as kubelets do: leaves below either root meet. The leader signs below it an instant after that is kept.
    await eventually(
      () => renewed(web),
      (leaf) => leaf === 'new',
    );
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(await renewed(edge)).toBe('new');
    await mesh.restart(killed);
  }, 120_000);

  test('killed when the new root signs: the other one takes the old root away, and it is nowhere any more', async () => {
    const killed = await killLeader();
    await letPass(A_PHASE_MS);
    await eventually(phases, (found) => found.join() === 'active', TAKEOVER);
    await eventually(published, everywhere(root), TAKEOVER);
    const { data } = await mesh.client.get<KubeObject & { data: Record<string, string> }>(SECRET);
    expect(Object.keys(data).filter((name) => name.startsWith('first.'))).toEqual([]);
    for (const pod of [web, edge]) {
      expect(await renewed(pod)).toBe('new');
      await eventually(() => validatedBy(pod), isSame([root]));
    }
    await mesh.restart(killed);
    // The API server trusts the webhook, and a new member gets its certificate.
    await mesh.addPod('later');
    await mesh.untilRunning('later', TAKEOVER);
  }, 120_000);

  test('no request has failed', async () => {
    const counts = await end!();
    expect(Object.keys(counts)).toEqual(['web']);
    expect(counts.web).toBeGreaterThan(1_000);
  });
});

const isSame = (wanted: readonly string[]) => (found: readonly string[]) =>
  JSON.stringify(found) === JSON.stringify(wanted);
