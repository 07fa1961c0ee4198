/** External authorizers for tests: one asked by HTTP, one by gRPC. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { envoy } from '../../../lib/envoy/generated/envoy';
import { decode, encode } from '../../../lib/envoy/message';

type CheckRequest = envoy.service.auth.v3.CheckRequest;
type CheckResponse = envoy.service.auth.v3.CheckResponse;

export interface Authorizer<Q> {
  readonly port: number;
  /** What it was asked, oldest first. */
  readonly questions: Q[];
  close(): void;
}

export interface HttpQuestion {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Says yes to requests with the header `x-let-me: in`, which it passes on. */
export async function httpAuthorizer(address: string): Promise<Authorizer<HttpQuestion>> {
  const questions: HttpQuestion[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      questions.push({ method, path, headers, body });
      const isWelcome = headers['x-let-me'] === 'in';
      response.writeHead(isWelcome ? 200 : 401, { 'x-judged-by': 'http', 'x-secret': 'mine' });
      response.end(isWelcome ? '' : 'who are you');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  return { port: (server.address() as AddressInfo).port, questions, close: () => server.close() };
}

const OK = 0;
const PERMISSION_DENIED = 7;

/** Says yes to `/open`, and to connections from 127.0.0.1. */
export async function grpcAuthorizer(address: string): Promise<Authorizer<CheckRequest>> {
  const questions: CheckRequest[] = [];
  const server = new Server();
  const check = {
    path: '/envoy.service.auth.v3.Authorization/Check',
    requestStream: false,
    responseStream: false,
    requestDeserialize: (bytes: Buffer) => decode('envoy.service.auth.v3.CheckRequest', bytes),
    requestSerialize: (message: CheckRequest) => Buffer.from(encode('envoy.service.auth.v3.CheckRequest', message)),
    responseSerialize: (message: CheckResponse) => Buffer.from(encode('envoy.service.auth.v3.CheckResponse', message)),
    responseDeserialize: (bytes: Buffer) => decode('envoy.service.auth.v3.CheckResponse', bytes),
  } as const;
  server.addService({ check }, {
    check: ({ request }: { request: CheckRequest }, answer: (error: null, response: CheckResponse) => void) => {
      questions.push(request);
      const { request: asked, source } = request.attributes ?? {};
      const isConnection = asked?.http === undefined;
      const isWelcome = isConnection
        ? source?.address?.socket_address?.address === '127.0.0.1'
        : asked?.http?.path === '/open';
      answer(null, { status: { code: isWelcome ? OK : PERMISSION_DENIED } });
    },
  } as never);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`${address}:0`, ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  return { port, questions, close: () => server.forceShutdown() };
}
