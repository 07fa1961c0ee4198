/** A service for tests: says who it is and what it was asked. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';

export interface Echo {
  who: string;
  path: string;
  headers: IncomingHttpHeaders;
}

export class EchoServer {
  /** How often each path was asked for. */
  readonly asked = new Map<string, number>();

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  /** `/slow` answers after a while, `/flaky` fails the first time; everything else is answered at once. */
  static async start(who: string, address: string, port: number): Promise<EchoServer> {
    const server = createServer((request, response) => {
      const path = request.url ?? '';
      const times = (echo.asked.get(path) ?? 0) + 1;
      echo.asked.set(path, times);
      const fails = path.startsWith('/flaky') && times === 1;
      response.setHeader('x-internal', 'secret');
      const answer = () => {
        response.statusCode = fails ? 503 : 200;
        response.end(JSON.stringify({ who, path, headers: request.headers } satisfies Echo));
      };
      setTimeout(answer, path.startsWith('/slow') ? 1_000 : 0);
    });
    const echo = new EchoServer(server, port);
    await once(server.listen(port, address), 'listening');
    return echo;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}
