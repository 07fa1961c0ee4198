/**
 * The program that stands inside the mesh's network and lets this machine in. It is handed listening sockets, which stay
 * on the machine's side, and connects each caller to an address inside; it also asks pods whether they are ready.
 * Started by {@link Doorway} (doorway-client.ts), which speaks to it over IPC; it ends with its parent.
 */
import { get } from 'node:http';
import { connect, type Server, type Socket } from 'node:net';

export interface Target {
  host: string;
  port: number;
}

export type ToDoorway =
  | { type: 'forward'; id: number; target: Target }
  /** GET `path`, answered by `probed` with the status code. */
  | { type: 'probe'; id: number; target: Target; path: string };

export type FromDoorway =
  | { type: 'started' }
  | { type: 'forwarding'; id: number }
  | { type: 'probed'; id: number; status?: number; error?: string };

const PROBE_TIMEOUT_MS = 2000;

function say(message: FromDoorway): void {
  process.send?.(message);
}

function forward(server: Server, { host, port }: Target): void {
  server.on('connection', (caller: Socket) => {
    const inside = connect({ host, port, noDelay: true });
    caller.setNoDelay(true);
    // One side's end or failure is the other's: a half-dead pair would hang its caller.
    const pairs = [
      [caller, inside],
      [inside, caller],
    ] as const;
    for (const [from, to] of pairs) {
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
      from.pipe(to);
    }
  });
}

function probe(id: number, { host, port }: Target, path: string): void {
  const request = get({ host, port, path, timeout: PROBE_TIMEOUT_MS, agent: false }, (response) => {
    response.resume();
    say({ type: 'probed', id, status: response.statusCode });
  });
  request.on('timeout', () => request.destroy(new Error(`no answer within ${PROBE_TIMEOUT_MS} ms`)));
  request.on('error', (error) => say({ type: 'probed', id, error: error.message }));
}

process.on('message', (message: ToDoorway, handle?: unknown) => {
  if (message.type === 'probe') {
    probe(message.id, message.target, message.path);
  } else {
    forward(handle as Server, message.target);
    say({ type: 'forwarding', id: message.id });
  }
});
process.on('disconnect', () => process.exit(0));
say({ type: 'started' });
