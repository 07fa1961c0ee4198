/**
 * Stands for a workload's image on this machine: answers every HTTP request with who it is and what reached it. Ports
 * and name come from the environment that `malha up` gives (ECHO_PORTS, ECHO_VERSION, POD_NAME, POD_NAMESPACE,
 * APP_ADDRESS). `?status=503` and `?delay=250` (milliseconds) make it answer so.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const {
  ECHO_PORTS = '80',
  ECHO_VERSION = '',
  POD_NAME = '',
  POD_NAMESPACE = '',
  APP_ADDRESS = '127.0.0.1',
} = process.env;

function answer(request: IncomingMessage, response: ServerResponse): void {
  const { searchParams } = new URL(request.url ?? '/', 'http://echo');
  const status = Number(searchParams.get('status') ?? 200);
  const body = {
    pod: POD_NAME,
    namespace: POD_NAMESPACE,
    version: ECHO_VERSION,
    port: (request.socket.address() as AddressInfo).port,
    method: request.method,
    path: request.url,
    headers: request.headers,
  };
  request.resume();
  request.on('end', () => {
    setTimeout(
      () => {
        response.writeHead(status >= 200 && status <= 599 ? status : 400, { 'content-type': 'application/json' });
        response.end(`${JSON.stringify(body)}\n`);
      },
      Math.min(Number(searchParams.get('delay')) || 0, 60_000),
    );
  });
}

for (const port of ECHO_PORTS.split(',').map(Number)) createServer(answer).listen(port, APP_ADDRESS);
