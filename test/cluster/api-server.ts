/**
 * A real Kubernetes API on this machine: etcd, kube-apiserver and kube-controller-manager, on loopback, with data of
 * their own. There are no nodes: `FakeKubelet` stands in for them. Every process dies with the one that started it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeClient } from '../../lib/discovery/kubernetes/client';

const READY_WITHIN_MS = 90_000;
const STOP_WITHIN_MS = 10_000;

/** Pods have addresses of 198.18.0.0/16; all of it is set aside for tests of networks (RFC 2544). */
const SERVICE_RANGE = '198.19.0.0/16';

/** In the cluster's folder: where the API server finds the proxy that leads to Pods. */
export const POD_SOCKET = 'pods.sock';

class Program {
  private child?: ChildProcess;

  constructor(
    private readonly name: string,
    private readonly command: readonly string[],
    private readonly folder: string,
  ) {}

  start(): void {
    const log = openSync(this.logFile, 'a');
    // Killed with its parent, also when that one is killed itself; a group of its own, so that Ctrl-C ends it in order.
    const supervised = ['--pdeathsig', 'KILL', ...this.command];
    this.child = spawn('setpriv', supervised, { stdio: ['ignore', log, log], detached: true });
    closeSync(log);
  }

  get logFile(): string {
    return join(this.folder, `${this.name}.log`);
  }

  get hasEnded(): boolean {
    return !this.child || this.child.exitCode !== null || this.child.signalCode !== null;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const { child } = this;
    if (!child || this.hasEnded) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    const insist = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
    await gone;
    clearTimeout(insist);
  }

  /** @throws with the end of the log. */
  fail(what: string): never {
    const log = existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8').trimEnd() : '';
    throw new Error(`${this.name} ${what}; the end of its log:\n${log.split('\n').slice(-15).join('\n')}`);
  }
}

export class ApiServer {
  private constructor(
    private readonly etcd: Program,
    private readonly server: Program,
    private readonly controllers: Program,
    /** A kubeconfig of its administrator. */
    readonly kubeconfig: string,
    readonly folder: string,
  ) {}

  /**
   * @param folder an empty one; data, keys and logs lie in it.
   * @param bin where kube-apiserver, kube-controller-manager and kubectl are (scripts/setup-cluster prints it).
   */
  static async start(folder: string, bin: string): Promise<ApiServer> {
    mkdirSync(folder, { recursive: true });
    const [etcdPort, peerPort, port] = await Promise.all([freePort(), freePort(), freePort()]);
    const token = randomBytes(24).toString('hex');
    const tokens = join(folder, 'tokens.csv');
    writeFileSync(tokens, `${token},administrator,administrator,system:masters\n`, { mode: 0o600 });
    const key = join(folder, 'service-account.key');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(key, privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
    const certificates = join(folder, 'certificates');
    const ca = join(certificates, 'apiserver.crt');
    const kubeconfig = join(folder, 'kubeconfig');
    const egress = join(folder, 'egress.json');
    writeFileSync(egress, JSON.stringify(egressOf(join(folder, POD_SOCKET))));
    writeFileSync(kubeconfig, kubeconfigOf(`https://127.0.0.1:${port}`, ca, token), { mode: 0o600 });

    const etcd = new Program(
      'etcd',
      [
        'etcd',
        `--data-dir=${join(folder, 'etcd')}`,
        `--listen-client-urls=http://127.0.0.1:${etcdPort}`,
        `--advertise-client-urls=http://127.0.0.1:${etcdPort}`,
        `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
        `--initial-advertise-peer-urls=http://127.0.0.1:${peerPort}`,
        `--initial-cluster=default=http://127.0.0.1:${peerPort}`,
        // What a test writes may be lost with the machine.
        '--unsafe-no-fsync',
      ],
      folder,
    );
    const server = new Program(
      'kube-apiserver',
      [
        join(bin, 'kube-apiserver'),
        `--etcd-servers=http://127.0.0.1:${etcdPort}`,
        `--secure-port=${port}`,
        '--bind-address=127.0.0.1',
        '--advertise-address=127.0.0.1',
        // A loopback address may not stand in an EndpointSlice.
        '--endpoint-reconciler-type=none',
        // Webhooks are called at their Service's endpoints: there is no kube-proxy.
        '--enable-aggregator-routing=true',
        `--egress-selector-config-file=${egress}`,
        `--cert-dir=${certificates}`,
        `--token-auth-file=${tokens}`,
        '--authorization-mode=RBAC',
        `--service-cluster-ip-range=${SERVICE_RANGE}`,
        `--service-account-key-file=${key}`,
        `--service-account-signing-key-file=${key}`,
        '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
        '--profiling=false',
      ],
      folder,
    );
    const controllers = new Program(
      'kube-controller-manager',
      [
        join(bin, 'kube-controller-manager'),
        `--kubeconfig=${kubeconfig}`,
        '--leader-elect=false',
        '--secure-port=0',
        // Nodes here have no kubelet that reports.
        '--controllers=*,-node-lifecycle-controller,-taint-eviction-controller',
        `--service-account-private-key-file=${key}`,
        `--root-ca-file=${ca}`,
        // Slices follow their Pods at once, as they do in an idle cluster.
        '--endpointslice-updates-batch-period=0s',
      ],
      folder,
    );
    const cluster = new ApiServer(etcd, server, controllers, kubeconfig, folder);
    try {
      etcd.start();
      server.start();
      await cluster.untilReady();
      controllers.start();
      await cluster.untilControlled();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** Takes the API server away, as a crash does; etcd and its data stay. The controllers end when they lose it. */
  async crash(): Promise<void> {
    await this.server.stop('SIGKILL');
    await this.controllers.stop('SIGKILL');
  }

  /** Brings it back. */
  async recover(): Promise<void> {
    this.server.start();
    await this.untilReady();
    this.controllers.start();
  }

  async stop(): Promise<void> {
    await this.controllers.stop();
    await this.server.stop();
    await this.etcd.stop();
  }

  private async untilReady(): Promise<void> {
    const running = [this.etcd, this.server];
    // The first Namespaces are made when the API server has all of its own that it needs.
    await this.until('/api/v1/namespaces/default', running, 'is not ready');
  }

  /** Until ServiceAccounts are made: before, no Pod can be created. */
  private async untilControlled(): Promise<void> {
    const path = '/api/v1/namespaces/default/serviceaccounts/default';
    await this.until(path, [this.controllers], 'makes no ServiceAccount');
  }

  private async until(path: string, running: readonly Program[], otherwise: string): Promise<void> {
    const late = Date.now() + READY_WITHIN_MS;
    const client = await KubeClient.load({ kubeconfig: this.kubeconfig });
    try {
      for (;;) {
        for (const program of running) if (program.hasEnded) program.fail('has ended');
        if (await client.get(path).catch(() => undefined)) return;
        if (Date.now() > late) running.at(-1)!.fail(`${otherwise} after ${READY_WITHIN_MS / 1000} s`);
        await sleep(100);
      }
    } finally {
      client.close();
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** The API server's way to Pods, which live in a network of their own: a proxy that `PodNetwork` opens. */
function egressOf(udsName: string): object {
  const connection = { proxyProtocol: 'HTTPConnect', transport: { uds: { udsName } } };
  return {
    apiVersion: 'apiserver.k8s.io/v1beta1',
    kind: 'EgressSelectorConfiguration',
    egressSelections: [{ name: 'cluster', connection }],
  };
}

function kubeconfigOf(server: string, ca: string, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority': ca } }],
    users: [{ name: 'administrator', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'administrator' } }],
    'current-context': 'test',
  });
}
