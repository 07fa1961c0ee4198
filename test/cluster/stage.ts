/** What most of these tests begin with: a namespace, Service `web`, a client with a sidecar, and a control plane. */
import type { KubeClient } from '../../lib/discovery/kubernetes';
import { clusterOptions, connect, eventually, installKinds, makeNamespace } from './cluster';
import { ControlPlaneProgram } from './control-plane-program';
import { FakeKubelet } from './fake-kubelet';
import { PodNetwork } from './pod-network';

export const PORT = 8080;

export class Stage {
  controlPlane!: ControlPlaneProgram;

  private constructor(
    readonly client: KubeClient,
    readonly namespace: string,
    readonly kubelet: FakeKubelet,
    readonly network: PodNetwork,
  ) {}

  static async open(name: string): Promise<Stage> {
    installKinds();
    const client = await connect();
    const namespace = await makeNamespace(client, name);
    const kubelet = await FakeKubelet.start(client, { namespaces: [namespace] });
    const stage = new Stage(client, namespace, kubelet, await PodNetwork.open());
    const account = `/api/v1/namespaces/${namespace}/serviceaccounts/default`;
    await eventually(() => client.get(account).catch(() => undefined), Boolean);
    await stage.create('services', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: PORT }] },
    });
    await stage.create('pods', stage.pod('client', { app: 'client' }));
    await stage.startControlPlane();
    await stage.network.startProxy('client', namespace, kubelet.addressOf(namespace, 'client'));
    return stage;
  }

  /** Starts a control plane, or another one, and sends proxies to it. */
  async startControlPlane(): Promise<void> {
    this.controlPlane = ControlPlaneProgram.start(clusterOptions.kubeconfig!, ['--root-namespace', this.namespace]);
    this.network.controlPlanePort = (await this.controlPlane.ready()).xds;
  }

  async close(): Promise<void> {
    await this.controlPlane?.stop();
    await this.network.close();
    await this.kubelet.stop();
    await this.client.request('DELETE', `/api/v1/namespaces/${this.namespace}`);
    this.client.close();
    if (this.kubelet.errors.length > 0) throw new AggregateError(this.kubelet.errors, 'the kubelet failed');
  }

  /** The service, as its clients name it. */
  get url(): string {
    return `http://web.${this.namespace}/`;
  }

  /** The path of a core object of the namespace. */
  path(plural: string, name?: string): string {
    return `/api/v1/namespaces/${this.namespace}/${plural}${name === undefined ? '' : `/${name}`}`;
  }

  /** The path of an object of networking.istio.io. */
  meshPath(plural: string, name?: string): string {
    const folder = `/apis/networking.istio.io/v1/namespaces/${this.namespace}/${plural}`;
    return name === undefined ? folder : `${folder}/${name}`;
  }

  async create(plural: string, body: object): Promise<void> {
    await this.client.request('POST', this.path(plural), { body });
  }

  pod(name: string, labels: Record<string, string>) {
    const { namespace } = this;
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace, labels },
      spec: {
        terminationGracePeriodSeconds: 30,
        containers: [{ name: 'app', image: 'app', ports: [{ containerPort: PORT }] }],
      },
    };
  }

  /** A Pod of `web` that listens. */
  async addPod(name: string): Promise<void> {
    await this.network.serve(name, this.kubelet.addressOf(this.namespace, name), PORT);
    await this.create('pods', this.pod(name, { app: 'web' }));
  }

  /** Waits until twenty requests are answered by exactly these. */
  async answeredBy(...names: string[]): Promise<void> {
    const wanted = JSON.stringify([...names].sort());
    await eventually(
      () => this.answerers(),
      (seen) => JSON.stringify(seen) === wanted,
    );
  }

  /** Who answers twenty requests; the status where it is none of 200. */
  async answerers(): Promise<string[]> {
    const names = new Set<string>();
    for (let i = 0; i < 20; i++) {
      const { status, body } = await this.network.ask(this.url);
      names.add(status === 200 ? body : `${status}`);
    }
    return [...names].sort();
  }
}
