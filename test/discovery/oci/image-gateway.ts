/** A real Envoy as a gateway in namespace shop, behind it an app that tells the header x-wasm; its control plane pulls images. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KubeObject } from '../../../lib/api/object';
import { WasmImages, type WasmImagesOptions } from '../../../lib/discovery/oci';
import { gatewayContainer } from '../../../lib/injector';
import { findEnvoy } from '../../../lib/local/envoy-binary';
import { complete } from '../../../lib/world';
import { MeshSource } from '../../../lib/xds/mesh-source';
import type { Variant } from '../../../lib/xds/request';
import { XdsServer } from '../../../lib/xds/server';
import { silent } from '../../xds/fake-client';
import { bootstrapOf, freePort } from '../../xds/plain-envoy';

const GATEWAY_API = 'gateway.networking.k8s.io/v1';
const NODE = 'router~127.0.0.1~edge.shop~shop.svc.cluster.local';

export class ImageGateway {
  readonly troubles: string[] = [];
  readonly pulls: string[] = [];
  /** The size of each response. */
  readonly pushed: number[] = [];
  readonly envoyLog: string[] = [];
  /** What waits for its time, in milliseconds. */
  readonly timers: { milliseconds: number; run: () => void }[] = [];
  port = 0;
  private xdsPort = 0;
  private bootstrap = '';
  xds!: XdsServer;
  images!: WasmImages;
  source!: MeshSource;
  private app!: Server;
  private envoy!: ChildProcess;
  private objects: readonly KubeObject[] = [];

  async start(registry: WasmImagesOptions['registry'], variant: Variant = 'delta'): Promise<this> {
    this.app = createServer(({ headers }, response) => response.end(String(headers['x-wasm'] ?? 'no')));
    await new Promise<void>((resolve) => this.app.listen(0, '127.0.0.1', resolve));
    this.port = await freePort();
    this.startControlPlane(registry);
    this.xdsPort = await this.xds.listen('127.0.0.1:0');
    this.bootstrap = JSON.stringify(bootstrapOf(variant, this.xdsPort, NODE));
    await this.startProxy();
    return this;
  }

  private async startProxy(): Promise<void> {
    const { path } = await findEnvoy();
    this.envoy = spawn(
      path,
      ['--config-yaml', this.bootstrap, '--use-dynamic-base-id', '-l', 'warn', '--concurrency', '1'],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    this.envoy.stderr!.setEncoding('utf8').on('data', (text: string) => this.envoyLog.push(text));
  }

  /** Another proxy in place of the first, which has nothing yet. */
  async restartProxy(): Promise<void> {
    this.envoy.kill('SIGKILL');
    await once(this.envoy, 'exit');
    await this.startProxy();
  }

  private startControlPlane(registry: WasmImagesOptions['registry']): void {
    this.images = new WasmImages({
      registry,
      onChange: () => this.source.update(this.all()),
      onTrouble: (object, trouble) => this.troubles.push(`${object}: ${trouble}`),
      onPull: (outcome) => this.pulls.push(outcome),
      after: (milliseconds, run) => {
        const timer = { milliseconds, run };
        this.timers.push(timer);
        return () => void (this.timers.includes(timer) && this.timers.splice(this.timers.indexOf(timer), 1));
      },
    });
    this.source = new MeshSource({
      log: silent,
      complete,
      modules: (objects, config) => {
        this.images.see(objects, config);
        return this.images.current;
      },
    });
    const pushed = (_type: string, bytes: number) => this.pushed.push(bytes);
    this.xds = new XdsServer(this.source, { log: silent, observer: { pushed } });
    this.source.update(this.all());
  }

  /** Another control plane at the same address, which remembers nothing. */
  async restart(registry: WasmImagesOptions['registry']): Promise<void> {
    this.images.close();
    await this.xds.close(0);
    this.startControlPlane(registry);
    await this.xds.listen(`127.0.0.1:${this.xdsPort}`);
  }

  /** The mesh has these objects beside the gateway. */
  become(...objects: readonly KubeObject[]): void {
    this.objects = objects;
    this.source.update(this.all());
  }

  /** What waited for its time comes to it. */
  pass(): void {
    for (const { run } of this.timers.splice(0)) run();
  }

  async stop(): Promise<void> {
    this.images?.close();
    this.envoy?.kill('SIGKILL');
    if (this.envoy) await once(this.envoy, 'exit');
    await this.xds?.close(0);
    this.app?.close();
    this.app?.closeAllConnections();
  }

  private all(): KubeObject[] {
    const { port: appPort } = this.app.address() as AddressInfo;
    return [
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'edge', namespace: 'shop', labels: { 'gateway.networking.k8s.io/gateway-name': 'edge' } },
        spec: {
          containers: [gatewayContainer({ workload: 'edge', ports: [{ name: 'http', containerPort: this.port }] })],
        },
      } as KubeObject,
      {
        apiVersion: GATEWAY_API,
        kind: 'Gateway',
        metadata: { name: 'edge', namespace: 'shop' },
        spec: { gatewayClassName: 'malha', listeners: [{ name: 'http', port: this.port, protocol: 'HTTP' }] },
      },
      {
        apiVersion: GATEWAY_API,
        kind: 'HTTPRoute',
        metadata: { name: 'page', namespace: 'shop' },
        spec: { parentRefs: [{ name: 'edge' }], rules: [{ backendRefs: [{ name: 'page', port: 80 }] }] },
      },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'page', namespace: 'shop' },
        spec: { ports: [{ name: 'http', port: 80 }] },
      },
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name: 'page', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'page' } },
        addressType: 'IPv4',
        ports: [{ name: 'http', port: appPort }],
        endpoints: [{ addresses: ['127.0.0.1'] }],
      } as KubeObject,
      ...this.objects,
    ];
  }
}

/** A WasmPlugin of the gateway, in its namespace. */
export function plugin(url: string, more: object = {}, name = 'header', namespace = 'shop'): KubeObject {
  return {
    apiVersion: 'extensions.istio.io/v1alpha1',
    kind: 'WasmPlugin',
    metadata: { name, namespace },
    spec: { url, ...more },
  };
}
