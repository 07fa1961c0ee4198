/**
 * A mesh as its manifests install it. The Deployment's Pods are made by the real controllers, and each of them runs the real program with
 * its own arguments, at its own address, as its own ServiceAccount: what the manifests do not allow does not work here.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'cdk8s';
import { Mesh, type MeshProps } from '../../constructs';
import type { Pod } from '../../lib/api/kubernetes';
import type { KubeObject } from '../../lib/api/object';
import { controlPlaneName } from '../../lib/api/revisions';
import type { KubeClient } from '../../lib/discovery/kubernetes';
import { POD_SOCKET } from './api-server';
import { connect, eventually, installKinds, kubeconfigOf, kubectl, makeNamespace } from './cluster';
import { ControlPlaneProgram } from './control-plane-program';
import { FakeKubelet } from './fake-kubelet';
import { PodNetwork } from './pod-network';

export interface Replica {
  readonly name: string;
  readonly address: string;
  readonly program: ControlPlaneProgram;
}

/** An address at which nothing listens. */
const NOBODY = '198.18.255.1';
/** Whose statuses the control plane or the API server writes meanwhile: of these, the generation tells a change. */
const WITH_STATUS = [
  'AuthorizationPolicy',
  'Deployment',
  'DestinationRule',
  'PeerAuthentication',
  'PodDisruptionBudget',
  'Telemetry',
];

export class InstalledMesh {
  readonly replicas: Replica[] = [];
  /** Those that were started by {@link startStandbys}. */
  readonly standbys: Replica[] = [];
  /** Those of the revision that {@link addRevision} has added. */
  readonly others: Replica[] = [];
  private readonly service: string;
  /** The control plane's namespace. */
  readonly system = 'malha-system';
  /** One that calls itself Kubernetes' own. */
  kubeNamespace = '';
  /** Whose Pods are members. */
  members = '';
  kubelet!: FakeKubelet;

  private constructor(
    readonly client: KubeClient,
    readonly network: PodNetwork,
    private readonly folder: string,
    private readonly props: Omit<MeshProps, 'namespace'>,
  ) {
    this.service = controlPlaneName(props.controlPlane?.revision);
  }

  /** Writes the manifests, of a program that says more than the first. */
  private synth(more: (mesh: Mesh) => void = () => undefined): void {
    const app = new App({ outdir: join(this.folder, 'manifests') });
    const controlPlane = { crds: 'existing', standbyZones: 1, ...this.props.controlPlane } as const;
    more(new Mesh(app, 'mesh', { ...this.props, namespace: this.system, controlPlane }));
    app.synth();
  }

  /** Installs another revision beside the first, by the program that knows both, and starts its replicas. */
  async addRevision(revision: string, replicas: number): Promise<void> {
    this.synth((mesh) => mesh.addRevision({ revision, replicas }));
    const { code, errors } = this.apply();
    if (code !== 0) throw new Error(errors);
    const name = controlPlaneName(revision);
    await this.start(await this.podsOf(name, replicas), name, this.others);
    await Promise.all(this.others.map(({ program }) => program.ready()));
  }

  /** @param props of the Mesh, beside its namespace. */
  static async open(props: Omit<MeshProps, 'namespace'> = {}): Promise<InstalledMesh> {
    installKinds();
    const folder = mkdtempSync(join(tmpdir(), 'malha-mesh-'));
    const mesh = new InstalledMesh(await connect(), await PodNetwork.open(), folder, props);
    mesh.synth();
    const { revision } = props.controlPlane ?? {};
    const asking: Record<string, string> = revision ? { 'istio.io/rev': revision } : { 'istio-injection': 'enabled' };
    mesh.members = await makeNamespace(mesh.client, 'members', asking);
    mesh.kubeNamespace = await makeNamespace(mesh.client, 'kube-addon', { 'istio-injection': 'enabled' });
    const namespaces = [mesh.system, mesh.members];
    mesh.kubelet = await FakeKubelet.start(mesh.client, { namespaces, volumes: join(folder, 'volumes') });
    await mesh.network.join(mesh.client.server, join(process.env.MALHA_TEST_CLUSTER!, POD_SOCKET));
    const { code, errors } = mesh.apply();
    try {
      if (code !== 0) throw new Error(errors);
      await mesh.startReplicas();
    } catch (error) {
      await mesh.close().catch((other: Error) => Promise.reject(new AggregateError([error, other])));
      throw error;
    }
    return mesh;
  }

  /** Applies all manifests. */
  apply() {
    return kubectl(['apply', '--server-side', '-f', join(this.folder, 'manifests')]);
  }

  /** Deletes what the manifests hold, and does not wait until it is gone. */
  deleteManifests() {
    return kubectl(['delete', '--ignore-not-found', '--wait=false', '-f', join(this.folder, 'manifests')]);
  }

  /** The version of each object of the manifests; of those whose status somebody writes, that of the spec. */
  versions(): Record<string, string> {
    const { out } = kubectl(['get', '-f', join(this.folder, 'manifests'), '-o', 'json']);
    const { items } = JSON.parse(out) as { items: KubeObject[] };
    return Object.fromEntries(
      items.map(({ kind, metadata: { namespace, name, generation, resourceVersion } }) => [
        `${kind} ${namespace}/${name}`,
        WITH_STATUS.includes(kind) ? `generation ${generation}` : resourceVersion!,
      ]),
    );
  }

  /** Creates a Pod of a member; resolves to it as the API server took it. */
  async addPod(name: string, { app = 'web', annotations = {} as Record<string, string> } = {}): Promise<Pod> {
    const metadata = { name, labels: { app }, annotations };
    const body = { apiVersion: 'v1', kind: 'Pod', metadata, spec: this.restricted };
    return this.client.request<Pod>('POST', this.pods(this.members), { body });
  }

  /** What every namespace lets run. */
  get restricted() {
    const securityContext = {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    };
    return { containers: [{ name: 'app', image: 'app', securityContext }] };
  }

  async untilRunning(name: string, seconds = 20): Promise<Pod> {
    return eventually(
      () => this.client.get<Pod>(`${this.pods(this.members)}/${name}`),
      ({ status }) => Boolean(status?.podIP),
      seconds,
    );
  }

  /** Starts what stands by, with the certificates that its Pods have. */
  async startStandbys(): Promise<void> {
    const pods = await this.podsOf('malha-standby', 1);
    await this.start(pods, 'malha-standby', this.standbys, (pod) => [
      ...['--identity-directory', this.kubelet.volumeOf(pod)],
    ]);
    await Promise.all(this.standbys.map(({ program }) => program.says('standby is ready')));
  }

  /** Starts a replica that was killed, as its kubelet would. */
  async restart(replica: Replica): Promise<Replica> {
    const pods = await this.podsOf(this.service, 2);
    const at = this.replicas.indexOf(replica);
    const started: Replica[] = [];
    await this.start(
      pods.filter(({ metadata }) => metadata.name === replica.name),
      this.service,
      started,
    );
    this.replicas[at] = started[0]!;
    await started[0]!.program.ready();
    await this.kubelet.setReady(this.system, replica.name, true);
    return started[0]!;
  }

  /** Starts the Pod's Envoy; it finds these replicas under the control plane's name. Default: the first one. */
  async startProxy(pod: Pod, replicas = this.replicas.slice(0, 1)): Promise<void> {
    const standby = this.standbys[0]?.address ?? NOBODY;
    const names = {
      [`${this.service}.${this.system}.svc.cluster.local`]: replicas.map(({ address }) => address),
      [`malha-standby.${this.system}.svc.cluster.local`]: [standby],
    };
    await this.network.startInjected(pod, names, this.kubelet.volumeOf(pod));
  }

  /** What somebody brings who asks the control plane from outside: a token of its own account, and the roots that a Pod has. */
  async credential(pod: Pod): Promise<readonly string[]> {
    const path = `/api/v1/namespaces/${this.system}/serviceaccounts/${this.service}/token`;
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: ['malha.dev'] } };
    const { status } = await this.client.request<KubeObject & { status: { token: string } }>('POST', path, { body });
    const tokenFile = join(this.folder, 'token');
    writeFileSync(tokenFile, status.token, { mode: 0o600 });
    const ca = join(this.kubelet.volumeOf(pod), 'trust-bundle.pem');
    return ['--token-file', tokenFile, '--ca', ca, '--server-name', `${this.service}.${this.system}.svc.cluster.local`];
  }

  /** Runs a command that asks this replica; what it says can be read meanwhile. */
  run({ address }: Replica, credential: readonly string[], args: readonly string[]) {
    const [enter, ...inside] = this.network.enter;
    const program = [process.execPath, join(process.cwd(), 'dist/apps/cli/main.js'), ...args];
    const where = ['--http', `https://${address}:15012`, ...credential];
    // This process is on the way to the API server, so it must not stand still.
    const child = spawn(enter!, [...inside, ...program, ...where], { stdio: ['ignore', 'pipe', 'pipe'] });
    const said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        said[name] += text;
      });
    }
    const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...said }));
    return { said, ended, interrupt: () => child.kill('SIGINT') };
  }

  async leader(): Promise<Replica> {
    const path = `/apis/coordination.k8s.io/v1/namespaces/${this.system}/leases/malha-leader`;
    const { spec } = await this.client.get<KubeObject<{ holderIdentity?: string }>>(path);
    const found = [...this.replicas, ...this.others].find(({ name }) => spec!.holderIdentity!.startsWith(`${name}_`));
    if (!found) throw new Error(`${spec!.holderIdentity} leads, which is no replica`);
    return found;
  }

  async close(): Promise<void> {
    await Promise.all([...this.replicas, ...this.others, ...this.standbys].map(({ program }) => program.stop()));
    await this.network.close();
    this.deleteManifests();
    for (const name of [this.members, this.kubeNamespace]) {
      await this.client.request('DELETE', `/api/v1/namespaces/${name}`);
    }
    // Others install a mesh under this name. A namespace ends when the kubelet has taken its Pods away.
    await eventually(
      () => this.client.get<{ items: KubeObject[] }>('/api/v1/namespaces'),
      ({ items }) => items.every(({ metadata: { name } }) => name !== this.system),
      90,
    );
    await this.kubelet.stop();
    this.client.close();
    rmSync(this.folder, { recursive: true, force: true });
    if (this.kubelet.errors.length > 0) throw new AggregateError(this.kubelet.errors, 'the kubelet failed');
  }

  /** Until the API server trusts the webhook: the leader tells it when it leads, and whoever makes Pods tries again. */
  private async untilAdmitting(): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'first' }, spec: this.restricted };
    const attempt = this.client.request.bind(this.client, 'POST', this.pods(this.members), {
      body,
      query: { dryRun: 'All' },
    });
    const failure = () =>
      attempt().then(
        () => undefined,
        (error: Error) => error.message,
      );
    await eventually(failure, (error) => error === undefined);
  }

  private pods(namespace: string): string {
    return `/api/v1/namespaces/${namespace}/pods`;
  }

  private async podsOf(app: string, count: number): Promise<Pod[]> {
    const { items } = await eventually(
      () => this.client.get<{ items: Pod[] }>(this.pods(this.system), { labelSelector: `app=${app}` }),
      (list) => list.items.length === count && list.items.every(({ status }) => status?.podIP),
    );
    return items;
  }

  /** Each Pod of the Deployment runs what it says. */
  private async startReplicas(): Promise<void> {
    await this.start(await this.podsOf(this.service, 2), this.service, this.replicas);
    await Promise.all(this.replicas.map(({ program }) => program.ready()));
    await this.untilAdmitting();
  }

  private async start(
    pods: readonly Pod[],
    account: string,
    into: Replica[],
    more: (pod: Pod) => readonly string[] = () => [],
  ): Promise<void> {
    const kubeconfig = await kubeconfigOf(this.client, this.system, account);
    for (const pod of pods) {
      const { metadata, spec, status } = pod;
      const address = status!.podIP!;
      const { args = [] } = spec!.containers[0]!;
      const own = args.map((arg) => arg.replace(/^0\.0\.0\.0:/, `${address}:`));
      // Outside of a container there is neither a Pod's environment nor its namespace.
      const enter = [...this.network.enter, 'env', `POD_NAME=${metadata.name}`];
      const all = [...own, ...more(pod), '--root-namespace', this.system];
      into.push({ name: metadata.name, address, program: ControlPlaneProgram.run(kubeconfig, all, enter) });
    }
  }
}
