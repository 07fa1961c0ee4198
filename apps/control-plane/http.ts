/**
 * The HTTP side: health, metrics, status, scrape targets and the console. Reads only. A page that tells about the mesh asks who
 * wants to know; on a plaintext port that can only be somebody on this machine.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import { parseAddress } from './address';

/** A body and how it is to be read. */
export interface Answer {
  readonly code?: number;
  readonly type?: string;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Who asks. */
export interface Visitor {
  /** All that it may see; undefined: everything. */
  readonly namespace?: string;
}

/** `open`: to anyone. `debug`: to those who have proven who they are, of their own namespace. */
export interface Page {
  readonly access: 'open' | 'debug';
  answer(visitor: Visitor, query: URLSearchParams): Answer | Promise<Answer>;
}

/** By path. */
export type Pages = Readonly<Record<string, Page>>;

/** Who asks; undefined when it must not see debug pages. */
export type VisitorOf = (request: IncomingMessage) => Visitor | undefined | Promise<Visitor | undefined>;

export const text = (body: string, code = 200): Answer => ({ code, type: 'text/plain; charset=utf-8', body });
export const json = (value: unknown): Answer => ({
  type: 'application/json',
  body: `${JSON.stringify(value, null, 2)}\n`,
});

export interface HttpServer {
  readonly port: number;
  close(): Promise<void>;
}

const LIMITS = { maxHeaderSize: 8_192, headersTimeout: 10_000, requestTimeout: 10_000 };

/** A server of `pages` that listens nowhere yet. */
export function pageServer(pages: Pages, visitorOf: VisitorOf, onError: (error: Error) => void): Server {
  return createServer(LIMITS, (request, response) => {
    answerTo(request, pages, visitorOf)
      .then((answer) => send(response, answer))
      .catch((error: Error) => {
        onError(error);
        send(response, text('internal error\n', 500));
      });
  });
}

async function answerTo(request: IncomingMessage, pages: Pages, visitorOf: VisitorOf): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return text('only GET and HEAD are served\n', 405);
  const [path, query] = partsOf(request.url);
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
  if (!page) return text(`not found; there are: ${Object.keys(pages).join(' ')}\n`, 404);
  if (page.access === 'open') return page.answer({}, query);
  const visitor = await visitorOf(request);
  return visitor ? page.answer(visitor, query) : text(FORBIDDEN, 403);
}

const FORBIDDEN =
  'this page is for this machine alone (kubectl port-forward leads here), or over TLS on the port of xDS with a certificate ' +
  'or token of the mesh\n';

/**
 * Somebody on this machine may see all: who gets here has been let in by it, as by the API server for a port-forward. A web
 * page of others that somebody looks at here may not: a browser says in `Host` which name has led it to this address.
 */
export const localVisitor: VisitorOf = ({ socket, headers }) => {
  const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  const isLocal = address === '::1' || address.startsWith('127.');
  return isLocal && isOwnName(headers.host ?? '') ? {} : undefined;
};

/** An address, or `localhost`: no name that somebody else can let lead here. */
function isOwnName(host: string): boolean {
  const name = host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1');
  return name === '' || isIP(name) !== 0 || /^([\w-]+\.)*localhost$/i.test(name);
}

/** Serves `pages` by path on `HOST:PORT` (port 0: any). Rejects with a clear error when it cannot listen. */
export async function serveHttp(
  address: string,
  pages: Pages,
  visitorOf: VisitorOf,
  onError: (error: Error) => void,
): Promise<HttpServer> {
  const { host, port } = parseAddress(address);
  const server = pageServer(pages, visitorOf, onError);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const problem =
        error.code === 'EADDRINUSE' ? 'the port is in use; stop what uses it or choose another' : error.message;
      reject(new Error(`cannot serve HTTP on ${address}: ${problem}`));
    });
    server.listen(port, host, resolve);
  });
  server.on('error', onError);
  return { port: (server.address() as AddressInfo).port, close: () => close(server) };
}

function partsOf(url = '/'): [path: string, query: URLSearchParams] {
  const end = url.indexOf('?');
  return end < 0 ? [url, new URLSearchParams()] : [url.slice(0, end), new URLSearchParams(url.slice(end + 1))];
}

function send(
  response: ServerResponse,
  { code = 200, type = 'text/plain; charset=utf-8', body, headers }: Answer,
): void {
  response.writeHead(code, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  });
  response.end(body);
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}
