/** Who a machine is, by tokens that a real API server has made and reviews: Istio's certificate service believes nothing else. */
import { X509Certificate } from 'node:crypto';
import { status as Code } from '@grpc/grpc-js';
import type { Pod } from '../../lib/api/kubernetes';
import type { KubeObject } from '../../lib/api/object';
import type { KubeClient } from '../../lib/discovery/kubernetes';
import { type CertificateServer, certify } from '../citadel/certificate-client';
import { inPem, request } from '../citadel/requests';
import { connect, eventually, installKinds, kubeconfigOf, makeNamespace } from './cluster';
import { allowControlPlane } from './control-plane-account';
import { ControlPlaneProgram } from './control-plane-program';

const OURS = 'malha.dev';
/** Whence this test asks: a Pod's token is believed from the Pod's address alone. */
const HERE = '127.0.0.1';

let client: KubeClient;
let namespace: string;
let controlPlane: ControlPlaneProgram;
let server: CertificateServer;

const path = (plural: string, name: string) => `/api/v1/namespaces/${namespace}/${plural}/${name}`;

beforeAll(async () => {
  installKinds();
  client = await connect();
  namespace = await makeNamespace(client, 'tokens');
  await eventually(() => client.get(path('serviceaccounts', 'default')).catch(() => undefined), Boolean);
  allowControlPlane(namespace);
  const kubeconfig = await kubeconfigOf(client, namespace, 'malha-control-plane');
  const identity = ['--citadel-secret', '--identity', 'sds', '--xds-tls', `${HERE}:0`];
  controlPlane = ControlPlaneProgram.start(kubeconfig, ['--root-namespace', namespace, ...identity]);
  const { xdsTls } = await controlPlane.says('control plane is ready');
  const { data = {} } = await client.get<KubeObject & { data?: Record<string, string> }>(
    path('secrets', 'malha-ca-secret'),
  );
  const [, root] = Object.entries(data).find(([name]) => name.endsWith('root-cert.pem'))!;
  server = {
    address: `${HERE}:${xdsTls}`,
    host: `malha-control-plane.${namespace}.svc.cluster.local`,
    roots: Buffer.from(root, 'base64'),
  };
}, 60_000);

afterAll(async () => {
  await controlPlane?.stop();
  await client.request('DELETE', `/apis/rbac.authorization.k8s.io/v1/clusterroles/malha-control-plane-${namespace}`);
  await client.request('DELETE', `/api/v1/namespaces/${namespace}`);
  client.close();
}, 60_000);

/** As its kubelet would report it. */
async function addPod(name: string, podIP: string): Promise<Pod> {
  const spec = { containers: [{ name: 'app', image: 'app' }] };
  const pod = await client.request<Pod>('POST', `/api/v1/namespaces/${namespace}/pods`, {
    body: { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec },
  });
  await client.patch(`${path('pods', name)}/status`, 'merge', { status: { podIP, podIPs: [{ ip: podIP }] } });
  return pod;
}

/** By the TokenRequest API, as a kubelet has it made for a projected volume. */
async function tokenFor(audience: string, pod?: Pod): Promise<string> {
  const { name, uid } = pod?.metadata ?? {};
  const spec = {
    audiences: [audience],
    ...(pod && { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid } }),
  };
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
  const { status } = await client.request<KubeObject & { status: { token: string } }>(
    'POST',
    `${path('serviceaccounts', 'default')}/token`,
    { body },
  );
  return status.token;
}

/** The name in the certificate, or how the request was refused. */
async function shown(token: string): Promise<string | number> {
  const answer = await certify(server, { csr: inPem(request()), token });
  return typeof answer === 'number' ? answer : new X509Certificate(answer[0]!).subjectAltName!;
}

/** `token` with the claims of another, as somebody would forge it. */
function forged(token: string, claims: string): string {
  const [header, , signature] = token.split('.');
  return [header, claims.split('.')[1], signature].join('.');
}

const whoIs = () => `URI:spiffe://cluster.local/ns/${namespace}/sa/default`;

test('a Pod is its account, by a token that is bound to it and made for us', async () => {
  const pod = await addPod('web-1', HERE);
  const token = await tokenFor(OURS, pod);
  expect(
    await eventually(
      () => shown(token),
      (answer) => answer !== Code.UNAVAILABLE,
    ),
  ).toBe(whoIs());
});

test('a machine is its account, by a token that is bound to nothing', async () => {
  expect(await shown(await tokenFor(OURS))).toBe(whoIs());
});

test('a token is refused that was made for the API server', async () => {
  expect(await shown(await tokenFor('https://kubernetes.default.svc'))).toBe(Code.UNAUTHENTICATED);
});

test('a token is refused whose claims are ours and whose signature is not: the API server has the last word', async () => {
  const [good, foreign] = [await tokenFor(OURS), await tokenFor('elsewhere')];
  expect(await shown(forged(foreign, good))).toBe(Code.UNAUTHENTICATED);
  const refused = controlPlane.lines.filter(({ msg }) => msg === 'no certificate given').at(-1)!;
  expect(refused.error).toContain('the API server does not accept the token');
});

test('what is no token is refused', async () => {
  expect(await shown('garbage')).toBe(Code.UNAUTHENTICATED);
  expect(await shown('a.b.c')).toBe(Code.UNAUTHENTICATED);
});

test('a token of a Pod is refused when it comes from elsewhere than the Pod', async () => {
  const pod = await addPod('elsewhere', '198.18.7.7');
  const token = await tokenFor(OURS, pod);
  expect(
    await eventually(
      () => shown(token),
      (answer) => answer !== Code.UNAVAILABLE,
    ),
  ).toBe(Code.UNAUTHENTICATED);
});

test('the token of a Pod that is deleted is refused, also when another one has its name and address by then', async () => {
  const pod = await addPod('web-2', HERE);
  const [used, unused] = [await tokenFor(OURS, pod), await tokenFor(OURS, pod)];
  expect(
    await eventually(
      () => shown(used),
      (answer) => answer !== Code.UNAVAILABLE,
    ),
  ).toBe(whoIs());

  await client.request('DELETE', path('pods', 'web-2'));
  expect(await shown(unused)).toBe(Code.UNAUTHENTICATED);
  const refused = controlPlane.lines.filter(({ msg }) => msg === 'no certificate given').at(-1)!;
  expect(refused.error).toContain('the API server does not accept the token');

  const successor = await addPod('web-2', HERE);
  const own = await tokenFor(OURS, successor);
  expect(
    await eventually(
      () => shown(own),
      (answer) => answer !== Code.UNAVAILABLE,
    ),
  ).toBe(whoIs());
  // It was accepted a moment ago, and that answer is still believed: the Pod's uid tells that it is no more.
  expect(await shown(used)).toBe(Code.UNAUTHENTICATED);
});
