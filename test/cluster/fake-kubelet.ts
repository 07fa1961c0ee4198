/**
 * Stands for the kubelet and the scheduler of one node: takes every Pod, gives it an address of 198.18.0.0/16, says
 * that it is ready, and takes it away when it is deleted. Tests may slow it down: hold a Pod unready, or terminating.
 */
import type { Pod } from '../../lib/api/kubernetes';
import { KubeApiError, type KubeClient } from '../../lib/discovery/kubernetes';
import { PodCertificateVolumes, PodGone } from './pod-certificate-volumes';

const PODS = '/api/v1/pods';

export interface FakeKubeletOptions {
  /** Default: `node-1`. */
  readonly node?: string;
  /** Default: `zone-a`. */
  readonly zone?: string;
  /** Only Pods of these namespaces. Default: all. */
  readonly namespaces?: readonly string[];
  /** Where volumes lie, of which podCertificate sources are served. Default: there are none. */
  readonly volumes?: string;
}

export class FakeKubelet {
  private stopWatch: () => void = () => undefined;
  private stopped = false;
  private lastAddress = 9;
  private readonly addresses = new Map<string, string>();
  private readonly unready = new Set<string>();
  private readonly lingering = new Set<string>();
  /** Work in progress, by Pod, so that a Pod's changes stay in order. */
  private readonly queues = new Map<string, Promise<void>>();
  /** What went wrong, for the test to look at. */
  readonly errors: Error[] = [];

  private constructor(
    private readonly client: KubeClient,
    private readonly node: string,
    private readonly namespaces: Set<string> | undefined,
    private readonly volumes: PodCertificateVolumes | undefined,
  ) {}

  static async start(client: KubeClient, options: FakeKubeletOptions = {}): Promise<FakeKubelet> {
    const { node = 'node-1', zone = 'zone-a', namespaces, volumes } = options;
    const body = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: node, labels: { 'topology.kubernetes.io/zone': zone, 'kubernetes.io/hostname': node } },
    };
    await client.request('POST', '/api/v1/nodes', { body }).catch(unlessExists);
    const served = volumes === undefined ? undefined : new PodCertificateVolumes(client, node, volumes);
    const kubelet = new FakeKubelet(client, node, namespaces && new Set(namespaces), served);
    await kubelet.watch();
    return kubelet;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.stopWatch();
    this.volumes?.stop();
    await Promise.all(this.queues.values());
  }

  /** Takes the Pods of this namespace too. */
  serve(namespace: string): void {
    this.namespaces?.add(namespace);
  }

  /** Where the projected volume of a Pod lies. */
  volumeOf(pod: Pod): string {
    if (!this.volumes) throw new Error('this kubelet serves no volumes');
    return this.volumes.folderOf(pod);
  }

  /** The address that a Pod has, or will have. */
  addressOf(namespace: string, name: string): string {
    const key = `${namespace}/${name}`;
    let address = this.addresses.get(key);
    if (!address) {
      const number = ++this.lastAddress;
      address = `198.18.${number >> 8}.${number & 255}`;
      this.addresses.set(key, address);
    }
    return address;
  }

  /** Says whether the Pod is ready, now and from now on. */
  async setReady(namespace: string, name: string, ready: boolean): Promise<void> {
    const key = `${namespace}/${name}`;
    if (ready) this.unready.delete(key);
    else this.unready.add(key);
    await this.enqueue(key, () => this.report(namespace, name));
  }

  /** Fills the volumes of a Pod anew, as a kubelet does before a certificate ends. */
  async renew(pod: Pod): Promise<void> {
    await this.volumes?.mount(pod);
  }

  /** Lets the Pod, once deleted, terminate for as long as `release` is not called. */
  linger(namespace: string, name: string): void {
    this.lingering.add(`${namespace}/${name}`);
  }

  /** Ends a Pod that lingers. */
  async release(namespace: string, name: string): Promise<void> {
    const key = `${namespace}/${name}`;
    this.lingering.delete(key);
    await this.enqueue(key, () => this.end(namespace, name));
  }

  private async watch(): Promise<void> {
    const again = () => {
      if (!this.stopped) setTimeout(() => void this.watch().catch(again), 100);
    };
    // With this version the server begins with all that it knows, and does not wait until it knows the newest of everything.
    const query = { resourceVersion: '0' };
    this.stopWatch = await this.client.watch(PODS, query, ({ type, object }) => this.see(type, object as Pod), again);
    if (this.stopped) this.stopWatch();
  }

  private see(type: string, pod: Pod): void {
    const { namespace, name, deletionTimestamp } = pod.metadata;
    if (type === 'ERROR' || type === 'BOOKMARK' || !namespace) return;
    if (this.namespaces && !this.namespaces.has(namespace)) return;
    const key = `${namespace}/${name}`;
    if (type === 'DELETED') {
      this.addresses.delete(key);
      this.queues.delete(key);
    } else if (deletionTimestamp) {
      if (!this.lingering.has(key)) this.later(key, () => this.end(namespace, name));
    } else if (!pod.spec?.nodeName) {
      this.later(key, () => this.bind(namespace, name));
    } else if (pod.spec.nodeName === this.node && !pod.status?.podIP) {
      this.later(key, async () => {
        // Containers start when their volumes are there.
        await this.volumes?.mount(pod);
        await this.report(namespace, name);
      });
    }
  }

  private later(key: string, work: () => Promise<void>): void {
    void this.enqueue(key, work).catch((error: Error) => this.errors.push(error));
  }

  private enqueue(key: string, work: () => Promise<void>): Promise<void> {
    const next = (this.queues.get(key) ?? Promise.resolve()).then(work, work).catch(unlessGone);
    this.queues.set(
      key,
      next.catch(() => undefined),
    );
    return next;
  }

  private async bind(namespace: string, name: string): Promise<void> {
    const target = { apiVersion: 'v1', kind: 'Node', name: this.node };
    const body = { apiVersion: 'v1', kind: 'Binding', metadata: { name, namespace }, target };
    await this.client.request('POST', `${podPath(namespace, name)}/binding`, { body }).catch(unlessExists);
  }

  private async report(namespace: string, name: string): Promise<void> {
    const podIP = this.addressOf(namespace, name);
    const isReady = !this.unready.has(`${namespace}/${name}`);
    const condition = (type: string, is: boolean) => ({ type, status: is ? 'True' : 'False' });
    const status = {
      phase: 'Running',
      podIP,
      podIPs: [{ ip: podIP }],
      hostIP: '198.18.255.254',
      conditions: [
        condition('PodScheduled', true),
        condition('Initialized', true),
        condition('ContainersReady', isReady),
        condition('Ready', isReady),
      ],
    };
    await this.client.patch(`${podPath(namespace, name)}/status`, 'merge', { status });
  }

  private async end(namespace: string, name: string): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0 };
    await this.client.request('DELETE', podPath(namespace, name), { body });
  }
}

function podPath(namespace: string, name: string): string {
  return `/api/v1/namespaces/${namespace}/pods/${name}`;
}

function unlessExists(error: unknown): void {
  if (!(error instanceof KubeApiError && error.isConflict)) throw error;
}

function unlessGone(error: unknown): void {
  if (error instanceof PodGone) return;
  if (!(error instanceof KubeApiError && (error.isNotFound || error.isConflict))) throw error;
}
