/** Asks a replica, over gRPC and by the control plane's own certificate, what its proxies have made of the objects. */
import {
  type ClientReadableStream,
  credentials,
  makeGenericClientConstructor,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { readMessage } from './object-reports';
import type { WatchReports } from './replica-reports';
import { reportServiceDefinition } from './report-service';

/** All in PEM. */
export interface ReplicaIdentity {
  readonly chainPem: string;
  readonly keyPem: string;
  readonly roots: readonly string[];
}

/** A replica tells of ten thousand objects in less than 2 MiB. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

const Client = makeGenericClientConstructor(reportServiceDefinition as ServiceDefinition, 'ProxyReports');
type Watching = { Watch(request: Buffer): ClientReadableStream<Buffer> };

/**
 * @param identity as it is at the moment of a call.
 * @param host the name that the replica's certificate has to have.
 */
export function watchReports(identity: () => ReplicaIdentity, host: string): WatchReports {
  return (address, onMessage, onEnd) => {
    const { chainPem, keyPem, roots } = identity();
    const pem = (text: string) => Buffer.from(text);
    const client = new Client(address, credentials.createSsl(pem(roots.join('\n')), pem(keyPem), pem(chainPem)), {
      'grpc.ssl_target_name_override': host,
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      // A node that has vanished must not be taken for a replica without news.
      'grpc.keepalive_time_ms': 10_000,
      'grpc.keepalive_timeout_ms': 5_000,
    });
    const stream = (client as unknown as Watching).Watch(Buffer.alloc(0));
    let isOver = false;
    const over = (error?: Error) => {
      if (isOver) return;
      isOver = true;
      stream.cancel();
      client.close();
      onEnd(error);
    };
    stream.on('data', (bytes: Buffer) => {
      try {
        if (!isOver) onMessage(readMessage(bytes));
      } catch (error) {
        over(error as Error);
      }
    });
    stream.on('error', over);
    stream.on('end', () => over());
    return () => over();
  };
}
