/**
 * Tells another replica, over gRPC, what the proxies of this one have made of the objects, and how it goes here altogether. Only
 * a replica of the same control plane is told; the service is for connections by TLS alone.
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
import type { ReplicaMessage } from './replica-statuses';

/** Messages are JSON; a client can be made of it too. */
export const reportServiceDefinition = {
  Watch: bytesMethod('/malha.v1.ProxyReports/Watch', { response: true }),
  /** The request says which replica asks, so that one that asks itself is not told. */
  Status: bytesMethod('/malha.v1.ProxyReports/Status'),
} as const satisfies ServiceDefinition;

type Call = ServerWritableStream<Buffer, Buffer>;
type StatusCall = ServerUnaryCall<Buffer, Buffer>;

export interface ReportServiceOptions {
  /** Who tells. */
  readonly replica: string;
  /** What people call it: its Pod. */
  readonly name: string;
  /** How it goes here, as a value of JSON. */
  readonly status: () => object;
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
  const { replica, name, status, authorize, log } = options;
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
  const Status = (call: StatusCall, respond: sendUnaryData<Buffer>) => {
    authorize(call).then(
      () => {
        const isSelf = call.request.toString() === replica;
        const message: ReplicaMessage = { replica, name, ...(!isSelf && { status: status() }) };
        respond(null, Buffer.from(JSON.stringify(message)));
      },
      (error: Error) => respond(refused(call, error)),
    );
  };
  return { definition: reportServiceDefinition as ServiceDefinition, implementation: { Watch, Status } };
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
