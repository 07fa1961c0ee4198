import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { malha } from './captured-io';

const SHOP = `# the shop
apiVersion: v1
kind: Service   # stays
metadata: {name: shop,   namespace: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop   # its name
  namespace: shop
spec:
  template:
    metadata:
      labels: {app: shop}
    spec:
      containers:
        # the only one
        - name: shop
          image: shop:1
---
{"kind": "ConfigMap", "apiVersion": "v1",   "metadata": {"name": "a"}}
`;

const documents = (yaml: string) => parseAllDocuments(yaml).map((document) => document.toJS());
const workload = (kind: string, spec: object) => ({
  apiVersion: 'v1',
  kind,
  metadata: { name: kind.toLowerCase() },
  spec,
});
const template = { spec: { containers: [{ name: 'a', image: 'a' }] } };
const sidecars = (yaml: string) => yaml.match(/name"?: "?istio-proxy/g)?.length ?? 0;

describe('malha inject', () => {
  test('prints the whole stream, and what is no workload byte for byte', async () => {
    const { code, stdout, stderr } = await malha(['inject', '-f', '-'], { stdin: SHOP });
    expect(code).toBe(0);
    expect(stderr).toBe('injected Deployment shop/shop\n');
    const [before, after] = [SHOP, stdout].map((text) => text.split('---\n'));
    expect(after![0]).toBe(before![0]);
    expect(after![2]).toBe(before![2]);
    expect(after![1]).toContain('# its name');
    expect(after![1]).toContain('# the only one');
    expect(documents(stdout)[1].spec.template.spec.initContainers).toMatchObject([
      { name: 'malha-init' },
      { name: 'istio-proxy', restartPolicy: 'Always' },
    ]);
  });

  test('merges what EnvoyFilters of the stream change of bootstraps, in the namespace of the workload', async () => {
    const filter = (namespace: string, cluster: string) => `
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: start, namespace: ${namespace} }
spec: { configPatches: [{ applyTo: BOOTSTRAP, patch: { operation: MERGE, value: { node: { cluster: ${cluster} } } } }] }
`;
    const stdin = SHOP + filter('shop', 'mine') + filter('other', 'theirs');
    const { stdout } = await malha(['inject', '-f', '-'], { stdin });
    const [{ args }] = documents(stdout)[1].spec.template.spec.initContainers.slice(1);
    expect(args.join(' ')).toContain('"cluster":"mine"');
    expect(args.join(' ')).not.toContain('theirs');
  });

  test.each([
    ['Pod', template.spec],
    ['Deployment', { template }],
    ['StatefulSet', { template }],
    ['DaemonSet', { template }],
    ['ReplicaSet', { template }],
    ['Job', { template }],
    ['CronJob', { jobTemplate: { spec: { template } } }],
  ])('injects a %s', async (kind, spec) => {
    const { stdout } = await malha(['inject', '-f', '-'], { stdin: JSON.stringify(workload(kind, spec)) });
    expect(sidecars(stdout)).toBe(1);
  });

  test('injects the items of a List', async () => {
    const items = [workload('Deployment', { template }), workload('Service', {}), workload('Pod', template.spec)];
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
    const { stdout, stderr } = await malha(['inject', '-f', '-'], { stdin: list });
    expect(sidecars(stdout)).toBe(2);
    expect(documents(stdout)[0].items[1]).toEqual(items[1]);
    expect(stderr).toBe('injected Deployment deployment, Pod pod\n');
  });

  test('gives proxies the settings of the mesh, of ProxyConfigs in the stream, and of annotations', async () => {
    const config = (name: string, namespace: string, spec: object) =>
      JSON.stringify({
        apiVersion: 'networking.istio.io/v1beta1',
        kind: 'ProxyConfig',
        metadata: { name, namespace },
        spec,
      });
    const file = join(mkdtempSync(join(tmpdir(), 'inject-')), 'mesh.yaml');
    writeFileSync(file, 'defaultConfig: { concurrency: 3, proxyMetadata: { FROM: mesh, MESH: "yes" } }');
    const stream = [
      SHOP,
      config('everywhere', 'malha-system', { environmentVariables: { FROM: 'root' } }),
      config('here', 'shop', { concurrency: 5, selector: { matchLabels: { app: 'shop' } } }),
      config('other', 'shop', { concurrency: 6, selector: { matchLabels: { app: 'other' } } }),
      config('elsewhere', 'default', { concurrency: 7 }),
      JSON.stringify(workload('Pod', template.spec)),
    ].join('\n---\n');
    const { stdout, code } = await malha(['inject', '-f', '-', '--mesh-config', file], { stdin: stream });
    expect(code).toBe(0);
    const all = documents(stdout);
    const proxyOf = (spec: { initContainers: { name: string; args: string[]; env: object[] }[] }) =>
      spec.initContainers.find(({ name }) => name === 'istio-proxy')!;
    const shop = proxyOf(all.find(({ kind }) => kind === 'Deployment').spec.template.spec);
    const pod = proxyOf(all.find(({ kind }) => kind === 'Pod').spec);
    const threads = ({ args }: { args: string[] }) => args[args.indexOf('--concurrency') + 1];
    expect([threads(shop), threads(pod)]).toEqual(['5', '7']);
    expect(shop.env).toEqual(
      expect.arrayContaining([
        { name: 'FROM', value: 'root' },
        { name: 'MESH', value: 'yes' },
      ]),
    );
  });

  test('injects nothing by a ProxyConfig that is wrong', async () => {
    const wrong = { apiVersion: 'networking.istio.io/v1beta1', kind: 'ProxyConfig', metadata: { name: 'x' } };
    const stdin = `${SHOP}\n---\n${JSON.stringify({ ...wrong, spec: { concurrency: -1 } })}`;
    const { stdout, stderr, code } = await malha(['inject', '-f', '-'], { stdin });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('ProxyConfig default/x: ');
  });

  test('run twice changes nothing the second time', async () => {
    const once = await malha(['inject', '-f', '-'], { stdin: SHOP });
    const twice = await malha(['inject', '-f', '-'], { stdin: once.stdout });
    expect(twice.stdout).toBe(once.stdout);
    expect(twice.stderr).toBe('nothing to inject in <stdin>\n');
  });

  test.each([
    ['the system namespace', ['--system-namespace', 'shop'], SHOP],
    ["Kubernetes' own namespace", [], SHOP.replaceAll('namespace: shop', 'namespace: kube-system')],
    ['a namespace whose objects name none', ['-n', 'kube-system'], SHOP.replaceAll('namespace: shop', '')],
    [
      'a namespace that says no',
      [],
      `${SHOP}---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {istio-injection: disabled}}\n`,
    ],
    ['a pod that says no', [], SHOP.replace('{app: shop}', '{sidecar.istio.io/inject: "false"}')],
  ])('leaves %s as it is', async (_, flags, stdin) => {
    const { code, stdout } = await malha(['inject', '-f', '-', ...flags], { stdin });
    expect(code).toBe(0);
    expect(stdout).toBe(stdin);
  });

  test('points the sidecar at the control plane of the system namespace', async () => {
    const { stdout } = await malha(['inject', '-f', '-', '--system-namespace', 'mesh'], { stdin: SHOP });
    expect(stdout).toContain('malha-control-plane.mesh.svc.cluster.local');
  });

  test('reads a file, and names it where it does not parse', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'malha-inject-'));
    const good = join(folder, 'good.yaml');
    const bad = join(folder, 'bad.yaml');
    writeFileSync(good, SHOP);
    writeFileSync(bad, 'a: [1\n');
    expect((await malha(['inject', '-f', good])).stdout).toContain('istio-proxy');
    const broken = await malha(['inject', '-f', bad]);
    expect(broken.code).toBe(2);
    expect(broken.stdout).toBe('');
    expect(broken.stderr).toMatch(new RegExp(`^malha: ${bad}:2:1: not YAML: .*\\n$`));
    const missing = await malha(['inject', '-f', join(folder, 'none.yaml')]);
    expect(missing).toMatchObject({ code: 2, stderr: `malha: ${folder}/none.yaml: no such file or folder\n` });
  });
});
