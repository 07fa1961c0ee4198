/**
 * One Pod of the cast, as a process: answers on all its ports, saying who it is and what reached it, and asks others when
 * the test says so (over IPC). It has to stand alone: `mesh.ts` compiles this one file.
 */
import { createServer, type IncomingMessage, request as requestHttp, type ServerResponse } from 'node:http';
import * as http2 from 'node:http2';
import { createServer as createSecureServer } from 'node:https';
import * as net from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import * as tls from 'node:tls';
import type { Reply } from './behaviour';

/** An ask with everything found out that only the test knows. */
export interface Order {
  scheme: 'http' | 'https' | 'tcp' | 'tls';
  /** `host` or `host:port`, as the client writes it. */
  authority: string;
  path: string;
  /** Where to connect. */
  connect: { host: string; port: number };
  /** With explicit capture: connect here instead, as a client of an HTTP proxy does. */
  proxy?: { host: string; port: number };
  method: string;
  headers: Record<string, string | string[]>;
  body?: string;
  http: '1.1' | '2' | 'grpc';
  tls?: tls.ConnectionOptions;
}

export type ToPod =
  | { type: 'ask'; id: number; order: Order }
  /** Forget what was heard. */
  | { type: 'reset'; id: number }
  /** Answered by how often each path was asked for. */
  | { type: 'heard'; id: number };

export type FromPod =
  | { type: 'listening' }
  | { type: 'reply'; id: number; reply: Reply }
  | { type: 'heard'; id: number; paths: Record<string, number> };

/** Of the environment: who, where, and a certificate for the port with TLS. */
interface Setting {
  who: string;
  address: string;
  ports: { http: number; grpc: number; tcp: number; tls: number };
  certPem: string;
  keyPem: string;
}

const setting = JSON.parse(process.env.POD_SETTING ?? '{}') as Setting;
const heard = new Map<string, number>();
const TIMEOUT_MS = 8_000;

/** `?delay=300` waits; `?status=503` answers so, with `times=2` only to the first two requests for that path. */
function behaviourOf(path: string): { delay: number; status: number } {
  const { searchParams } = new URL(path, 'http://pod');
  const times = (heard.get(path) ?? 0) + 1;
  heard.set(path, times);
  const fails = times <= Number(searchParams.get('times') ?? Number.POSITIVE_INFINITY);
  return {
    delay: Number(searchParams.get('delay') ?? 0),
    status: fails ? Number(searchParams.get('status') ?? 200) : 200,
  };
}

function echoed(request: IncomingMessage | http2.Http2ServerRequest): string {
  const socket = request.socket as tls.TLSSocket;
  const isTls = socket?.encrypted === true;
  const subject = isTls ? socket.getPeerCertificate()?.subjectaltname : undefined;
  const seen: Reply['seen'] = {
    method: request.method ?? '',
    path: request.url ?? '',
    headers: request.headers,
    httpVersion: request.httpVersion,
    ...(isTls && { sni: typeof socket.servername === 'string' ? socket.servername : '', subject }),
  };
  return JSON.stringify({ who: setting.who, seen });
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const { delay, status } = behaviourOf(request.url ?? '/');
  request.resume();
  request.on('end', () => {
    setTimeout(() => {
      response.writeHead(status, { 'content-type': 'application/json', 'x-internal': 'secret' });
      response.end(echoed(request));
    }, delay);
  });
}

/** Any upgrade is taken; the echo is the first thing that is said over it. */
function upgrade(request: IncomingMessage, socket: Duplex): void {
  const head = `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: ${request.headers.upgrade}\r\n\r\n`;
  socket.on('error', () => socket.destroy());
  socket.end(head + echoed(request));
}

/** A unary call of any method: the message back is the echo, in no real encoding. */
function answerHttp2(request: http2.Http2ServerRequest, response: http2.Http2ServerResponse): void {
  const isGrpc = request.headers['content-type']?.startsWith('application/grpc');
  const { delay, status } = behaviourOf(request.url);
  request.resume();
  request.on('end', () => {
    setTimeout(() => {
      if (!isGrpc) {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(echoed(request));
        return;
      }
      // `?status=14` is then a status of gRPC.
      const code = status === 200 ? 0 : status;
      response.writeHead(200, { 'content-type': 'application/grpc' });
      response.addTrailers({ 'grpc-status': String(code) });
      response.end(code === 0 ? frame(echoed(request)) : '');
    }, delay);
  });
}

function frame(text: string): Buffer {
  const body = Buffer.from(text);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

/** The server speaks first, as MySQL's does, then repeats what it is told. */
function answerTcp(socket: net.Socket): void {
  heard.set('tcp', (heard.get('tcp') ?? 0) + 1);
  socket.on('error', () => socket.destroy());
  socket.write(`${setting.who}\n`);
  socket.pipe(socket);
}

async function serve(): Promise<void> {
  const { address, ports, certPem, keyPem } = setting;
  const certificate = { cert: certPem, key: keyPem, requestCert: true, rejectUnauthorized: false };
  const listening = (server: net.Server, port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, address, () => resolve());
    });
  await Promise.all([
    listening(createServer({ keepAliveTimeout: 60_000 }, answer).on('upgrade', upgrade), ports.http),
    listening(http2.createServer(answerHttp2), ports.grpc),
    listening(net.createServer(answerTcp), ports.tcp),
    listening(createSecureServer(certificate, answer), ports.tls),
  ]);
}

/** The connection that an order asks for: to the HTTP proxy, if there is one, or direct, with TLS on top. */
async function connected({ scheme, connect, proxy, tls: options }: Order): Promise<net.Socket> {
  if (proxy && scheme !== 'http') throw new Error(`the HTTP proxy takes no ${scheme}`);
  const socket = await dial(proxy ?? connect);
  if (scheme !== 'https' && scheme !== 'tls') return socket;
  const secure = tls.connect({ ...options, socket });
  await settled(secure, 'secureConnect');
  return secure;
}

async function dial(target: { host: string; port: number }): Promise<net.Socket> {
  const socket = net.connect({ ...target, noDelay: true });
  await settled(socket, 'connect');
  return socket;
}

function settled(socket: net.Socket, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, () => resolve());
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed')));
  });
}

function sessionOf(socket: net.Socket): Pick<Reply, 'tls'> {
  if (!(socket instanceof tls.TLSSocket)) return {};
  const subject = socket.getPeerCertificate()?.subjectaltname ?? '';
  return {
    tls: {
      protocol: socket.getProtocol() ?? '',
      cipher: socket.getCipher().name,
      alpn: socket.alpnProtocol || '',
      subject,
    },
  };
}

type Unmeasured = Omit<Reply, 'milliseconds'>;

function read(text: string): Pick<Reply, 'who' | 'seen'> {
  if (!text.startsWith('{"who"')) return {};
  return JSON.parse(text) as Pick<Reply, 'who' | 'seen'>;
}

function askHttp1(order: Order, socket: net.Socket): Promise<Unmeasured> {
  const { scheme, authority, path, method, headers, body, proxy } = order;
  const viaProxy = proxy && scheme === 'http';
  return new Promise((resolve, reject) => {
    // TLS, if any, is the socket's own.
    const request = requestHttp({
      createConnection: () => socket,
      method,
      path: viaProxy ? `http://${authority}${path}` : path,
      headers: { ...headers, host: authority },
    });
    const gather = ({ statusCode: status, headers }: IncomingMessage, stream: Readable, begun = '') => {
      let text = begun;
      stream.setEncoding('utf8').on('data', (data) => {
        text += data;
      });
      stream.on('error', reject);
      stream.on('end', () => resolve({ status, headers, body: text, ...read(text), ...sessionOf(socket) }));
    };
    request.on('error', reject);
    request.on('response', (response) => gather(response, response));
    request.on('upgrade', (response, upgraded, head) => gather(response, upgraded, head.toString('utf8')));
    request.end(body);
  });
}

function askHttp2(order: Order, socket: net.Socket): Promise<Unmeasured> {
  const { scheme, authority, path, method, headers, body, http } = order;
  const isGrpc = http === 'grpc';
  return new Promise((resolve, reject) => {
    const session = http2.connect(`${scheme}://${authority}`, { createConnection: () => socket });
    session.on('error', reject);
    const stream = session.request({
      ...headers,
      ':method': isGrpc ? 'POST' : method,
      ':path': path,
      ':scheme': scheme,
      ':authority': authority,
      ...(isGrpc && { 'content-type': 'application/grpc', te: 'trailers' }),
    });
    let head: http2.IncomingHttpHeaders = {};
    let trailers: http2.IncomingHttpHeaders = {};
    const chunks: Buffer[] = [];
    stream.on('response', (given) => {
      head = given;
    });
    stream.on('trailers', (given) => {
      trailers = given;
    });
    stream.on('data', (data: Buffer) => chunks.push(data));
    stream.on('error', reject);
    stream.on('close', () => {
      session.close();
      if (head[':status'] === undefined) return reject(new Error('the stream was closed'));
      const all = Buffer.concat(chunks);
      const text = (isGrpc ? all.subarray(5) : all).toString('utf8');
      const code = trailers['grpc-status'] ?? head['grpc-status'];
      resolve({
        status: Number(head[':status']),
        headers: head,
        body: text,
        ...(code !== undefined && { grpcStatus: Number(code), grpcMessage: String(head['grpc-message'] ?? '') }),
        ...read(text),
        ...sessionOf(socket),
      });
    });
    stream.end(isGrpc ? frame(body ?? '') : body);
  });
}

/** Says something, and waits for the name of the server and for its own words to come back. */
function askBytes({ body = 'hello' }: Order, socket: net.Socket): Promise<Unmeasured> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.on('data', (data) => {
      text += data.toString('utf8');
      if (!text.endsWith(body)) return;
      resolve({ who: text.split('\n')[0], body: text, ...sessionOf(socket) });
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed')));
    socket.write(body);
  });
}

async function ask(order: Order): Promise<Reply> {
  const start = performance.now();
  let socket: net.Socket | undefined;
  let timer: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`nothing within ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
    });
    const work = (async () => {
      socket = await connected(order);
      if (order.scheme === 'tcp' || order.scheme === 'tls') return askBytes(order, socket);
      return order.http === '1.1' ? askHttp1(order, socket) : askHttp2(order, socket);
    })();
    const reply = await Promise.race([work, late]);
    return { ...reply, milliseconds: performance.now() - start };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { refused: code ?? message, milliseconds: performance.now() - start };
  } finally {
    clearTimeout(timer);
    socket?.destroy();
  }
}

function say(message: FromPod): void {
  process.send?.(message);
}

process.on('message', (message: ToPod) => {
  if (message.type === 'ask') {
    void ask(message.order).then((reply) => say({ type: 'reply', id: message.id, reply }));
    return;
  }
  if (message.type === 'reset') heard.clear();
  say({ type: 'heard', id: message.id, paths: Object.fromEntries(heard) });
});
process.on('disconnect', () => process.exit(0));
void serve().then(() => say({ type: 'listening' }));
