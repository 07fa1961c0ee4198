/**
 * Asks a replica, over gRPC and by the control plane's own certificate, what its proxies have made of the objects, and what else it
 * alone knows of them.
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
import { type AskReplica, type Question, type ReplicaMessage, readReplicaMessage } from './replica-answers';
import type { WatchReports } from './replica-reports';
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
  Ask(request: Buffer, options: CallOptions, done: (error: ServiceError | null, answer?: Buffer) => void): void;
};

/** How long a replica has for an answer; one that takes longer is told of as one that does not answer. Milliseconds. */
const ANSWER_WITHIN_MS = 5_000;
/**
 * One that has let that time pass has this much for the next while: who looks at a mesh again and again, as a console does, should not
 * wait each time for a node that is gone. Milliseconds.
 */
const LATE = { answerWithin: 1_000, for: 30_000 };
const MOST_LATE = 100;

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
 * @param host the name that the certificate of the replica there has to have.
 */
export function askReplica(
  replica: string,
  identity: () => ReplicaIdentity,
  host: (address: string) => string,
): AskReplica {
  /** Until when they have less time, by address. */
  const late = new Map<string, number>();
  const patienceWith = (address: string) =>
    (late.get(address) ?? 0) > Date.now() ? LATE.answerWithin : ANSWER_WITHIN_MS;
  return async (address, question) => {
    const patience = patienceWith(address);
    const client = connect(address, identity(), host(address));
    const request: Question = { replica, ...question };
    try {
      return await new Promise<ReplicaMessage>((resolve, reject) => {
        const options = { deadline: Date.now() + patience };
        (client as unknown as Asking).Ask(Buffer.from(JSON.stringify(request)), options, (error, answer) => {
          if (!error) late.delete(address);
          else if (error.code === Code.DEADLINE_EXCEEDED && patience === ANSWER_WITHIN_MS) {
            if (late.size >= MOST_LATE) late.clear();
            late.set(address, Date.now() + LATE.for);
          }
          if (error) reject(new Error(reasonOf(error, patience)));
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

function reasonOf({ code, details }: ServiceError, patience: number): string {
  switch (code) {
    case Code.DEADLINE_EXCEEDED:
      return `no answer within ${patience / 1000} s`;
    case Code.UNIMPLEMENTED:
      return 'it is of a version that does not tell this to others';
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
