/**
 * Envoy's access log service: takes in what proxies stream, and answers when they are done. Where callers prove who they are,
 * a proxy tells of itself alone: nothing is read before its credential has been looked at, its node id has to be that of its own
 * workload (as for ADS), and entries of the callee's side have to name the certificate that it has proven.
 */
import {
  status as Code,
  type ServerReadableStream,
  type ServiceDefinition,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { bytesMethod } from '../envoy/bytes-method';
import type { envoy } from '../envoy/generated/envoy';
import { decode } from '../envoy/message';
import { addressOfPeer, formatIdentity, type Identity, provenProxy, type WorldView } from '../world';
import { httpCall, ownIdentity, tcpCall } from './access-log-entry';
import { entriesIn, LogBudget } from './log-budget';
import type { ObservedCalls } from './observed-calls';
import type { RecentRequests } from './recent-requests';

/** The service with messages as bytes; a client can be made of it too. */
export const accessLogDefinition = {
  StreamAccessLogs: bytesMethod('/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs', { request: true }),
} as const satisfies ServiceDefinition;

export interface AccessLogEvents {
  /** Entries came in. */
  received?(entries: number): void;
  /** Entries came faster than they can be counted, and were let go. */
  lost?(entries: number): void;
  /** A stream was ended: it cannot be read, or tells of somebody else. The message names the identity, where one was proven. */
  refused?(error: Error): void;
}

/** What somebody has proven who streams. */
export interface LogCredential {
  readonly identity: Identity;
  /** The stream ends with it. */
  readonly expiresAt: Date;
}

type Call = ServerReadableStream<Buffer, Buffer>;

export interface AccessLogServiceOptions extends AccessLogEvents {
  /** Where calls are counted. */
  readonly calls: ObservedCalls;
  /** Where the last ones are kept by themselves. Default: nowhere. */
  readonly recent?: RecentRequests;
  /** What is taken in, of all streams together; the rest is let go unread. Default: one of this service's own. */
  readonly budget?: LogBudget;
  /** Who streams. Default: whoever reaches the port is believed. @throws Error for callers without a credential. */
  readonly callerOf?: (call: Call) => Promise<LogCredential>;
  /** The World in force, for `callerOf`; undefined before the first. */
  readonly world?: () => WorldView | undefined;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

type Message = envoy.service.accesslog.v3.StreamAccessLogsMessage;

class Refusal extends Error {
  constructor(
    readonly code: Code,
    message: string,
    /** For the caller; what is wrong with a credential is nobody's business but ours. */
    readonly details = message,
  ) {
    super(message);
  }
}

/** The service that counts calls. Only the first message of a stream says who streams. */
export function accessLogService(options: AccessLogServiceOptions): {
  definition: ServiceDefinition;
  implementation: UntypedServiceImplementation;
} {
  const budget = options.budget ?? new LogBudget();
  const StreamAccessLogs = (call: Call, respond: sendUnaryData<Buffer>) => {
    let isOver = false;
    const refuse = (error: Error) => {
      if (isOver) return;
      isOver = true;
      options.refused?.(error);
      const refusal = error instanceof Refusal ? error : new Refusal(Code.INVALID_ARGUMENT, error.message);
      respond({ code: refusal.code, details: refusal.details });
    };
    // A proxy that goes away is no failure; there is nothing to clean up.
    call.on('error', () => {
      isOver = true;
    });
    const read = (credential?: LogCredential) => {
      const log = new ProxyLog(call.getPeer(), credential, budget, options);
      call.on('data', (message: Buffer) => {
        if (isOver) return;
        try {
          log.take(message);
        } catch (error) {
          refuse(error as Error);
        }
      });
      call.on('end', () => {
        // StreamAccessLogsResponse has no fields.
        if (!isOver) respond(null, Buffer.alloc(0));
      });
    };
    // Until somebody listens for data, what a caller sends waits at its own end, beyond one window.
    if (options.callerOf) options.callerOf(call).then(read, (error: Error) => refuse(unknownCaller(error)));
    else read();
  };
  return { definition: accessLogDefinition, implementation: { StreamAccessLogs } };
}

function unknownCaller(error: Error & { isTemporary?: boolean }): Refusal {
  return error.isTemporary
    ? new Refusal(Code.UNAVAILABLE, error.message, 'credentials cannot be checked now: try again')
    : new Refusal(Code.UNAUTHENTICATED, error.message, 'no valid credential');
}

/** One stream. */
class ProxyLog {
  private nodeId?: string;
  /** The World in which the proxy was last found to be the caller's. */
  private provenIn?: WorldView;

  constructor(
    private readonly peer: string,
    private readonly credential: LogCredential | undefined,
    private readonly budget: LogBudget,
    private readonly options: AccessLogServiceOptions,
  ) {}

  /** @throws Error when the stream has to end. */
  take(bytes: Buffer): void {
    // Only the first message says who streams: it is always read.
    if (this.nodeId !== undefined && !this.budget.take(entriesIn(bytes))) {
      this.options.lost?.(entriesIn(bytes));
      return;
    }
    const message = decode('envoy.service.accesslog.v3.StreamAccessLogsMessage', bytes);
    this.nodeId ??= message.identifier?.node?.id;
    if (!this.nodeId) throw new Error('the first message of a stream of access logs has no identifier.node.id');
    if (this.credential) this.checkCaller(this.nodeId, this.credential);
    this.count(this.nodeId, message);
  }

  /** As for ADS: the workload of the node id has to be the caller's, for as long as it streams. */
  private checkCaller(nodeId: string, { identity, expiresAt }: LogCredential): void {
    const { now = Date.now, world: worldInForce } = this.options;
    if (expiresAt.getTime() <= now()) {
      const problem = `the credential of ${formatIdentity(identity)} has expired`;
      throw new Refusal(Code.UNAUTHENTICATED, problem, 'no valid credential');
    }
    const world = worldInForce?.();
    if (world && world === this.provenIn) return;
    const found = world && provenProxy(world, nodeId, { identity, address: addressOfPeer(this.peer) });
    if (found?.kind === 'refused') {
      throw new Refusal(Code.PERMISSION_DENIED, found.reason, 'the node is not that of the credential');
    }
    if (found?.kind !== 'proven') {
      const problem = `${formatIdentity(identity)} streams for a workload that is not known`;
      throw new Refusal(Code.UNAVAILABLE, problem, 'the workload is not known, or not yet: try again');
    }
    this.provenIn = world;
  }

  private count(nodeId: string, { http_logs, tcp_logs }: Message): void {
    const { calls, recent, received } = this.options;
    const http = http_logs?.log_entry ?? [];
    const tcp = tcp_logs?.log_entry ?? [];
    received?.(http.length + tcp.length);
    for (const { common_properties: common } of [...http, ...tcp]) this.checkSide(ownIdentity(nodeId, common ?? {}));
    const logged = [...http.map((entry) => httpCall(nodeId, entry)), ...tcp.map((entry) => tcpCall(nodeId, entry))];
    for (const each of logged) if (each) calls.observe(each.call, each.milliseconds);
    for (const entry of http) recent?.addHttp(nodeId, entry);
    for (const entry of tcp) recent?.addTcp(nodeId, entry);
  }

  /** A proxy that says to have been called under another name than its own forges the calls of somebody else. */
  private checkSide(claimed: string | undefined): void {
    const own = this.credential && formatIdentity(this.credential.identity);
    if (!own || claimed === undefined || claimed === own) return;
    const problem = `${own} tells of calls to ${claimed.slice(0, 253)}`;
    throw new Refusal(Code.PERMISSION_DENIED, problem, 'entries are for the calls of the proxy itself');
  }
}
