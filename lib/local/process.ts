/** One process of a pod: started, logged to a file, started again when it dies (as the kubelet would), stopped. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ProcessOptions {
  /** `istio-proxy of reviews-v1.bookinfo`; names it in messages. */
  title: string;
  command: readonly string[];
  env: NodeJS.ProcessEnv;
  cwd: string;
  /** Appended to. */
  logFile: string;
  /** Sends a signal where this program may not: to another user's process. Default: as Node does. */
  signal?(pid: number, signal: NodeJS.Signals): void;
  /** Called when it ends without having been asked to. */
  onDeath(message: string): void;
}

const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 10_000;
const STOP_AFTER_MS = 3000;

export class LocalProcess {
  private child?: ChildProcess;
  private stopping = false;
  private backoff = FIRST_BACKOFF_MS;
  private restart?: NodeJS.Timeout;
  /** How often it has been started again. */
  restarts = 0;
  /** Why it last ended on its own. */
  lastDeath?: string;

  constructor(private readonly options: ProcessOptions) {}

  get title(): string {
    return this.options.title;
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  start(): void {
    const { command, env, cwd, logFile, title, onDeath } = this.options;
    const log = openSync(logFile, 'a');
    // Its own process group: Ctrl-C in a terminal reaches this program alone, which then ends the others in order.
    const child = spawn(command[0]!, command.slice(1), { env, cwd, stdio: ['ignore', log, log], detached: true });
    closeSync(log);
    const started = Date.now();
    let ended = false;
    const end = (how: string) => {
      if (ended) return;
      ended = true;
      this.child = undefined;
      if (this.stopping) return;
      this.lastDeath = how;
      if (Date.now() - started > LONGEST_BACKOFF_MS) this.backoff = FIRST_BACKOFF_MS;
      onDeath(`${title} ${how}; it starts again in ${this.backoff} ms (log: ${logFile})`);
      this.restart = setTimeout(() => {
        this.restarts++;
        this.start();
      }, this.backoff);
      this.backoff = Math.min(this.backoff * 2, LONGEST_BACKOFF_MS);
    };
    child.on('error', (error) => end(`could not be started: ${error.message}`));
    child.on('exit', (code, signal) => end(signal ? `was ended by ${signal}` : `ended with exit code ${code}`));
    this.child = child;
  }

  /** Sends a signal, and leaves what follows to the restart. */
  kill(signal: NodeJS.Signals): void {
    if (!this.child?.pid) return;
    if (this.options.signal) this.options.signal(this.child.pid, signal);
    else this.child.kill(signal);
  }

  /** Ends it for good: asks, and after three seconds insists. */
  async stop(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.restart);
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    this.kill('SIGTERM');
    const insist = setTimeout(() => this.kill('SIGKILL'), STOP_AFTER_MS);
    await Promise.race([gone, sleep(2 * STOP_AFTER_MS, undefined, { ref: false })]);
    clearTimeout(insist);
  }

  /** The last lines of its log. */
  tail(lines = 8): string {
    const text = readFileSync(this.options.logFile, 'utf8').trimEnd();
    return text.split('\n').slice(-lines).join('\n');
  }
}
