/**
 * Secret `cacerts`: the authority that an operator plugs in, in a mesh as its manifests install it. It is there before the control plane
 * comes, as Istio's documents have it.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeObject } from '../../lib/api/object';
import { type AuthorityCertificate, makeAuthorityCertificate } from '../../lib/citadel/authority-certificate';
import { blocks } from '../../lib/citadel/der';
import { eventually, kubectl } from './cluster';
import { InstalledMesh } from './installed-mesh';

const SYSTEM = 'malha-system';
const SECRET = `/api/v1/namespaces/${SYSTEM}/secrets/cacerts`;
const YEAR = 365 * 86_400;
/** The Secret is watched; each 30 s would be too late here. */
const AT_ONCE = 5;

let mesh: InstalledMesh;
let root: AuthorityCertificate;
let first: AuthorityCertificate;

const below = (name: string) =>
  makeAuthorityCertificate({ name, now: new Date(), lifetimeSeconds: YEAR, parent: root });

function files({ certPem, keyPem }: AuthorityCertificate): Record<string, string> {
  const texts = {
    'ca-cert.pem': certPem,
    'ca-key.pem': keyPem,
    'cert-chain.pem': certPem + root.certPem,
    'root-cert.pem': root.certPem,
  };
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, Buffer.from(text).toString('base64')]));
}

beforeAll(async () => {
  root = await makeAuthorityCertificate({ name: 'Acme root', now: new Date(), lifetimeSeconds: YEAR, pathLength: 1 });
  first = await below('Acme mesh 1');
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'cacerts', namespace: SYSTEM },
    data: files(first),
  };
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: SYSTEM } };
  const list = { apiVersion: 'v1', kind: 'List', items: [namespace, secret] };
  const { code, errors } = kubectl(['create', '-f', '-'], JSON.stringify(list));
  if (code !== 0) throw new Error(errors);
  mesh = await InstalledMesh.open();
}, 120_000);
afterAll(() => mesh?.close(), 120_000);

/** What a new Pod gets from its kubelet: leaf and intermediates, and the roots. */
async function credentialsOf(name: string): Promise<{ chain: X509Certificate[]; roots: string }> {
  await mesh.addPod(name);
  const folder = mesh.kubelet.volumeOf(await mesh.untilRunning(name, 40));
  const bundle = readFileSync(join(folder, 'credential-bundle.pem'), 'utf8');
  return { chain: certificates(bundle), roots: readFileSync(join(folder, 'trust-bundle.pem'), 'utf8') };
}

const certificates = (text: string) => blocks('CERTIFICATE', text).map((der) => new X509Certificate(der));
const subjects = (text: string) => certificates(text).map(({ subject }) => subject);
const plugIn = (data: Record<string, string>) => mesh.client.patch(SECRET, 'merge', { data });
const errors = () => mesh.replicas.map(({ program }) => program.lines.filter(({ level }) => (level as number) >= 50));

describe('an authority in Secret cacerts', () => {
  test('signs for Pods; its chain and root reach them, and nothing else is made', async () => {
    const { chain, roots } = await credentialsOf('web-1');
    expect(chain.map(({ subject }) => subject).slice(1)).toEqual(['CN=Acme mesh 1']);
    expect(chain[0]!.subjectAltName).toBe(`URI:spiffe://cluster.local/ns/${mesh.members}/sa/default`);
    expect(chain[0]!.verify(chain[1]!.publicKey)).toBe(true);
    expect(subjects(roots)).toEqual(['CN=Acme root']);

    const bundle = '/apis/certificates.k8s.io/v1/clustertrustbundles/malha.dev:workload:mesh';
    const { spec } = await mesh.client.get<KubeObject<{ trustBundle: string }>>(bundle);
    expect(subjects(spec!.trustBundle)).toEqual(['CN=Acme root']);
    const path = `/apis/certificates.k8s.io/v1/namespaces/${mesh.members}/podcertificaterequests`;
    const { items } = await mesh.client.get<{ items: { status?: { certificateChain?: string } }[] }>(path);
    expect(items.map(({ status }) => subjects(status!.certificateChain!).at(-1))).toEqual(['CN=Acme mesh 1']);
    const own = `/api/v1/namespaces/${SYSTEM}/secrets/malha-ca-secret`;
    await expect(mesh.client.get(own)).rejects.toThrow('not found');
  });

  test('that turns wrong is not taken up: each replica says so, and the last good one goes on signing', async () => {
    const { keyPem } = await below('another');
    await plugIn({ 'ca-key.pem': Buffer.from(keyPem).toString('base64') });
    await eventually(errors, (all) => all.every((lines) => lines.length > 0), AT_ONCE);
    for (const [line] of errors()) {
      expect(line).toMatchObject({
        msg: 'the authority cannot be looked after; its certificates stay in use',
        error: 'the private key is not that of the certificate of CN=Acme mesh 1',
      });
    }
    for (const { program } of mesh.replicas) {
      expect(program.lines.map((line) => JSON.stringify(line)).join()).not.toContain('PRIVATE KEY');
    }
    const { chain } = await credentialsOf('web-2');
    expect(chain[1]!.toString().trim()).toBe(first.certPem.trim());
  }, 90_000);

  test('is replaced by another below the same root, without a restart', async () => {
    await plugIn(files(await below('Acme mesh 2')));
    await eventually(
      () => mesh.replicas.map(({ program }) => program.lines.some(({ msg }) => msg === 'authority: activate')),
      (all) => all.every(Boolean),
      AT_ONCE,
    );
    const { chain, roots } = await credentialsOf('web-3');
    expect(chain.map(({ subject }) => subject).slice(1)).toEqual(['CN=Acme mesh 2']);
    expect(subjects(roots)).toEqual(['CN=Acme root']);
  }, 90_000);
});
