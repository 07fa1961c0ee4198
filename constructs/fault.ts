/** Faults that a route injects on purpose, so that one can see how callers cope with them. */
import type { HTTPFaultInjection } from '../lib/api';
import { type Duration, durationText, Percent } from './units';

/** Which part of the requests a fault hits. */
export interface FaultOptions {
  /** Default: all of them. */
  readonly share?: Percent;
}

/** A fault: `Fault.delay(Duration.seconds(2))`, `Fault.abort(503, { share: Percent.of(10) })`. */
export class Fault {
  /** Requests wait before they go on. */
  static delay(time: Duration, { share = Percent.of(100) }: FaultOptions = {}): Fault {
    return new Fault({ delay: { fixedDelay: durationText(time), percentage: { value: share.value } } });
  }

  /**
   * Requests are answered with a status of HTTP, and do not go on.
   * @throws when `status` is not from 200 to 599.
   */
  static abort(status: number, { share = Percent.of(100) }: FaultOptions = {}): Fault {
    if (!Number.isInteger(status) || status < 200 || status > 599) {
      throw new Error(`status of Fault.abort: got ${status}; allowed: a whole number from 200 to 599`);
    }
    return new Fault({ abort: { httpStatus: status, percentage: { value: share.value } } });
  }

  /** Requests of gRPC are answered with a status of gRPC, by name: `UNAVAILABLE`. */
  static abortGrpc(status: string, { share = Percent.of(100) }: FaultOptions = {}): Fault {
    return new Fault({ abort: { grpcStatus: status, percentage: { value: share.value } } });
  }

  private constructor(
    /** As a route of a VirtualService has it. @internal */
    readonly injection: HTTPFaultInjection,
  ) {}
}
