/** The applications of all Pods, in their network namespace: they listen, and they ask through their sidecar. */
import { Agent, createServer, get, request, type Server } from 'node:http';
import { connect, createServer as createTcpServer, type Socket } from 'node:net';

/** Where explicit capture has its HTTP proxy. */
const SIDECAR = { host: '127.0.0.1', port: 15080 };

export interface Answer {
  /** 0: no answer. */
  readonly status: number;
  readonly body: string;
}

export type ToPods = { readonly id: number } & (
  | { readonly type: 'serve'; readonly name: string; readonly address: string; readonly port: number }
  | { readonly type: 'leave'; readonly address: string; readonly port: number }
  | { readonly type: 'connect'; readonly address: string; readonly port: number }
  | { readonly type: 'ask'; readonly url: string; readonly headers: Record<string, string> }
  | { readonly type: 'askUntil'; readonly url: string; readonly body: string; readonly patience: number }
  | { readonly type: 'load'; readonly url: string; readonly way: 'sidecar' | 'direct' }
  | { readonly type: 'endLoad' }
  | { readonly type: 'get'; readonly url: string }
  | { readonly type: 'leadOut'; readonly port: number; readonly socket: string }
  | { readonly type: 'leadIn'; readonly socket: string }
);

export type FromPods = { readonly id: number } & (
  | { readonly type: 'done' }
  | { readonly type: 'connected'; readonly isOpen: boolean }
  | { readonly type: 'answer'; readonly answer: Answer }
  | { readonly type: 'became'; readonly milliseconds?: number; readonly last: Answer }
  | { readonly type: 'counted'; readonly counts: Record<string, number> }
);

const agent = new Agent({ keepAlive: true });
const servers = new Map<string, Server>();
let endLoad: () => Promise<Record<string, number>> = async () => ({});

function ask(url: string, headers: Record<string, string> = {}): Promise<Answer> {
  const { host } = new URL(url);
  return new Promise((resolve) => {
    const asking = request({ ...SIDECAR, agent, path: url, headers: { ...headers, host } }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    asking.setTimeout(10_000, () => asking.destroy());
    asking.on('error', (error) => resolve({ status: 0, body: error.message }));
    asking.end();
  });
}

function plainGet(url: string): Promise<Answer> {
  return new Promise((resolve) => {
    const asking = get(url, { agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    asking.setTimeout(5_000, () => asking.destroy());
    asking.on('error', (error) => resolve({ status: 0, body: error.message }));
  });
}

function join(a: Socket, b: Socket): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
    from.pipe(to);
  }
}

/** What listens on a port of this network's loopback, and leads out of it. */
function leadOut(port: number, socket: string): Promise<void> {
  const server = createTcpServer((inside) => join(inside, connect(socket)));
  return new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
}

/** What an API server asks to be led to a Pod (HTTP CONNECT). */
function leadIn(socket: string): Promise<void> {
  const server = createServer();
  server.on('connect', ({ url = '' }, outside: Socket) => {
    const colon = url.lastIndexOf(':');
    const inside = connect({ host: url.slice(0, colon), port: Number(url.slice(colon + 1)) });
    inside.once('connect', () => {
      outside.write('HTTP/1.1 200 OK\r\n\r\n');
      join(outside, inside);
    });
    inside.once('error', () => outside.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
  });
  return new Promise((resolve) => server.listen(socket, resolve));
}

function load(url: string, way: 'sidecar' | 'direct'): () => Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  let ended = false;
  const asking = (async () => {
    while (!ended) {
      const { status, body } = await (way === 'direct' ? plainGet(url) : ask(url));
      const key = status === 200 ? body : `${status} ${body}`;
      counts[key] = (counts[key] ?? 0) + 1;
      // A connection for each request: faster, they run out of ports, of which each rests for a minute.
      if (way === 'direct') await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  return async () => {
    ended = true;
    await asking;
    return counts;
  };
}

async function answer(message: ToPods): Promise<FromPods> {
  const { id } = message;
  switch (message.type) {
    case 'serve': {
      const server = createServer((_, response) => response.end(message.name));
      servers.set(`${message.address}:${message.port}`, server);
      await new Promise<void>((resolve) => server.listen(message.port, message.address, resolve));
      return { id, type: 'done' };
    }
    case 'leave': {
      const server = servers.get(`${message.address}:${message.port}`);
      server?.close();
      server?.closeAllConnections();
      return { id, type: 'done' };
    }
    case 'connect': {
      const socket = connect(message.port, message.address);
      const isOpen = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      });
      socket.destroy();
      return { id, type: 'connected', isOpen };
    }
    case 'ask':
      return { id, type: 'answer', answer: await ask(message.url, message.headers) };
    case 'askUntil': {
      const started = performance.now();
      for (;;) {
        const last = await ask(message.url);
        const milliseconds = performance.now() - started;
        if (last.body === message.body) return { id, type: 'became', milliseconds, last };
        if (milliseconds > message.patience) return { id, type: 'became', last };
      }
    }
    case 'load':
      endLoad = load(message.url, message.way);
      return { id, type: 'done' };
    case 'get':
      return { id, type: 'answer', answer: await plainGet(message.url) };
    case 'leadOut':
      await leadOut(message.port, message.socket);
      return { id, type: 'done' };
    case 'leadIn':
      await leadIn(message.socket);
      return { id, type: 'done' };
    case 'endLoad':
      return { id, type: 'counted', counts: await endLoad() };
  }
}

process.on('message', (message: ToPods) => void answer(message).then((reply) => process.send!(reply)));
process.on('disconnect', () => process.exit());
process.send!({ id: 0, type: 'done' });
