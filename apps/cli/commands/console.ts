/** `malha console` */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Command, InvalidArgumentError } from 'commander';
import { consoleAssets, SECURITY_HEADERS } from '../../console/assets';
import { ControlPlaneClient, type ControlPlaneOptions, withControlPlane } from '../control-plane-client';
import type { Context } from '../io';

/** The pages that the console asks for beside its own files. */
const DATA = ['/graph', '/status', '/config'];
const COOKIE = 'malha-console';

export function consoleCommand({ io, colors }: Context): Command {
  return withControlPlane(new Command('console'))
    .option('--port <port>', 'the port of 127.0.0.1 where the console is; 0 for any', parsePort, 0)
    .addHelpText(
      'after',
      `
Serves the console to a browser on this machine, and asks the control plane for it with the credential that you give. The
address that it prints holds a key: whoever has it sees what you see, until the command ends. What the control plane
lets somebody of one namespace see is that namespace.

Examples:
  $ malha console                      a control plane on this machine, such as that of malha up
  $ kubectl -n malha-system port-forward deploy/malha-control-plane 15014 & malha console
  $ malha console --http https://127.0.0.1:15012 --token-file token --ca root.pem --server-name malha-control-plane.malha-system.svc

Exit codes: 0 ended by Ctrl-C, 2 the control plane does not answer.
`,
    )
    .action(async ({ port, ...options }: ControlPlaneOptions & { port: number }) => {
      const interrupted = io.untilInterrupted();
      const client = await ControlPlaneClient.open(options);
      await client.json<{ proxies: unknown }>('/status', (value) => Array.isArray(value?.proxies));
      const key = randomBytes(16).toString('hex');
      const server = await listen(consoleServer(client, key), port);
      const { port: open } = server.address() as AddressInfo;
      io.stdout.write(`console: ${colors.bold(`http://127.0.0.1:${open}/?key=${key}`)}\nCtrl-C ends it\n`);
      await interrupted;
      server.closeAllConnections();
      server.close();
    });
}

/** Its own files from this package, the data from the control plane; to whoever has the key. */
export function consoleServer(client: Pick<ControlPlaneClient, 'get'>, key: string): Server {
  const assets = consoleAssets();
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const host = request.headers.host ?? '';
    // Another name that leads here is somebody else's page in the same browser.
    if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host)) return send(response, 403, 'not for this host name\n');
    if (request.method !== 'GET') return send(response, 405, 'only GET is served\n');
    if (url.pathname === '/' && isKey(url.searchParams.get('key'), key)) {
      const cookie = `${COOKIE}=${key}; HttpOnly; SameSite=Strict; Path=/`;
      response.writeHead(303, { location: '/', 'set-cookie': cookie, 'cache-control': 'no-store' }).end();
      return;
    }
    if (!isKey(cookieOf(request), key)) return send(response, 403, 'open the address that malha console has printed\n');
    const asset = Object.hasOwn(assets, url.pathname) ? assets[url.pathname] : undefined;
    if (asset) return send(response, 200, asset.body(), asset.type);
    if (!DATA.includes(url.pathname)) return send(response, 404, 'not found\n');
    const { code, headers, body } = await client.get(`${url.pathname}${url.search}`);
    send(response, code, body, headers['content-type']);
  };
  return createServer((request, response) => {
    answer(request, response).catch((error: Error) => send(response, 502, `${error.message}\n`));
  });
}

function send(response: ServerResponse, code: number, body: string | Buffer, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(code, {
    'content-type': type,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...SECURITY_HEADERS,
  });
  response.end(body);
}

function cookieOf({ headers }: IncomingMessage): string | null {
  const cookies = (headers.cookie ?? '').split(';').map((each) => each.trim().split('='));
  return cookies.find(([name]) => name === COOKIE)?.[1] ?? null;
}

function isKey(given: string | null, key: string): boolean {
  return given?.length === key.length && timingSafeEqual(Buffer.from(given), Buffer.from(key));
}

async function listen(server: Server, port: number): Promise<Server> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const problem = error.code === 'EADDRINUSE' ? 'the port is in use; choose another with --port' : error.message;
      reject(new Error(`cannot serve the console on 127.0.0.1:${port}: ${problem}`));
    });
    server.listen(port, '127.0.0.1', resolve);
  });
  return server;
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  if (port < 0 || port > 65535) throw new InvalidArgumentError('a port is wanted, 0 to 65535');
  return port;
}
