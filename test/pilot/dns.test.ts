import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import type { KubeObject } from '../../lib/api/object';
import { EnvoyResource } from '../../lib/envoy/resource';
import { Translator } from '../../lib/pilot';
import { proxyNamed, World } from '../../lib/world';
import { pod, service, serviceEntry } from '../world/sample';
import { type RunningEnvoy, startStaticEnvoy } from './static-envoy';

const mesh = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'istio', namespace: 'istio-system' },
  data: { mesh: 'defaultConfig: { proxyMetadata: { ISTIO_META_DNS_CAPTURE: "true" } }' },
} as KubeObject;

const external = (name: string) =>
  serviceEntry(name, 'shop', {
    hosts: [`${name}.example.com`],
    ports: [{ number: 443, name: 'tcp', protocol: 'TCP' }],
    resolution: 'DNS',
  });

const wild = serviceEntry('wild', 'shop', {
  hosts: ['*.wild.example.com'],
  addresses: ['198.19.0.9'],
  ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
});

const objects = [
  mesh,
  pod('client', 'shop'),
  service('reviews', 'shop', { clusterIP: '198.19.0.7' }),
  external('one'),
  wild,
];

function listenersOf(all: readonly KubeObject[]) {
  const world = World.of(all);
  return new Translator().snapshot(world, proxyNamed(world, 'client.shop')!).listeners;
}

describe('the DNS of a sidecar', () => {
  let envoy: RunningEnvoy;
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });

  beforeAll(async () => {
    const port = await freePort();
    const dns = listenersOf(objects).find(({ name }) => name === 'dns')!;
    const address = { socket_address: { protocol: 'UDP', address: '127.0.0.1', port_value: port } };
    const listener = new EnvoyResource(dns.typeUrl, dns.name, { ...dns.message, address });
    envoy = await startStaticEnvoy({
      clusters: [],
      endpoints: [],
      listeners: [listener],
      routes: [],
      scopes: [],
      secrets: [],
    });
    resolver.setServers([`127.0.0.1:${port}`]);
  }, 30_000);
  afterAll(() => envoy?.stop());

  test('answers with the addresses of services, and those that hosts without one were given', async () => {
    expect(await resolver.resolve4('reviews.shop.svc.cluster.local')).toEqual(['198.19.0.7']);
    const [given] = await resolver.resolve4('one.example.com');
    expect(given).toMatch(/^240\.240\./);
    expect(listenersOf(objects).map(({ name }) => name)).toContain(`${given}_443`);
  });

  test('knows wildcards', async () => {
    expect(await resolver.resolve4('any.wild.example.com')).toEqual(['198.19.0.9']);
  });
});

describe('addresses that hosts are given', () => {
  const given = (all: readonly KubeObject[]) =>
    listenersOf(all).flatMap(({ name }) => (name.startsWith('240.240.') ? [name] : []));

  test('stay when other hosts come and go', () => {
    const others = Array.from({ length: 50 }, (_, i) => external(`other-${i}`));
    const [alone] = given(objects);
    expect(given([...objects, ...others])).toContain(alone);
    expect(new Set(given([...objects, ...others])).size).toBe(51);
  });

  test('do not exist where sidecars do not answer DNS', () => {
    const names = listenersOf(objects.slice(1)).map(({ name }) => name);
    expect(names).not.toContain('dns');
    expect(names.filter((name) => name.startsWith('240.'))).toEqual([]);
    expect(names).toContain('0.0.0.0_443');
  });
});

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}
