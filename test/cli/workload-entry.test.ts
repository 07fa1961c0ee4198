/** The way of a machine into the mesh: from the WorkloadGroup to an entry, and to an Envoy that the control plane knows by it. */
import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { validate } from '../../lib/galley';
import { provenProxy, World } from '../../lib/world';
import { malha } from './captured-io';

const GROUPS = `
apiVersion: networking.istio.io/v1
kind: WorkloadGroup
metadata: { name: vms, namespace: shop }
spec:
  metadata: { labels: { app: web, tier: old }, annotations: { team: shop } }
  template: { ports: { http: 8080 }, serviceAccount: web, labels: { version: vm, tier: new }, locality: eu/one }
---
apiVersion: networking.istio.io/v1
kind: WorkloadGroup
metadata: { name: probed, namespace: shop }
spec:
  template: {}
  probe: { tcpSocket: { port: 8080 } }
---
apiVersion: networking.istio.io/v1
kind: WorkloadGroup
metadata: { name: bad, namespace: shop }
spec: { template: { ports: 1 } }
`;

async function run(...args: string[]) {
  const file = join(mkdtempSync(join(tmpdir(), 'malha-workload-entry-')), 'groups.yaml');
  writeFileSync(file, GROUPS);
  return malha(['workload-entry', file, ...args]);
}

test('an entry has what the template says, and the metadata of the group', async () => {
  const { code, stdout } = await run('--group', 'vms.shop', '--address', '192.0.2.7');
  expect(code).toBe(0);
  const entry = parse(stdout);
  expect(entry).toMatchObject({
    apiVersion: 'networking.istio.io/v1',
    kind: 'WorkloadEntry',
    metadata: { name: 'vms-192-0-2-7', namespace: 'shop', annotations: { team: 'shop' } },
    spec: {
      address: '192.0.2.7',
      ports: { http: 8080 },
      serviceAccount: 'web',
      locality: 'eu/one',
      labels: { app: 'web', tier: 'new', version: 'vm', 'security.istio.io/tlsMode': 'istio' },
    },
  });
  expect(validate(entry)).toEqual([]);
});

test('the Envoy of the machine starts as the workload of that entry, and the World knows it by its credential', async () => {
  const { stdout } = await run('--group', 'vms.shop', '--address', '192.0.2.7', '-o', 'bootstrap');
  const { node, static_resources: resources } = JSON.parse(stdout);
  expect(node).toMatchObject({
    id: 'sidecar~192.0.2.7~vms-192-0-2-7.shop~shop.svc.cluster.local',
    cluster: 'web.shop',
  });
  expect(JSON.stringify(resources)).toContain('/var/run/secrets/malha.dev/identity/sds-token.json');
  const entry = parse((await run('--group', 'vms.shop', '--address', '192.0.2.7')).stdout);
  const identity = { trustDomain: 'cluster.local', namespace: 'shop', serviceAccount: 'web' };
  const at = (address: string) => provenProxy(World.of([entry]), node.id, { identity, address });
  expect(at('192.0.2.7')).toMatchObject({ kind: 'proven', proxy: { labels: { app: 'web' } } });
  expect(at('192.0.2.8')).toMatchObject({ kind: 'refused' });
});

test.each([
  ['sds', ['sds-rootca.json', 'sds-token.json']],
  ['podCertificate', ['sds-default.json', 'sds-rootca.json']],
])('with --identity %s, all files that the bootstrap reads of the machine are written', async (identity, files) => {
  const folder = join(mkdtempSync(join(tmpdir(), 'malha-secrets-')), 'identity');
  const args = ['--identity', identity, '--secrets', folder];
  const { stdout } = await run('--group', 'vms.shop', '--address', '192.0.2.7', '-o', 'bootstrap', ...args);
  expect(readdirSync(folder).sort()).toEqual(files);
  const read = [...stdout.matchAll(/"path": "\/var\/run\/secrets\/malha\.dev\/identity\/([^"]+)"/g)].map(
    ([, name]) => name,
  );
  expect([...new Set(read)].sort()).toEqual(files);
});

test('what is not served of a group is said: that machines register, and probes', async () => {
  const { stderr } = await run('--group', 'probed.shop', '--address', '192.0.2.7', '--name', 'one');
  expect(stderr).toContain('machines do not register by themselves');
  expect(stderr).toContain('spec.probe is accepted, but not served yet');
});

test.each([
  [
    'that is not there',
    'other.shop',
    'there is no WorkloadGroup other.shop without errors; there are: vms.shop, probed.shop',
  ],
  ['with errors', 'bad.shop', 'spec.template.ports'],
])('a group %s is an error', async (_what, group, message) => {
  const { code, stdout, stderr } = await run('--group', group, '--address', '192.0.2.7');
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(message);
});

test('an address is one IP address', async () => {
  const { code, stderr } = await run('--group', 'vms.shop', '--address', 'vm.example');
  expect(code).toBe(2);
  expect(stderr).toContain("'vm.example' is no IP address");
});
