/** The whole control plane in this process: files in a folder, a gRPC client as the proxy. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js';
import { type RunningControlPlane, startControlPlane } from '../../apps/control-plane';
import type { Status } from '../../apps/control-plane/status';
import type { envoy } from '../../lib/envoy/generated/envoy';
import { decode, encode } from '../../lib/envoy/message';
import { TypeUrl } from '../../lib/envoy/type-url';
import { aggregatedDiscoveryService } from '../../lib/xds/server';

const log = { info: () => {}, warn: () => {}, error: () => {} };

const deployment = (name: string) => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: shop }
spec:
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name}, version: v1 } }
    spec: { containers: [{ name: app, image: app, ports: [{ containerPort: 80 }] }] }
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec:
  selector: { app: ${name} }
  ports: [{ name: http, port: 80 }]
`;

const routeTo = (weight: unknown) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web, namespace: shop }
spec:
  hosts: [web]
  http:
    - timeout: ${weight}
      route: [{ destination: { host: web } }]
`;

let folder: string;
let running: RunningControlPlane;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'malha-control-plane-'));
  await writeFile(join(folder, 'web.yaml'), deployment('web'));
  await writeFile(join(folder, 'route.yaml'), routeTo('1s'));
  running = await startControlPlane({
    registry: { kind: 'files', files: [folder] },
    xds: '127.0.0.1:0',
    http: '127.0.0.1:0',
    log,
  });
});

afterEach(async () => {
  await running.stop();
  await rm(folder, { recursive: true });
});

const get = (path: string) => fetch(`http://127.0.0.1:${running.httpPort}${path}`);
const status = async () => (await (await get('/status')).json()) as Status;

describe('the control plane over HTTP', () => {
  it('is healthy, ready, and serves the console', async () => {
    expect((await get('/healthz')).status).toBe(200);
    expect((await get('/readyz')).status).toBe(200);
    expect(await (await get('/')).text()).toContain('<title>Malha</title>');
  });

  it('says what is in force', async () => {
    expect(await status()).toMatchObject({
      configuration: { state: 'current', generation: 1 },
      proxies: [],
      findings: [],
      calls: [],
    });
  });

  it('has metrics', async () => {
    const text = await (await get('/metrics')).text();
    expect(text).toContain('pilot_xds 0');
    expect(text).toContain('malha_configuration_generation 1');
    expect(text).toContain('istio_build{component="pilot",tag="0.1.0"} 1');
    expect(text).toContain('pilot_push_triggers{type="service"} 1');
    expect(text).toMatch(/pilot_k8s_reg_events\{type="Service",event="add"\} [1-9]/);
    expect(text).toContain('sidecar_injection_failure_total 0');
  });

  it('answers nothing else', async () => {
    expect((await get('/constructor')).status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${running.httpPort}/status`, { method: 'POST' })).status).toBe(405);
  });
});

describe('a proxy', () => {
  let proxy: Proxy;

  beforeEach(async () => {
    const ip = '198.18.1.2';
    proxy = new Proxy(running.xdsPort, `sidecar~${ip}~web.shop~shop.svc.cluster.local`);
    await eventually(async () => expect(proxy.names('clusters')).toContain('outbound|80||web.shop.svc.cluster.local'));
  });

  afterEach(() => proxy.close());

  it('gets what its workload should have, and shows on the status', async () => {
    await eventually(async () => expect((await status()).proxies).toHaveLength(1));
    const [shown] = (await status()).proxies;
    expect(shown!.types.clusters.state).toBe('synced');
    expect(Date.now() - Date.parse(shown!.connectedAt)).toBeLessThan(60_000);
  });

  it('is a target for Prometheus', async () => {
    expect(await (await get('/sd/targets')).json()).toEqual([
      {
        targets: ['198.18.1.2:15090'],
        labels: {
          pod: 'web',
          namespace: 'shop',
          container: 'istio-proxy',
          proxy_type: 'sidecar',
          app: 'web',
          version: 'v1',
        },
      },
    ]);
  });

  it('hears of an edit at once', async () => {
    await writeFile(join(folder, 'other.yaml'), deployment('other'));
    await eventually(async () =>
      expect(proxy.names('clusters')).toContain('outbound|80||other.shop.svc.cluster.local'),
    );
    expect((await status()).configuration.generation).toBeGreaterThan(1);
  });

  it('hears of the last of several quick edits', async () => {
    for (let round = 0; round < 20; round++) {
      await writeFile(join(folder, 'other.yaml'), deployment(`other-${round}`));
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    const last = 'outbound|80||other-19.shop.svc.cluster.local';
    await eventually(async () => expect(proxy.names('clusters')).toContain(last));
    expect((await status()).configuration.state).toBe('current');
  });

  it('loses nothing while a file is emptied and written anew', async () => {
    await writeFile(join(folder, 'web.yaml'), '');
    await new Promise((resolve) => setTimeout(resolve, 60));
    await writeFile(join(folder, 'web.yaml'), deployment('web'));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(proxy.removed).toEqual([]);
  });

  it('keeps the last good configuration while the files are bad, and the status says so', async () => {
    await writeFile(join(folder, 'route.yaml'), routeTo('-5'));
    await eventually(async () =>
      expect(await (await get('/metrics')).text()).toContain(
        'galley_validation_failed{group="networking.istio.io",version="v1",resource="VirtualService",reason="IST0106"} 1',
      ),
    );
    await eventually(async () => expect((await status()).configuration.state).toBe('stale'));
    expect((await status()).findings[0]).toMatchObject({ level: 'error', resource: 'VirtualService shop/web' });
    expect((await status()).findings[0]!.file).toContain('route.yaml');

    await writeFile(join(folder, 'web.yaml'), '{{{ no yaml');
    await eventually(async () => expect((await status()).findings.length).toBeGreaterThan(1));
    expect(proxy.removed).toEqual([]);

    await writeFile(join(folder, 'route.yaml'), routeTo('2s'));
    await writeFile(join(folder, 'web.yaml'), deployment('web'));
    await eventually(async () => expect((await status()).configuration.state).toBe('current'));
    expect((await get('/readyz')).status).toBe(200);
  });
});

describe('starting', () => {
  it.each([
    ['xds', 'cannot serve xDS on 127.0.0.1'],
    ['http', 'cannot serve HTTP on 127.0.0.1'],
  ] as const)('on a port in use for %s is a clear error', async (which, problem) => {
    const registry = { kind: 'files' as const, files: [folder] };
    const taken = `127.0.0.1:${which === 'xds' ? running.xdsPort : running.httpPort}`;
    const options = { registry, xds: '127.0.0.1:0', http: '127.0.0.1:0', log, [which]: taken };
    await expect(startControlPlane(options)).rejects.toThrow(problem);
  });

  it('without a folder is a clear error', async () => {
    const registry = { kind: 'files' as const, files: ['/no/such/folder'] };
    const options = { registry, xds: '127.0.0.1:0', http: '127.0.0.1:0', log };
    await expect(startControlPlane(options)).rejects.toThrow("there is no file or folder '/no/such/folder'");
  });

  it('on something that is no address is a clear error', async () => {
    const registry = { kind: 'files' as const, files: [folder] };
    const options = { registry, xds: 'localhost', http: '127.0.0.1:0', log };
    await expect(startControlPlane(options)).rejects.toThrow("'localhost' is no address to listen on");
  });
});

/** A client that asks for clusters and takes everything. */
class Proxy {
  readonly removed: string[] = [];
  private readonly held = { clusters: new Set<string>() };
  private readonly client: Client;
  private readonly stream: ClientDuplexStream<Buffer, Buffer>;

  constructor(port: number, id: string) {
    this.client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    const { path, requestSerialize, responseDeserialize } = aggregatedDiscoveryService.DeltaAggregatedResources;
    this.stream = this.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    this.stream.on('error', () => {});
    this.stream.on('data', (bytes: Buffer) => this.take(bytes));
    this.send({ node: { id } });
  }

  private send(fields: envoy.service.discovery.v3.DeltaDiscoveryRequest): void {
    const request = { type_url: TypeUrl.cluster, ...fields };
    this.stream.write(Buffer.from(encode('envoy.service.discovery.v3.DeltaDiscoveryRequest', request)));
  }

  private take(bytes: Buffer): void {
    const response = decode('envoy.service.discovery.v3.DeltaDiscoveryResponse', bytes);
    for (const { name } of response.resources ?? []) this.held.clusters.add(name!);
    for (const name of response.removed_resources ?? []) this.removed.push(name);
    this.send({ response_nonce: response.nonce });
  }

  names(type: 'clusters'): string[] {
    return [...this.held[type]];
  }

  close(): void {
    this.stream.cancel();
    this.client.close();
  }
}

async function eventually(check: () => Promise<void>): Promise<void> {
  const end = Date.now() + 5_000;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
