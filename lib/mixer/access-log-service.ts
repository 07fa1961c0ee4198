/** Envoy's access log service: takes in what proxies stream, and answers when they are done. */
import {
  status as Code,
  type ServerReadableStream,
  type ServiceDefinition,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { decode } from '../envoy/message';
import { httpCall, tcpCall } from './access-log-entry';
import { entriesIn, LogBudget } from './log-budget';
import type { ObservedCalls } from './observed-calls';

const bytes = (value: Buffer) => value;

/** The service with messages as bytes; a client can be made of it too. */
export const accessLogDefinition = {
  StreamAccessLogs: {
    path: '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs',
    requestStream: true,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  },
} as const satisfies ServiceDefinition;

export interface AccessLogEvents {
  /** Entries came in. */
  received?(entries: number): void;
  /** Entries came faster than they can be counted, and were let go. */
  lost?(entries: number): void;
  /** A stream was ended because its message could not be read. */
  refused?(error: Error): void;
}

/**
 * The service that counts into `calls`. Only the first message of a stream says who streams.
 * @param budget what is taken in, of all streams together; the rest is let go unread.
 */
export function accessLogService(
  calls: ObservedCalls,
  events: AccessLogEvents = {},
  budget = new LogBudget(),
): { definition: ServiceDefinition; implementation: UntypedServiceImplementation } {
  const StreamAccessLogs = (call: ServerReadableStream<Buffer, Buffer>, respond: sendUnaryData<Buffer>) => {
    let nodeId: string | undefined;
    let isOver = false;
    call.on('data', (message: Buffer) => {
      if (isOver) return;
      try {
        // Only the first message says who streams: it is always read.
        if (nodeId !== undefined && !budget.take(entriesIn(message))) events.lost?.(entriesIn(message));
        else nodeId = count(calls, message, nodeId, events);
      } catch (error) {
        isOver = true;
        events.refused?.(error as Error);
        respond({ code: Code.INVALID_ARGUMENT, details: (error as Error).message });
      }
    });
    call.on('end', () => {
      // StreamAccessLogsResponse has no fields.
      if (!isOver) respond(null, Buffer.alloc(0));
    });
    // A proxy that goes away is no failure; there is nothing to clean up.
    call.on('error', () => {
      isOver = true;
    });
  };
  return { definition: accessLogDefinition, implementation: { StreamAccessLogs } };
}

/** Returns the node id that holds for the rest of the stream. */
function count(calls: ObservedCalls, bytes: Buffer, before: string | undefined, events: AccessLogEvents): string {
  const message = decode('envoy.service.accesslog.v3.StreamAccessLogsMessage', bytes);
  const nodeId = before ?? message.identifier?.node?.id;
  if (!nodeId) throw new Error('the first message of a stream of access logs has no identifier.node.id');
  const http = message.http_logs?.log_entry ?? [];
  const tcp = message.tcp_logs?.log_entry ?? [];
  events.received?.(http.length + tcp.length);
  const logged = [...http.map((entry) => httpCall(nodeId, entry)), ...tcp.map((entry) => tcpCall(nodeId, entry))];
  for (const each of logged) if (each) calls.observe(each.call, each.milliseconds);
  return nodeId;
}
