/**
 * A network per run, made of namespaces without names. Each is held by a process of ours that ends when its standard
 * input closes, so the kernel takes everything back whichever way this program ends, kill -9 included; two meshes on
 * one machine do not see each other, and the machine's own network is not touched.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SYSTEM_PATH, USER_NAMESPACE } from './capture';
import { networkScript } from './network-script';
import type { MeshPlan } from './plan';
import { hostsFile } from './services';

export interface NamespaceOptions {
  userNamespace: boolean;
  /** The run's folder. */
  directory: string;
  /** The Envoy binary. */
  envoy: string;
}

/** The user that the redirection leaves alone. */
export const PROXY_ID = '1337';

const env = { ...process.env, PATH: SYSTEM_PATH };

export class Namespaces {
  private readonly pods = new Map<string, ChildProcess>();

  private constructor(
    private readonly outer: ChildProcess,
    private readonly userNamespace: boolean,
  ) {}

  /** @throws when the machine does not allow it; nothing is left behind then. */
  static async create(plan: MeshPlan, options: NamespaceOptions): Promise<Namespaces> {
    const start = options.userNamespace ? USER_NAMESPACE : ['unshare'];
    const outer = await hold([...start, '--net', '--mount'], []);
    const namespaces = new Namespaces(outer, options.userNamespace);
    try {
      // Envoy runs as another user, who may not be able to reach the binary where it is: each pod sees it here.
      const envoy = Namespaces.envoyIn(options.directory);
      await writeFile(envoy, '');
      // What /etc/hosts does not know is unknown at once: nothing leaves the machine, so no answer would ever come.
      const resolver = join(options.directory, 'resolv.conf');
      await writeFile(resolver, 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n');
      const resolvers = existsSync('/etc/resolv.conf') ? [resolver, '/etc/resolv.conf'] : [];
      for (const pod of plan.pods) {
        const hosts = join(options.directory, `${pod.id}.hosts`);
        await writeFile(hosts, hostsFile(plan.services, pod.namespace, pod));
        namespaces.pods.set(
          pod.id,
          await hold(
            [...namespaces.enterMesh(), 'unshare', '--net', '--mount'],
            [hosts, '/etc/hosts', ...resolvers, options.envoy, envoy],
          ),
        );
      }
      const holders = new Map([...namespaces.pods].map(([id, { pid }]) => [id, pid!]));
      await feed([...namespaces.enterMesh(), 'sh'], networkScript(plan, holders));
      return namespaces;
    } catch (error) {
      await namespaces.close();
      throw error;
    }
  }

  /** Where pods see the Envoy binary. */
  static envoyIn(directory: string): string {
    return join(directory, 'envoy');
  }

  /**
   * How to signal a process of a pod: in a user namespace, the proxy's user is a stranger to whoever started it.
   * Undefined where the usual way works.
   */
  get signal(): ((pid: number, signal: NodeJS.Signals) => void) | undefined {
    if (!this.userNamespace) return undefined;
    return (pid, signal) => {
      const [program, ...args] = [...this.enterMesh(), 'kill', '-s', signal.replace(/^SIG/, ''), String(pid)];
      spawn(program!, args, { env, stdio: 'ignore' });
    };
  }

  /** The command prefix that runs a command beside the pods, where each can be reached. */
  enterMesh(): string[] {
    return this.enter(this.outer);
  }

  /** The command prefix that runs a command in a pod. */
  enterPod(id: string): string[] {
    return this.enter(this.pods.get(id)!);
  }

  /** Makes a file that of the user that proxies run as; in a user namespace only its root can. */
  async giveToProxy(file: string): Promise<void> {
    const [program, ...args] = [...this.enterMesh(), 'chown', `${PROXY_ID}:${PROXY_ID}`, file];
    await promisify(execFile)(program!, args, { env });
  }

  async close(): Promise<void> {
    const holders = [...this.pods.values(), this.outer].filter(
      ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
    );
    const gone = holders.map((holder) => once(holder, 'exit'));
    for (const holder of holders) holder.stdin?.end();
    await Promise.all(gone);
  }

  private enter({ pid }: ChildProcess): string[] {
    const user = this.userNamespace ? [`--user=/proc/${this.outer.pid}/ns/user`] : [];
    // The working directory is given again: entering a mount namespace would leave it.
    return [
      'nsenter',
      ...user,
      `--net=/proc/${pid}/ns/net`,
      `--mount=/proc/${pid}/ns/mnt`,
      `--wd=${process.cwd()}`,
      '--',
    ];
  }
}

/** Starts a process in new namespaces; `binds` are pairs of a file and the path over which it is mounted. */
async function hold(command: readonly string[], binds: readonly string[]): Promise<ChildProcess> {
  const script = 'while [ $# -gt 0 ]; do mount --bind "$1" "$2" || exit 1; shift 2; done; echo held; exec cat';
  const [program, ...args] = [...command, '--', 'sh', '-c', script, 'sh', ...binds];
  const child = spawn(program!, args, { env, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  let errors = '';
  child.stderr.on('data', (data) => {
    errors += data;
  });
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => {
      throw new Error(`a network namespace could not be made: ${errors.trim()}; --capture explicit works without`);
    }),
  ]);
  return child;
}

async function feed([program, ...args]: readonly string[], input: string): Promise<void> {
  const child = spawn(program!, args, { env, stdio: ['pipe', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (data) => {
    errors += data;
  });
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  if (code !== 0)
    throw new Error(`the network of the mesh could not be set up: ${errors.trim()}; --capture explicit works without`);
}
