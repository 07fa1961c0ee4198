/** Faults that a route injects on purpose, so that one can see how callers cope with them. */
import type { HTTPFaultInjection } from '../lib/api';
import { type Duration, durationText, Percent, percentOf } from './units';

const ALL = Percent.of(100);

/** Which part of the requests a fault hits. */
export interface FaultOptions {
  /** Default: all of them. */
  readonly share?: Percent;
}

/** A fault: `Fault.delay(Duration.seconds(2))`, `Fault.abort(503, { share: Percent.of(10) })`. */
export class Fault {
  /** Requests wait before they go on. */
  static delay(time: Duration, { share = ALL }: FaultOptions = {}): Fault {
    const percentage = { value: percentOf(share, 'share of Fault.delay') };
    return new Fault({ delay: { fixedDelay: durationText(time), percentage } });
  }

  /**
   * Requests are answered with a status of HTTP, and do not go on.
   * @throws when `status` is not from 200 to 599.
   */
  static abort(status: number, { share = ALL }: FaultOptions = {}): Fault {
    if (!Number.isInteger(status) || status < 200 || status > 599) {
      throw new Error(`status of Fault.abort: got ${status}; allowed: a whole number from 200 to 599`);
    }
    return new Fault({
      abort: { httpStatus: status, percentage: { value: percentOf(share, 'share of Fault.abort') } },
    });
  }

  /** Requests of gRPC are answered with a status of gRPC, by name: `UNAVAILABLE`. */
  static abortGrpc(status: string, { share = ALL }: FaultOptions = {}): Fault {
    return new Fault({
      abort: { grpcStatus: status, percentage: { value: percentOf(share, 'share of Fault.abortGrpc') } },
    });
  }

  private constructor(
    /** As a route of a VirtualService has it. @internal */
    readonly injection: HTTPFaultInjection,
  ) {}
}
