/** The HTTP side: health, metrics, status, scrape targets and the console. Reads only. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseAddress } from './address';

/** A body and how it is to be read. */
export interface Answer {
  readonly code?: number;
  readonly type?: string;
  readonly body: string;
}

export type Pages = Readonly<Record<string, () => Answer | Promise<Answer>>>;

export const text = (body: string, code = 200): Answer => ({ code, type: 'text/plain; charset=utf-8', body });
export const json = (value: unknown): Answer => ({
  type: 'application/json',
  body: `${JSON.stringify(value, null, 2)}\n`,
});

export interface HttpServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves `pages` by path on `HOST:PORT` (port 0: any). Rejects with a clear error when it cannot listen. */
export async function serveHttp(address: string, pages: Pages, onError: (error: Error) => void): Promise<HttpServer> {
  const { host, port } = parseAddress(address);
  const server = createServer(
    { maxHeaderSize: 8_192, headersTimeout: 10_000, requestTimeout: 10_000 },
    (request, response) => {
      const page = Object.hasOwn(pages, pathOf(request.url)) ? pages[pathOf(request.url)] : undefined;
      if (request.method !== 'GET' && request.method !== 'HEAD')
        send(response, text('only GET and HEAD are served\n', 405));
      else if (!page) send(response, text(`not found; there are: ${Object.keys(pages).join(' ')}\n`, 404));
      else {
        Promise.resolve()
          .then(page)
          .then((answer) => send(response, answer))
          .catch((error: Error) => {
            onError(error);
            send(response, text('internal error\n', 500));
          });
      }
    },
  );
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

function pathOf(url = '/'): string {
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}

function send(response: ServerResponse, { code = 200, type = 'text/plain; charset=utf-8', body }: Answer): void {
  response.writeHead(code, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}
