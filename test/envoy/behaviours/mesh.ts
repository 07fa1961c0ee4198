/**
 * The running cast: one Envoy per Pod, fed by our own ADS server, each Pod in its network namespace (transparent capture)
 * or on loopback addresses (explicit). Rows take turns: each brings its objects, asks, and leaves.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { transformFileSync } from '@swc/core';
import { type KubeObject, objectKey } from '../../../lib/api/object';
import type { Finding } from '../../../lib/galley';
import type { ProxyIdentity } from '../../../lib/injector';
import type { Capture } from '../../../lib/local';
import { chooseCapture } from '../../../lib/local/capture';
import { type FindEnvoyOptions, findEnvoy } from '../../../lib/local/envoy-binary';
import { claimRanges } from '../../../lib/local/loopback-ranges';
import { Namespaces } from '../../../lib/local/namespaces';
import { type MeshPlan, planMesh } from '../../../lib/local/plan';
import type { PodPlan } from '../../../lib/local/pod-plan';
import { createRunDirectory } from '../../../lib/local/run-directory';
import { MemoryStore } from '../../../lib/mixer/rate-limit/memory-store';
import { rateLimitService } from '../../../lib/mixer/rate-limit/rate-limit-service';
import { complete, DEFAULT_RANGES, type Proxy, proxyNamed, type World } from '../../../lib/world';
import { MeshSource } from '../../../lib/xds/mesh-source';
import { XdsServer } from '../../../lib/xds/server';
import { silent } from '../../xds/fake-client';
import type { Ask, Reply } from './behaviour';
import { answererOf, cast, NAMESPACE_OF, PORTS } from './cast';
import { Given } from './given';
import { connectionOf } from './order';
import type { FromPod, ToPod } from './pod-program';

/** In place of one kind of member, so that the list does not hold a type of a conditional. */
type Message<T> = T extends unknown ? Omit<T, 'id'> : never;

const CONVERGED_WITHIN_MS = 20_000;
const PROXY_USER = '1337';

export class BehaviourMesh {
  private readonly pods = new Map<string, ChildProcess>();
  private readonly waiting = new Map<number, (message: FromPod) => void>();
  /** The proxy that ended by itself, with its signal or exit code. */
  private fallen: string | undefined;
  private nextId = 0;

  private constructor(
    readonly given: Given,
    private readonly plan: MeshPlan,
    readonly source: MeshSource,
    readonly xds: XdsServer,
    private readonly directory: string,
    private readonly cleanups: (() => unknown)[],
  ) {}

  /**
   * Starts everything; it has no objects but the cast's.
   * @param only the Pods that run. Default: all.
   */
  static async start(
    capture: Capture,
    { only, ...find }: FindEnvoyOptions & { only?: readonly string[] } = {},
  ): Promise<BehaviourMesh> {
    const directory = await createRunDirectory();
    const [envoy, choice, given] = await Promise.all([findEnvoy(find), chooseCapture(capture), Given.make(directory)]);
    const cleanups: (() => unknown)[] = [() => rmSync(directory, { recursive: true, force: true })];
    const isTransparent = capture === 'transparent';
    try {
      const claimed = isTransparent ? undefined : await claimRanges();
      cleanups.push(() => claimed?.release());
      const ranges = claimed?.ranges ?? DEFAULT_RANGES;
      const source = new MeshSource({ log: silent, complete: (objects) => complete(objects, ranges) });
      const store = new MemoryStore();
      cleanups.push(() => store.close());
      const rateLimits = rateLimitService({ store, world: () => source.world });
      const xds = new XdsServer(given.identities.source(source), { log: silent, plainServices: [rateLimits] });
      const socket = join(directory, 'xds.sock');
      await xds.listen(`unix:${socket}`);
      chmodSync(socket, 0o777);
      cleanups.push(() => xds.close(200));

      const plan = membersOnly(
        planMesh(complete(cast(), ranges), {
          capture,
          ranges,
          dir: directory,
          malha: ['false'],
          echo: ['false'],
          envoy: isTransparent ? Namespaces.envoyIn(directory) : envoy.path,
        }),
        only,
      );
      const namespaces = isTransparent
        ? await Namespaces.create(plan, { userNamespace: choice.userNamespace, directory, envoy: envoy.path })
        : undefined;
      cleanups.push(() => namespaces?.close());
      const mesh = new BehaviourMesh(given, plan, source, xds, directory, cleanups);
      source.update(cast());
      await mesh.startPods(namespaces);
      mesh.startProxies(namespaces, socket);
      await mesh.converged();
      return mesh;
    } catch (error) {
      for (const cleanup of cleanups.reverse()) await cleanup();
      throw error;
    }
  }

  async stop(): Promise<void> {
    for (const cleanup of this.cleanups.reverse()) await cleanup();
  }

  /**
   * Puts `objects` beside the cast's (in place of those of the same name), and waits until every proxy has them.
   * @param identities whether the cast's proxies have certificates.
   * @returns what Galley and the translation found.
   * @throws when a proxy rejects anything, with its words.
   */
  async give(objects: readonly KubeObject[], identities = false): Promise<readonly Finding[]> {
    const keys = new Set(objects.map(objectKey));
    const members = identities ? cast((pod) => this.identityOf(pod)) : cast();
    this.source.update([...members.filter((object) => !keys.has(objectKey(object))), ...objects]);
    await this.converged();
    return this.source.findings;
  }

  /** A proxy that has proven itself is told where it captures by its Pod, which is for transparent capture here. */
  private identityOf(pod: string): ProxyIdentity {
    return pod === 'stranger' && this.plan.capture === 'transparent' ? 'sds' : 'podCertificate';
  }

  /** The World in force, and a member's proxy in it. */
  inForce(pod: string): { world: World; proxy: Proxy } {
    const world = this.source.world!;
    const plan = this.podPlan(pod);
    const isExplicit = this.plan.capture === 'explicit';
    const proxy = proxyNamed(world, plan.id, {
      capture: isExplicit ? 'NONE' : 'REDIRECT',
      ip: plan.ip,
      ...(isExplicit && { appAddress: plan.appAddress }),
    });
    if (!proxy) throw new Error(`no proxy of ${pod}`);
    return { world, proxy };
  }

  /** The addresses of the Pods. */
  addressOf(pod: string): string {
    return this.podPlan(pod).ip;
  }

  async ask(ask: Ask): Promise<Reply> {
    const from = ask.from ?? 'client';
    const isGateway = from === 'edge' || from === 'egress';
    const asker = isGateway ? 'outside' : from;
    const plan = this.podPlan(asker);
    const order = connectionOf(ask, {
      given: this.given,
      world: this.source.world!,
      namespace: plan.namespace,
      gateway: isGateway ? this.inForce(from).proxy : undefined,
      proxy:
        this.plan.capture === 'explicit' && plan.role === 'sidecar'
          ? { host: plan.appAddress, port: 15080 }
          : undefined,
    });
    const message = await this.send(asker, { type: 'ask', order });
    return (message as Extract<FromPod, { type: 'reply' }>).reply;
  }

  /** Forgets what was heard so far. */
  async reset(): Promise<void> {
    await Promise.all([...this.pods.keys()].map((pod) => this.send(pod, { type: 'reset' })));
  }

  /** By who answers: how often each path was asked for. */
  async heard(): Promise<Record<string, Record<string, number>>> {
    const all = await Promise.all(
      [...this.pods.keys()].map(async (pod) => {
        const message = (await this.send(pod, { type: 'heard' })) as Extract<FromPod, { type: 'heard' }>;
        return [answererOf(pod), message.paths] as const;
      }),
    );
    return Object.fromEntries(all);
  }

  /** Every proxy is connected, and has taken what it was sent. @throws what one rejected, or that one has ended. */
  async converged(): Promise<void> {
    const proxies = this.plan.pods.filter(({ role }) => role !== 'bare').length;
    const deadline = Date.now() + CONVERGED_WITHIN_MS;
    for (;;) {
      // The round of streams after a change begins with the next turn of the loop.
      await sleep(2);
      // A proxy that is gone never converges: nobody needs to wait for it.
      if (this.fallen) throw new Error(`${this.fallen}\n${this.logs()}`);
      const all = this.xds.proxies();
      const types = all.flatMap(({ node, types }) =>
        Object.entries(types).map(([type, status]) => ({ node, type, ...status })),
      );
      const rejected = types.find(({ state }) => state === 'nacked');
      if (rejected) throw new Error(`${rejected.node.id} rejected ${rejected.type}: ${rejected.error}`);
      if (all.length === proxies && types.every(({ state }) => state === 'synced' || state === 'unsubscribed')) return;
      if (Date.now() > deadline) {
        const late = types
          .filter(({ state }) => state !== 'synced')
          .map(({ node, type, state }) => `${node.id} ${type} ${state}`);
        throw new Error(`not converged: ${all.length} of ${proxies} proxies; ${late.join('; ')}\n${this.logs()}`);
      }
    }
  }

  /** The last words of all Envoys. */
  private logs(): string {
    return this.plan.pods
      .filter(({ role }) => role !== 'bare')
      .map(({ id }) => `${id}: ${readFileSync(join(this.directory, `${id}.log`), 'utf8').slice(-600)}`)
      .join('\n');
  }

  private podPlan(pod: string): PodPlan {
    return this.plan.pods.find(({ name }) => name === pod)!;
  }

  private send(pod: string, message: Message<ToPod>): Promise<FromPod> {
    const id = ++this.nextId;
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      this.pods.get(pod)!.send({ ...message, id });
    });
  }

  private async startPods(namespaces: Namespaces | undefined): Promise<void> {
    const program = join(this.directory, 'pod-program.js');
    const { code } = transformFileSync(join(__dirname, 'pod-program.ts'), {
      module: { type: 'commonjs' },
      jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
    });
    writeFileSync(program, code);
    const { certPem, keyPem } = this.given.leaf('pod');
    const members = this.plan.pods.filter(({ role }) => role !== 'gateway');
    await Promise.all(
      members.map(async ({ id, name, appAddress }) => {
        const setting = { who: answererOf(name), address: appAddress, ports: PORTS, certPem, keyPem };
        const [execPath, ...execArgv] = [...(namespaces?.enterPod(id) ?? []), process.execPath];
        const child = fork(program, [], {
          execPath,
          execArgv,
          env: { PATH: process.env.PATH, POD_SETTING: JSON.stringify(setting) },
          stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        });
        this.pods.set(name, child);
        this.cleanups.push(() => child.kill('SIGKILL'));
        child.on('message', (message: FromPod) => {
          if (message.type === 'listening') return;
          this.waiting.get(message.id)?.(message);
          this.waiting.delete(message.id);
        });
        await once(child, 'message');
      }),
    );
  }

  private startProxies(namespaces: Namespaces | undefined, socket: string): void {
    for (const { id, processes } of this.plan.pods) {
      const proxy = processes.find(({ kind }) => kind === 'proxy');
      if (!proxy) continue;
      const user = namespaces
        ? ['setpriv', '--reuid', PROXY_USER, '--regid', PROXY_USER, '--clear-groups', '--no-new-privs', '--']
        : [];
      const [command, ...args] = [...(namespaces?.enterPod(id) ?? []), ...user, ...overSocket(proxy.command, socket)];
      const log = join(this.directory, `${id}.log`);
      writeFileSync(log, '');
      const child = spawn(command!, args, {
        env: { PATH: process.env.PATH, ...proxy.env },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      child.stderr.on('data', (data: Buffer) => writeFileSync(log, data, { flag: 'a' }));
      child.once('exit', (code, signal) => {
        this.fallen ??= `the Envoy of ${id} has ended: ${signal ?? code}`;
      });
      this.cleanups.push(async () => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.kill('SIGKILL');
        await once(child, 'exit');
      });
    }
  }
}

/** Our own process serves instead of the control plane that a plan always has. */
function membersOnly(plan: MeshPlan, only?: readonly string[]): MeshPlan {
  return {
    ...plan,
    pods: plan.pods.filter(({ name }) => NAMESPACE_OF[name] !== undefined && (only?.includes(name) ?? true)),
  };
}

/** The proxy's own command, with the control plane at a socket that every namespace sees, and one worker. */
function overSocket(command: readonly string[], socket: string): string[] {
  const args = [...command];
  const at = args.indexOf('--config-yaml') + 1;
  const bootstrap = JSON.parse(args[at]!);
  const xds = bootstrap.static_resources.clusters.find(({ name }: { name: string }) => name === 'xds-grpc');
  xds.load_assignment.endpoints[0].lb_endpoints[0].endpoint.address = { pipe: { path: socket } };
  xds.type = 'STATIC';
  args[at] = JSON.stringify(bootstrap);
  for (const [option, value] of [
    ['--concurrency', '1'],
    ['--drain-time-s', '1'],
  ]) {
    args[args.indexOf(option!) + 1] = value!;
  }
  return args;
}
