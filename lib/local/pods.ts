/** The running processes of all pods of a plan: started in order, watched until ready, stopped together. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ProxyPort } from '../injector';
import type { Doorway } from './doorway-client';
import { listeningSockets, listensOn } from './listening';
import { type Namespaces, PROXY_ID } from './namespaces';
import type { MeshPlan } from './plan';
import type { PodPlan, ProcessPlan } from './pod-plan';
import { LocalProcess } from './process';

export interface PodsOptions {
  plan: MeshPlan;
  /** Where logs go. */
  directory: string;
  /** Undefined in explicit capture. */
  namespaces?: Namespaces;
  doorway: Doorway;
  /** Whether setpriv can be had, to tie processes to this one. */
  setpriv: boolean;
  /** Told what died. */
  onDeath(message: string): void;
}

export interface ExecResult {
  code: number;
  stdout: string;
  stderr: string;
}

const POLL_MS = 40;
/** A process that dies this often before the mesh is ready will not come up. */
const MOST_DEATHS = 3;

export class Pods {
  private readonly running = new Map<string, LocalProcess>();

  constructor(private readonly options: PodsOptions) {}

  start(select: (process: ProcessPlan) => boolean): void {
    const { plan, directory, onDeath } = this.options;
    for (const pod of plan.pods) {
      for (const each of pod.processes.filter(select)) {
        const running = new LocalProcess({
          title: `${each.name} of ${pod.id}`,
          command: this.commandOf(pod, each),
          env: { ...inheritedEnvironment(), ...each.env },
          cwd: process.cwd(),
          logFile: join(directory, `${pod.id}.${each.name}.log`),
          signal: this.options.namespaces?.signal,
          onDeath,
        });
        this.running.set(key(pod.id, each.name), running);
        running.start();
      }
    }
  }

  /**
   * Waits until the control plane has read its files.
   * @throws when `deadline` (ms since 1970) passes, or it keeps dying; with the end of its log.
   */
  async controlPlaneReady(deadline: number): Promise<void> {
    const { controlPlane, pods } = this.options.plan;
    if (!controlPlane) return;
    const target = { host: controlPlane.address, port: controlPlane.httpPort };
    const pod = pods.find(({ id }) => id === controlPlane.pod)!;
    await this.until(pod, pod.processes[0]!, 'does not answer /readyz', deadline, async () => {
      return (await this.options.doorway.probe(target, '/readyz')) === 200;
    });
  }

  /** Waits until every proxy has its configuration and every application listens. @throws as above. */
  async ready(deadline: number): Promise<void> {
    await Promise.all(
      this.options.plan.pods.flatMap((pod) =>
        pod.processes.map((each) => {
          if (each.kind === 'proxy') {
            return this.until(pod, each, 'is not ready (port 15021)', deadline, async () => {
              const status = await this.options.doorway.probe(
                { host: pod.ip, port: ProxyPort.readiness },
                '/healthz/ready',
              );
              return status === 200;
            });
          }
          if (each.kind === 'control-plane') return undefined;
          const what = `does not listen on port ${pod.ports.join(', ')} of ${pod.appAddress}`;
          return this.until(pod, each, what, deadline, () => this.listens(pod, each));
        }),
      ),
    );
  }

  /** Runs a command in a pod's network, with the environment of its application. */
  exec(id: string, command: readonly string[], timeoutMs = 60_000): Promise<ExecResult> {
    const pod = this.pod(id);
    const app = pod.processes.find(({ kind }) => kind !== 'proxy');
    const [program, ...args] = [...(this.options.namespaces?.enterPod(id) ?? []), ...command];
    const env = { ...inheritedEnvironment(), ...app?.env };
    return new Promise((resolve, reject) => {
      execFile(program!, args, { env, timeout: timeoutMs, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
        const code = error ? error.code : 0;
        if (typeof code === 'number') resolve({ code, stdout, stderr });
        else reject(error);
      });
    });
  }

  /** @param name of the process: `istio-proxy`, or the application's container. @throws when there is none. */
  process(id: string, name: string): LocalProcess {
    const found = this.running.get(key(id, name));
    if (found) return found;
    throw new Error(
      `pod ${id} runs no '${name}' here; it runs ${this.pod(id)
        .processes.map((each) => `'${each.name}'`)
        .join(', ')}`,
    );
  }

  async stop(): Promise<void> {
    await Promise.all([...this.running.values()].map((running) => running.stop()));
  }

  private pod(id: string): PodPlan {
    const { pods } = this.options.plan;
    const found = pods.find((pod) => pod.id === id);
    if (found) return found;
    throw new Error(`no pod '${id}' runs here; there are ${pods.map((pod) => pod.id).join(', ')}`);
  }

  /** Into the pod, tied to this program's life, and as the user that the redirection leaves alone. */
  private commandOf(pod: PodPlan, each: ProcessPlan): string[] {
    const { namespaces, setpriv } = this.options;
    const user =
      namespaces && each.kind === 'proxy'
        ? ['--reuid', PROXY_ID, '--regid', PROXY_ID, '--clear-groups', '--no-new-privs']
        : [];
    return [
      ...(namespaces?.enterPod(pod.id) ?? []),
      ...(setpriv ? ['setpriv', ...user, '--pdeathsig', 'KILL', '--'] : []),
      ...each.command,
    ];
  }

  private async listens(pod: PodPlan, each: ProcessPlan): Promise<boolean> {
    const pid = this.process(pod.id, each.name).pid;
    if (pid === undefined) return false;
    const sockets = await listeningSockets(pid);
    // Elsewhere than on Linux nobody tells; on Linux the process is just gone.
    if (!sockets) return process.platform !== 'linux';
    return pod.ports.every((port) => listensOn(sockets, pod.appAddress, port));
  }

  private async until(
    pod: PodPlan,
    each: ProcessPlan,
    problem: string,
    deadline: number,
    check: () => Promise<boolean>,
  ): Promise<void> {
    const running = this.process(pod.id, each.name);
    for (;;) {
      if (await check()) return;
      if (running.restarts + 1 >= MOST_DEATHS && running.pid === undefined) {
        throw new Error(`${running.title} ${running.lastDeath}; the end of its log:\n${running.tail()}`);
      }
      if (Date.now() > deadline) {
        throw new Error(`${running.title} ${problem} in time; the end of its log:\n${running.tail()}`);
      }
      await sleep(POLL_MS);
    }
  }
}

/** A developer's own proxy settings are for the internet, not for the mesh. */
function inheritedEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(https?|all|no)_proxy$/i.test(name)));
}

function key(pod: string, name: string): string {
  return `${pod} ${name}`;
}
