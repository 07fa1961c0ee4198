/**
 * Asks a replica, over gRPC and by the control plane's own certificate, what its proxies have made of the objects, and how it
 * goes there altogether.
 */
import {
  type CallOptions,
  type Client as Channel,
  type ClientReadableStream,
  status as Code,
  credentials,
  makeGenericClientConstructor,
  type ServiceDefinition,
  type ServiceError,
} from '@grpc/grpc-js';
import { readMessage } from './object-reports';
import type { WatchReports } from './replica-reports';
import { type AskReplica, type ReplicaMessage, readReplicaMessage } from './replica-statuses';
import { reportServiceDefinition } from './report-service';

/** All in PEM. */
export interface ReplicaIdentity {
  readonly chainPem: string;
  readonly keyPem: string;
  readonly roots: readonly string[];
}

/** A replica tells of ten thousand objects in less than 2 MiB, and the status of 5,000 proxies is some 5 MB. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

const Client = makeGenericClientConstructor(reportServiceDefinition as ServiceDefinition, 'ProxyReports');
type Watching = { Watch(request: Buffer): ClientReadableStream<Buffer> };
type Asking = {
  Status(request: Buffer, options: CallOptions, done: (error: ServiceError | null, answer?: Buffer) => void): void;
};

/** A replica that takes longer to tell its status is told of as one that does not answer. Milliseconds. */
const STATUS_WITHIN_MS = 5_000;

/** @param host the name that the replica's certificate has to have. */
function connect(address: string, { chainPem, keyPem, roots }: ReplicaIdentity, host: string): Channel {
  const pem = (text: string) => Buffer.from(text);
  return new Client(address, credentials.createSsl(pem(roots.join('\n')), pem(keyPem), pem(chainPem)), {
    'grpc.ssl_target_name_override': host,
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    // A node that has vanished must not be taken for a replica without news.
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
  });
}

/**
 * @param replica who asks.
 * @param identity as it is at the moment of a call.
 * @param host the name that the replica's certificate has to have.
 */
export function askReplica(replica: string, identity: () => ReplicaIdentity, host: string): AskReplica {
  return async (address) => {
    const client = connect(address, identity(), host);
    try {
      return await new Promise<ReplicaMessage>((resolve, reject) => {
        const deadline = Date.now() + STATUS_WITHIN_MS;
        (client as unknown as Asking).Status(Buffer.from(replica), { deadline }, (error, answer) => {
          if (error) reject(new Error(reasonOf(error)));
          else
            try {
              resolve(readReplicaMessage(answer!));
            } catch (problem) {
              reject(problem as Error);
            }
        });
      });
    } finally {
      client.close();
    }
  };
}

function reasonOf({ code, details }: ServiceError): string {
  switch (code) {
    case Code.DEADLINE_EXCEEDED:
      return `no answer within ${STATUS_WITHIN_MS / 1000} s`;
    case Code.UNIMPLEMENTED:
      return 'it is of a version that does not tell its status to others';
    default:
      return `${Code[code]}: ${details}`;
  }
}

/**
 * @param identity as it is at the moment of a call.
 * @param host the name that the replica's certificate has to have.
 */
export function watchReports(identity: () => ReplicaIdentity, host: string): WatchReports {
  return (address, onMessage, onEnd) => {
    const client = connect(address, identity(), host);
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
