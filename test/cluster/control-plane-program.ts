/** The control plane as a program of its own, as a cluster runs it: `malha control-plane --registry kubernetes`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Status } from '../../apps/control-plane/status';

/** Tests and benchmarks run in the project's folder. */
const PROGRAM = join(process.cwd(), 'dist/apps/cli/main.js');
const READY_WITHIN_MS = 30_000;

export interface Line {
  readonly msg: string;
  readonly [field: string]: unknown;
}

export class ControlPlaneProgram {
  readonly lines: Line[] = [];
  private constructor(
    private readonly child: ChildProcess,
    /** What it wrote that is no log, such as a crash. */
    readonly errors: string[],
  ) {}

  /** Whatever it listens on, in whatever network. @param enter what the command begins with. */
  static run(kubeconfig: string, args: readonly string[], enter: readonly string[] = []): ControlPlaneProgram {
    const command = ['setpriv', '--pdeathsig', 'KILL', process.execPath, PROGRAM, ...args, '--kubeconfig', kubeconfig];
    return ControlPlaneProgram.spawn([...enter, ...command]);
  }

  /** @param xds where proxies connect; the others take any port. */
  static start(kubeconfig: string, args: readonly string[] = [], xds = '127.0.0.1:0'): ControlPlaneProgram {
    const command = ['control-plane', '--registry', 'kubernetes', '--kubeconfig', kubeconfig];
    const addresses = ['--xds', xds, '--http', '127.0.0.1:0'];
    return ControlPlaneProgram.spawn([
      ...['setpriv', '--pdeathsig', 'KILL', process.execPath, PROGRAM],
      ...[...command, ...addresses, ...args],
    ]);
  }

  private static spawn([command, ...args]: readonly string[]): ControlPlaneProgram {
    const child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const program = new ControlPlaneProgram(child, []);
    createInterface(child.stdout!).on('line', (line) => program.lines.push(JSON.parse(line) as Line));
    child.stderr!.on('data', (text) => program.errors.push(String(text)));
    return program;
  }

  /** Its ports, as soon as it serves. */
  async ready(): Promise<{ xds: number; http: number }> {
    return (await this.says('control plane is ready')) as unknown as { xds: number; http: number };
  }

  /** A line of its log, as soon as it is there. */
  async says(message: string): Promise<Line> {
    const late = Date.now() + READY_WITHIN_MS;
    for (;;) {
      const line = this.lines.find(({ msg }) => msg === message);
      if (line) return line;
      if (this.child.exitCode !== null || Date.now() > late) {
        throw new Error(`it does not say '${message}': ${this.tail()}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async status(): Promise<Status> {
    const { http } = await this.ready();
    return (await fetch(`http://127.0.0.1:${http}/status?replicas=own`)).json() as Promise<Status>;
  }

  async get(path: string): Promise<string> {
    const { http } = await this.ready();
    return (await fetch(`http://127.0.0.1:${http}${path}`)).text();
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const { child } = this;
    if (child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit');
      child.kill(signal);
      const insist = setTimeout(() => child.kill('SIGKILL'), 20_000);
      await gone;
      clearTimeout(insist);
    }
    return child.exitCode;
  }

  tail(): string {
    return [...this.lines.slice(-10).map((line) => JSON.stringify(line)), ...this.errors].join('\n');
  }
}
