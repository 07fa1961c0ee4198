/** The gRPC server that Envoys ask: one stream for each request. */
import {
  status as Code,
  logVerbosity,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceDefinition,
  setLogVerbosity,
} from '@grpc/grpc-js';
import { bytesMethod } from '../../envoy/bytes-method';
import { decode, encode } from '../../envoy/message';
import { OneExchange } from './exchange';
import type { Handlers } from './handlers';

export interface ProcessorOptions {
  /** Where Envoys ask, in plaintext: the sidecar beside it speaks TLS. `HOST:PORT`; port 0 takes any. */
  readonly address: string;
  readonly handlers: Handlers;
  /** What went wrong in a handler; Envoy then does what its configuration says. Default: nobody is told. */
  readonly onError?: (error: Error) => void;
  /** The largest message, in bytes: a body and a little more. Default: 4 MiB. */
  readonly largestMessage?: number;
  /** Requests at once on one connection; further ones wait in Envoy. Default: 1,000. */
  readonly mostAtOnce?: number;
}

export interface RunningProcessor {
  readonly port: number;
  /** Takes no more requests, waits for those under way for five seconds, and ends. */
  stop(): Promise<void>;
}

const LARGEST_MESSAGE = 4 * 1024 * 1024;
const MOST_AT_ONCE = 1_000;
const DRAIN_MILLISECONDS = 5_000;

/** The service with messages as bytes; a client can be made of it too. */
export const processorDefinition = {
  Process: bytesMethod('/envoy.service.ext_proc.v3.ExternalProcessor/Process', { request: true, response: true }),
} as const satisfies ServiceDefinition;

/**
 * Serves handlers.
 * @throws Error when it cannot listen there.
 */
export async function serveProcessor(options: ProcessorOptions): Promise<RunningProcessor> {
  const { address, handlers, onError, largestMessage = LARGEST_MESSAGE, mostAtOnce = MOST_AT_ONCE } = options;
  setLogVerbosity(logVerbosity.NONE);
  const server = new Server({
    'grpc.max_receive_message_length': largestMessage,
    'grpc.max_concurrent_streams': mostAtOnce,
  });
  const Process = (stream: ServerDuplexStream<Buffer, Buffer>) => converse(stream, handlers, onError);
  server.addService(processorDefinition as ServiceDefinition, { Process });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(new Error(`cannot serve gRPC on ${address}: ${error.message}`)) : resolve(bound),
    );
  });
  return {
    port,
    stop: () =>
      new Promise((resolve) => {
        const force = setTimeout(() => server.forceShutdown(), DRAIN_MILLISECONDS);
        server.tryShutdown(() => {
          clearTimeout(force);
          resolve();
        });
      }),
  };
}

/** One message after the other: Envoy waits for each answer, and nothing is read ahead. */
function converse(
  stream: ServerDuplexStream<Buffer, Buffer>,
  handlers: Handlers,
  onError: ProcessorOptions['onError'],
): void {
  const exchange = new OneExchange(handlers);
  const answer = async (message: Buffer) => {
    const response = await exchange.answer(decode('envoy.service.ext_proc.v3.ProcessingRequest', message));
    return Buffer.from(encode('envoy.service.ext_proc.v3.ProcessingResponse', response));
  };
  stream.on('data', (message: Buffer) => {
    stream.pause();
    answer(message).then(
      (response) => {
        if (stream.cancelled) return;
        stream.write(response);
        stream.resume();
      },
      (error: Error) => {
        // Envoy that goes away is no mistake of a handler.
        if (stream.cancelled) return;
        onError?.(error);
        // What a handler says of its mistake is for its operator, not for the proxy's log.
        stream.emit('error', { code: Code.INTERNAL, details: 'a handler failed' });
      },
    );
  });
  stream.on('end', () => stream.end());
  stream.on('error', () => {});
}
