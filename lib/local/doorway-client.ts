/** This machine's side of the doorway into the mesh's network (doorway.ts). */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import type { FromDoorway, Target, ToDoorway } from './doorway';
import { programOf } from './programs';

export class Doorway {
  private next = 0;
  private readonly waiting = new Map<number, (answer: FromDoorway) => void>();

  private constructor(private readonly child: ChildProcess) {
    child.on('message', (message: FromDoorway) => {
      if (message.type !== 'started') this.waiting.get(message.id)?.(message);
    });
  }

  /** @param enter the command prefix that enters the mesh's network; empty where the network is this machine's. */
  static async open(enter: readonly string[]): Promise<Doorway> {
    const [program, ...args] = [...enter, ...programOf('lib/local/doorway.js')];
    const child = spawn(program!, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true });
    await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code]) => {
        throw new Error(`the doorway into the mesh's network did not start (exit code ${code})`);
      }),
    ]);
    return new Doorway(child);
  }

  /**
   * Lets a port of this machine lead to an address inside.
   * @param port 0 for any.
   * @returns the port.
   * @throws when the port is in use.
   */
  async forward(port: number, target: Target, host = '127.0.0.1'): Promise<number> {
    const server = await listen(port, host);
    const address = server.address() as { port: number };
    await this.ask({ type: 'forward', id: 0, target }, server);
    // The doorway holds the socket now; accepting here as well would lose every second caller.
    server.close();
    return address.port;
  }

  /** The status code of a GET inside, undefined when there is no answer. */
  async probe(target: Target, path: string): Promise<number | undefined> {
    const answer = await this.ask({ type: 'probe', id: 0, target, path });
    return answer.type === 'probed' ? answer.status : undefined;
  }

  async close(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill();
    await once(this.child, 'exit');
  }

  private ask(message: ToDoorway, handle?: Server): Promise<FromDoorway> {
    const id = ++this.next;
    return new Promise((resolve, reject) => {
      const done = (answer: FromDoorway) => {
        this.waiting.delete(id);
        this.child.off('exit', gone);
        resolve(answer);
      };
      const gone = () => reject(new Error("the doorway into the mesh's network has ended"));
      this.child.once('exit', gone);
      this.waiting.set(id, done);
      this.child.send({ ...message, id }, handle, {}, (error) => error && reject(error));
    });
  }
}

async function listen(port: number, host: string): Promise<Server> {
  const server = createServer();
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new Error(`port ${port} of ${host} is in use; stop what listens there, or give another with --port`);
  }
  return server;
}
