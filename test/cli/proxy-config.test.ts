import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from '../../lib/envoy/message';
import { malha } from './captured-io';

const WORKLOAD = (name: string) => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: shop }
spec:
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec: { containers: [{ name: app, image: app, ports: [{ containerPort: 8080 }] }] }
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { selector: { app: ${name} }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
`;

describe('malha proxy-config', () => {
  const folder = mkdtempSync(join(tmpdir(), 'malha-proxy-config-'));
  const file = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const shop = file('shop.yaml', `${WORKLOAD('cart')}---${WORKLOAD('stock')}`);
  const printed = async (...args: string[]) =>
    JSON.parse((await malha(['proxy-config', ...args, '-o', 'json'])).stdout);

  test('prints listeners, routes, clusters and endpoints as Envoy’s config_dump does, sorted by name', async () => {
    const { code, stdout, stderr } = await malha(['proxy-config', shop, '--proxy', 'cart.shop', '-o', 'json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const config = JSON.parse(stdout);
    expect(Object.keys(config)).toEqual(['listeners', 'routes', 'clusters', 'endpoints']);
    const names = (list: { name?: string; cluster_name?: string }[]) =>
      list.map((each) => each.name ?? each.cluster_name);
    for (const list of Object.values<{ name?: string; cluster_name?: string }[]>(config)) {
      expect(names(list)).toEqual([...names(list)].sort());
      for (const element of list) expect(Object.keys(element)[0]).toBe('@type');
    }
    expect(names(config.listeners)).toEqual(
      expect.arrayContaining(['0.0.0.0_80', 'virtualInbound', 'virtualOutbound']),
    );
    expect(names(config.routes)).toContain('80');
    expect(names(config.clusters)).toContain('outbound|80||stock.shop.svc.cluster.local');
    expect(names(config.endpoints)).toContain('outbound|80||stock.shop.svc.cluster.local');
  });

  test('prints messages that encode to what Envoy gets', async () => {
    const config = await printed(shop, '--proxy', 'cart.shop');
    for (const { '@type': type, ...message } of config.clusters) {
      expect(type).toBe('type.googleapis.com/envoy.config.cluster.v3.Cluster');
      expect(encode('envoy.config.cluster.v3.Cluster', message).length).toBeGreaterThan(10);
    }
  });

  test('gives the same bytes whatever the order of files', async () => {
    const [a, b] = [file('a.yaml', WORKLOAD('cart')), file('b.yaml', WORKLOAD('stock'))];
    const one = await malha(['proxy-config', a, b, '--proxy', 'stock.shop', '-o', 'json']);
    const other = await malha(['proxy-config', b, a, '--proxy', 'stock.shop', '-o', 'json']);
    expect(other.stdout).toBe(one.stdout);
  });

  test('shows a table to people', async () => {
    const { stdout } = await malha(['proxy-config', shop, '--proxy', 'cart.shop']);
    expect(stdout).toMatch(/^LISTENER +ADDRESS +CHAINS\n/);
    expect(stdout).toMatch(/\noutbound\|80\|\|stock\.shop\.svc\.cluster\.local +198\.18\.\d+\.\d+:8080 +1\n/);
  });

  test('names the proxies there are when asked for another', async () => {
    expect(await malha(['proxy-config', shop, '--proxy', 'car.shop'])).toEqual({
      code: 2,
      stdout: '',
      stderr: 'malha: no proxy car.shop: want NAME.NAMESPACE, one of cart.shop, stock.shop\n',
    });
  });

  test('tells findings on standard error, leaves the object out, and ends with 1', async () => {
    const bad = file(
      'bad.yaml',
      'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: stock, namespace: shop }\nspec:\n  hosts: [stock]\n  htttp: []\n',
    );
    const { code, stdout, stderr } = await malha(['proxy-config', shop, bad, '--proxy', 'cart.shop', '-o', 'json']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/bad\.yaml:\d+: error \w+ VirtualService shop\/stock: .*htttp/);
    expect(JSON.parse(stdout).routes.length).toBeGreaterThan(0);
  });

  test('takes a mesh configuration', async () => {
    const mesh = file('mesh.yaml', 'outboundTrafficPolicy: { mode: REGISTRY_ONLY }\n');
    const blackHole = async (...args: string[]) =>
      JSON.stringify((await printed(shop, '--proxy', 'cart.shop', ...args)).routes);
    expect(await blackHole()).toContain('PassthroughCluster');
    expect(await blackHole('--mesh-config', mesh)).not.toContain('PassthroughCluster');
    const broken = await malha(['proxy-config', shop, '--proxy', 'cart.shop', '--mesh-config', file('no.yaml', '[1]')]);
    expect(broken).toMatchObject({ code: 2, stderr: expect.stringContaining('no.yaml: not a MeshConfig') });
  });

  test('names a file that does not exist', async () => {
    const { code, stderr } = await malha(['proxy-config', join(folder, 'none'), '--proxy', 'a.b']);
    expect({ code, stderr }).toEqual({ code: 2, stderr: `malha: ${folder}/none: no such file or folder\n` });
  });
});
