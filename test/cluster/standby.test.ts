/** Every replica is down, and a proxy starts: it gets its configuration where that stands by, and goes back when a replica is there again. */
import type { Pod } from '../../lib/api/kubernetes';
import { eventually, kubectl } from './cluster';
import { InstalledMesh } from './installed-mesh';

let mesh: InstalledMesh;
let pod: Pod;
beforeAll(async () => {
  mesh = await InstalledMesh.open();
  await mesh.startStandbys();
  await mesh.addPod('web-1');
  // It has its certificate: what is restarted is its proxy.
  pod = await mesh.untilRunning('web-1');
}, 120_000);
afterAll(() => mesh?.close(), 120_000);

/** Whether a program has served the proxy, known at once or a moment later. */
const serves = (program: { lines: readonly { msg: string; [field: string]: unknown }[] }) =>
  program.lines.some(
    ({ msg, proxy }) => String(proxy).includes('~web-1.') && /^proxy (connected$|is known now)/.test(msg),
  );
const says = (program: { lines: readonly { msg: string }[] }, message: string) =>
  program.lines.filter(({ msg }) => msg === message).length;

test('a proxy that starts while every replica is down takes its configuration from the second source', async () => {
  for (const { name, program } of mesh.replicas) {
    await program.stop('SIGKILL');
    await mesh.kubelet.setReady(mesh.system, name, false);
  }

  await mesh.startProxy(pod);

  const ready = `http://${pod.status!.podIP}:15021/healthz/ready`;
  await eventually(
    () => mesh.network.get(ready),
    ({ status }) => status === 200,
    40,
  );
  const { body } = await mesh.network.get(`http://${pod.status!.podIP}:15000/config_dump?resource=dynamic_listeners`);
  expect(body).toContain('virtualInbound');
  expect(await eventually(() => serves(mesh.standbys[0]!.program), Boolean)).toBe(true);
}, 60_000);

test('it is served what changes meanwhile', async () => {
  const { code } = kubectl(['create', '-n', mesh.members, 'service', 'clusterip', 'later', '--tcp=8080:8080']);
  expect(code).toBe(0);
  await eventually(
    () => mesh.network.get(`http://${pod.status!.podIP}:15000/clusters`),
    ({ body }) => body.includes(`outbound|8080||later.${mesh.members}.svc.cluster.local`),
    20,
  );
}, 40_000);

test('it goes back to the control plane when a replica is ready again, and loses nothing', async () => {
  const replica = await mesh.restart(mesh.replicas[0]!);
  expect(await eventually(() => serves(replica.program), Boolean, 40)).toBe(true);
  expect(says(mesh.standbys[0]!.program, 'a control plane is ready: proxies are sent back to it')).toBeGreaterThan(0);
  const { body } = await mesh.network.get(`http://${pod.status!.podIP}:15000/config_dump?resource=dynamic_listeners`);
  expect(body).toContain('virtualInbound');
}, 90_000);

test('what stands by has no right to write, and none to read Secrets', () => {
  const as = `--as=system:serviceaccount:${mesh.system}:malha-standby`;
  const may = (...args: string[]) => kubectl(['auth', 'can-i', ...args, as, '-n', mesh.system]).out.trim();
  expect(may('list', 'virtualservices.networking.istio.io', '-A')).toBe('yes');
  for (const question of [
    ['get', 'secrets'],
    ['create', 'pods'],
    ['patch', 'virtualservices.networking.istio.io', '--subresource=status'],
    ['sign', 'signers.certificates.k8s.io/malha.dev/workload'],
    ['create', 'tokenreviews.authentication.k8s.io'],
    ['update', 'leases.coordination.k8s.io'],
  ]) {
    expect([question, may(...question)]).toEqual([question, 'no']);
  }
});
