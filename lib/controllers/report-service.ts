/**
 * Tells another replica, over gRPC, what the proxies of this one have made of the objects, and answers what else it asks about them.
 * Only a replica of the same control plane is told; the service is for connections by TLS alone.
 */
import {
  status as Code,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
} from '@grpc/grpc-js';
import type { KubeObject } from '../api/object';
import type { ReflectorClock } from '../discovery/kubernetes/reflector';
import { bytesMethod } from '../envoy/bytes-method';
import type { ProxyReports } from '../xds/local-reports';
import type { AuthenticatedCall } from '../xds/source';
import { ReportDifferences } from './object-reports';
import { type ReplicaMessage, readQuestion, type Topic } from './replica-answers';

/** Messages are JSON; a client can be made of it too. */
export const reportServiceDefinition = {
  Watch: bytesMethod('/malha.v1.ProxyReports/Watch', { response: true }),
  /** The question says which replica asks, so that one that asks itself is not told. */
  Ask: bytesMethod('/malha.v1.ProxyReports/Ask'),
} as const satisfies ServiceDefinition;

type Call = ServerWritableStream<Buffer, Buffer>;
type AskCall = ServerUnaryCall<Buffer, Buffer>;

export interface ReportServiceOptions {
  /** Who tells. */
  readonly replica: string;
  /** What people call it: its Pod. */
  readonly name: string;
  /** What others may ask about. */
  readonly topics: readonly Topic<unknown>[];
  readonly objects: () => readonly KubeObject[];
  readonly reports: ProxyReports;
  /** Rejects when the caller is no replica of this control plane. */
  readonly authorize: (call: AuthenticatedCall) => Promise<void>;
  readonly clock: ReflectorClock;
  readonly log: { warn(fields: object, message: string): void };
}

/** What comes together is told together. */
const GATHER_MS = 200;

const REFUSED = { code: Code.PERMISSION_DENIED, details: 'reports are for replicas of this control plane' };

export function reportService(options: ReportServiceOptions) {
  const { authorize, log } = options;
  const refused = (call: AuthenticatedCall, error: Error) => {
    log.warn({ peer: call.getPeer(), error: error.message }, 'reports refused');
    return REFUSED;
  };
  const Watch = (call: Call) => {
    authorize(call).then(
      () => tell(call, options),
      (error: Error) => call.emit('error', refused(call, error)),
    );
  };
  const Ask = (call: AskCall, respond: sendUnaryData<Buffer>) => {
    authorize(call).then(
      () => answer(call.request, options, respond),
      (error: Error) => respond(refused(call, error)),
    );
  };
  return { definition: reportServiceDefinition as ServiceDefinition, implementation: { Watch, Ask } };
}

function answer(
  request: Buffer,
  { replica, name, topics, log }: ReportServiceOptions,
  respond: sendUnaryData<Buffer>,
): void {
  try {
    const { replica: asking, topic: wanted, parameter } = readQuestion(request);
    const topic = topics.find((each) => each.name === wanted);
    if (!topic) {
      respond({ code: Code.UNIMPLEMENTED, details: 'nothing is known here about this topic' });
      return;
    }
    const message: ReplicaMessage = { replica, name, ...(asking !== replica && { answer: topic.answer(parameter) }) };
    respond(null, Buffer.from(JSON.stringify(message)));
  } catch (error) {
    log.warn({ error: (error as Error).message }, 'another replica gets no answer');
    respond({ code: Code.INTERNAL, details: 'it could not work out its answer: see its log' });
  }
}

function tell(call: Call, { replica, objects, reports, clock }: ReportServiceOptions): void {
  const differences = new ReportDifferences();
  let pending: (() => void) | undefined;
  let isOver = false;
  let isFirst = true;
  const send = () => {
    pending = undefined;
    // A reader that is slow gets what has come together when it is ready.
    if (isOver || call.writableNeedDrain) return;
    const changes = differences.next(objects(), reports.now());
    if (changes || isFirst) call.write(Buffer.from(JSON.stringify({ replica, changes: changes ?? {} })));
    isFirst = false;
  };
  const later = () => {
    if (!isOver) pending ??= clock.after(GATHER_MS, send);
  };
  const stop = reports.subscribe(later);
  const over = () => {
    isOver = true;
    pending?.();
    stop();
  };
  for (const event of ['cancelled', 'close', 'error']) call.on(event, over);
  call.on('drain', later);
  send();
}
