/**
 * Where the Pods of the fake kubelet live: one network namespace in which every address of 198.18.0.0/15 is local. An
 * application there listens on its Pod's address; a sidecar is a real Envoy with the injector's bootstrap (explicit
 * capture), whose way to the control plane is a socket in the file system.
 */
import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transformFileSync } from '@swc/core';
import type { Pod } from '../../lib/api/kubernetes';
import type { envoy } from '../../lib/envoy/generated/envoy';
import { bootstrap, IDENTITY_DIRECTORY } from '../../lib/injector';
import { expand } from '../../lib/local/command';
import { environmentOf } from '../../lib/local/downward';
import { findEnvoy } from '../../lib/local/envoy-binary';
import type { Answer, FromPods, ToPods } from './pods-program';

type Bootstrap = envoy.config.bootstrap.v3.Bootstrap;
type LbEndpoint = envoy.config.endpoint.v3.LbEndpoint;
type Message<T> = T extends unknown ? Omit<T, 'id'> : never;

/** A volume ($1) where a container has it ($0); what follows runs there. */
const MOUNT = 'mount -t tmpfs tmpfs /var/run && mkdir -p "$0" && mount --bind "$1" "$0" && shift && exec "$@"';
/** Some address of the network that routes between Pods with networks of their own. */
const ROUTER = '198.19.255.254';
const LOCAL = 'ip link set lo up && ip route add local 198.18.0.0/15 dev lo';

export class PodNetwork {
  private readonly waiting = new Map<number, (message: FromPods) => void>();
  private readonly own: PodNetwork[] = [];
  private readonly envoys: ChildProcess[] = [];
  private readonly doors: Server[] = [];
  private nextId = 0;
  /** Where proxies are sent; a control plane that is started again has another port. */
  controlPlanePort = 0;

  private constructor(
    private readonly folder: string,
    private readonly pods: ChildProcess,
    private readonly door: Server,
  ) {}

  static async open(): Promise<PodNetwork> {
    const folder = mkdtempSync(join(tmpdir(), 'malha-pods-'));
    const program = join(folder, 'pods.js');
    const { code } = transformFileSync(join(process.cwd(), 'test/cluster/pods-program.ts'), {
      module: { type: 'commonjs' },
      jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
    });
    writeFileSync(program, code);
    const door = createServer();
    const inside = ['--user', '--map-root-user', '--net', 'setpriv', '--pdeathsig', 'KILL'];
    const pods = fork(program, [], {
      execPath: 'unshare',
      // Node puts the program behind these: it is the script's $0.
      execArgv: [...inside, 'sh', '-c', `${LOCAL} && exec "${process.execPath}" "$0"`],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const network = new PodNetwork(folder, pods, door);
    await network.begun();
    door.on('connection', (proxy) => {
      const controlPlane = connect(network.controlPlanePort, '127.0.0.1');
      pipeBoth(proxy, controlPlane);
    });
    await new Promise<void>((resolve) => door.listen(network.socket, resolve));
    return network;
  }

  /** The network of one Pod, in which its address is the only one: several proxies need one each. */
  async ofPod(address: string): Promise<PodNetwork> {
    const [execPath, ...enter] = this.enter;
    const pods = fork(join(this.folder, 'pods.js'), [], {
      execPath,
      execArgv: [
        ...[...enter, 'unshare', '--net', 'setpriv', '--pdeathsig', 'KILL'],
        ...['sh', '-c', `ip link set lo up && exec "${process.execPath}" "$0"`],
      ],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const folder = mkdtempSync(join(tmpdir(), 'malha-pod-'));
    const network = new PodNetwork(folder, pods, createServer());
    this.own.push(network);
    await network.begun();
    const link = `pod${this.own.length}`;
    // Between it and the others, which are all local here, this network is the router.
    command(this.enter, `ip link add ${link} type veth peer name eth0 netns ${pods.pid} && ip link set ${link} up`);
    command(this.enter, `ip route add ${address}/32 dev ${link} table local && echo 1 > /proc/sys/net/ipv4/ip_forward`);
    command(network.enter, `ip addr add ${address}/32 dev eth0 && ip link set eth0 up`);
    command(network.enter, `ip route add ${ROUTER} dev eth0 && ip route add default via ${ROUTER}`);
    return network;
  }

  private async begun(): Promise<void> {
    this.pods.on('message', (message: FromPods) => {
      this.waiting.get(message.id)?.(message);
      this.waiting.delete(message.id);
    });
    await once(this.pods, 'message');
  }

  private get socket(): string {
    return join(this.folder, 'xds.sock');
  }

  /** Listens on a Pod's address, and answers with its name. */
  async serve(name: string, address: string, port: number): Promise<void> {
    await this.send({ type: 'serve', name, address, port });
  }

  /** Nobody listens there any more. */
  async leave(address: string, port: number): Promise<void> {
    await this.send({ type: 'leave', address, port });
  }

  /** Asks through a sidecar, as an application does that uses its HTTP proxy. */
  async ask(url: string, headers: Record<string, string> = {}): Promise<Answer> {
    return ((await this.send({ type: 'ask', url, headers })) as Extract<FromPods, { type: 'answer' }>).answer;
  }

  /** Whether somebody listens there. */
  async connects(address: string, port: number): Promise<boolean> {
    const message = await this.send({ type: 'connect', address, port });
    return (message as Extract<FromPods, { type: 'connected' }>).isOpen;
  }

  /** Asks once a millisecond or so, until `status` and `body` are as wanted. @returns the milliseconds that took. */
  async askUntil(url: string, body: string, patience = 20_000): Promise<number> {
    const message = await this.send({ type: 'askUntil', url, body, patience });
    const { milliseconds, last } = message as Extract<FromPods, { type: 'became' }>;
    if (milliseconds === undefined) throw new Error(`${url} never answered '${body}', at last ${JSON.stringify(last)}`);
    return milliseconds;
  }

  /**
   * Asks all the time until the function that it returns is called, which tells how many answers there were of each kind.
   * @param way through the sidecar, as an application does, or directly.
   */
  async load(url: string, way: 'sidecar' | 'direct' = 'sidecar'): Promise<() => Promise<Record<string, number>>> {
    await this.send({ type: 'load', url, way });
    return async () => ((await this.send({ type: 'endLoad' })) as Extract<FromPods, { type: 'counted' }>).counts;
  }

  /** Asks directly, with no sidecar between. */
  async get(url: string): Promise<Answer> {
    return ((await this.send({ type: 'get', url })) as Extract<FromPods, { type: 'answer' }>).answer;
  }

  /** Programs of this network reach the API server where the others do, and it reaches them at the Pods' addresses. */
  async join(server: string, podSocket: string): Promise<void> {
    const { port } = new URL(server);
    const socket = join(this.folder, 'api.sock');
    const door = createServer((inside) => pipeBoth(inside, connect(Number(port), '127.0.0.1')));
    await new Promise<void>((resolve) => door.listen(socket, resolve));
    this.doors.push(door);
    await this.send({ type: 'leadOut', port: Number(port), socket });
    rmSync(podSocket, { force: true });
    await this.send({ type: 'leadIn', socket: podSocket });
  }

  /** What to begin a command with that is to run in here. */
  get enter(): readonly string[] {
    return ['nsenter', '--target', String(this.pods.pid), '--user', '--net', '--preserve-credentials', '--'];
  }

  /**
   * Starts the proxy of a Pod as it was injected. What a cluster would do for it is done here: its name service, its volume and its
   * own network namespace: its admin interface is at the Pod's address.
   * @param names addresses by host. @param volume where its identity lies.
   */
  async startInjected(pod: Pod, names: Readonly<Record<string, readonly string[]>>, volume: string): Promise<void> {
    const { path } = await findEnvoy();
    const { initContainers = [], containers } = pod.spec!;
    const proxy = [...initContainers, ...containers].find(({ name }) => name === 'istio-proxy')!;
    const variables = environmentOf(proxy, pod);
    const args = proxy.args!.map((arg) => expand(arg, variables));
    const at = args.indexOf('--config-yaml') + 1;
    const config = JSON.parse(args[at]!) as Bootstrap;
    const { podIP } = pod.status!;
    const clusters = config.static_resources!.clusters!;
    for (const cluster of clusters.filter(({ name }) => name!.startsWith('xds-'))) {
      const [locality] = cluster.load_assignment!.endpoints!;
      const { address: host, port_value } = locality!.lb_endpoints![0]!.endpoint!.address!.socket_address!;
      locality!.lb_endpoints = names[host!]!.map((address) => ({
        endpoint: { address: { socket_address: { address, port_value } } },
      }));
      cluster.type = 'STATIC';
      cluster.upstream_bind_config = { source_address: { address: podIP, port_value: 0 } };
    }
    // What else is called by its address knows it by that of its Pod: a control plane, that takes access logs, too.
    config.cluster_manager = {
      ...config.cluster_manager,
      upstream_bind_config: { source_address: { address: podIP, port_value: 0 } },
    };
    const statistics = clusters.find(({ name }) => name === 'prometheus_stats')!;
    const [{ endpoint }] = statistics.load_assignment!.endpoints![0]!.lb_endpoints! as [LbEndpoint];
    for (const { address } of [config.admin!, endpoint!]) address!.socket_address!.address = podIP;
    args[at] = JSON.stringify(config);
    const log = join(this.folder, `${pod.metadata.name}.log`);
    writeFileSync(log, '');
    const inside = ['unshare', '--mount', 'sh', '-c', MOUNT, IDENTITY_DIRECTORY, volume];
    const command = [...this.enter, ...inside, 'setpriv', '--pdeathsig', 'KILL', path, ...args, '--log-path', log];
    this.envoys.push(spawn(command[0]!, command.slice(1), { stdio: 'ignore' }));
  }

  /** Starts the Envoy of a Pod. */
  async startProxy(
    name: string,
    namespace: string,
    address: string,
    type: 'sidecar' | 'router' = 'sidecar',
  ): Promise<void> {
    const { path } = await findEnvoy();
    const config = bootstrap({
      controlPlane: 'control-plane.test:15010',
      capture: type === 'sidecar' ? 'NONE' : undefined,
      podIP: address,
    });
    const text = JSON.stringify(config).replace(
      /"address":\{"socket_address":\{"address":"control-plane\.test","port_value":15010\}\}/,
      `"address":{"pipe":{"path":${JSON.stringify(this.socket)}}}`,
    );
    if (!text.includes(this.socket)) throw new Error('the bootstrap has another form than this test knows');
    const node = `${type}~${address}~${name}.${namespace}~${namespace}.svc.cluster.local`;
    const args = ['--config-yaml', text.replace('"STRICT_DNS"', '"STATIC"'), '--service-node', node];
    const log = join(this.folder, `${name}.log`);
    writeFileSync(log, '');
    const [nsenter, ...enter] = this.enter;
    const envoy = spawn(
      nsenter!,
      [
        ...enter,
        ...['setpriv', '--pdeathsig', 'KILL', path, ...args, '--service-cluster', `${name}.${namespace}`],
        ...['--use-dynamic-base-id', '--concurrency', '1', '--log-level', 'warning', '--log-path', log],
      ],
      { stdio: 'ignore' },
    );
    this.envoys.push(envoy);
  }

  /** The proxies stand still until they are woken: as on a node that is overloaded. */
  freeze(): void {
    for (const envoy of this.envoys) envoy.kill('SIGSTOP');
  }

  wake(): void {
    for (const envoy of this.envoys) envoy.kill('SIGCONT');
  }

  /** What the proxies complained about. */
  logOf(name: string): string {
    return readFileSync(join(this.folder, `${name}.log`), 'utf8');
  }

  async close(): Promise<void> {
    for (const each of this.own) await each.close();
    for (const child of [...this.envoys, this.pods]) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    for (const door of [this.door, ...this.doors]) await new Promise((resolve) => door.close(resolve));
    rmSync(this.folder, { recursive: true, force: true });
  }

  private send(message: Message<ToPods>): Promise<FromPods> {
    const id = ++this.nextId;
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      this.pods.send({ ...message, id });
    });
  }
}

function command([program, ...enter]: readonly string[], line: string): void {
  const { status, stderr } = spawnSync(program!, [...enter, 'sh', '-c', line], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${line}: ${stderr}`);
}

function pipeBoth(a: Socket, b: Socket): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
    from.pipe(to);
  }
}
