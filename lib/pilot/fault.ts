/** The fault filter: its place in the chain, and what a route makes it do. */

import type { HTTPFaultInjection, Percent } from '../api';
import { GRPC_STATUSES } from '../api/networking/grpc-status';
import type { envoy, google } from '../envoy/generated/envoy';
import { any } from '../envoy/message';
import { duration, fraction, percentOr } from './shapes';

export const FAULT_FILTER = 'envoy.filters.http.fault';

const CONFIG = 'envoy.extensions.filters.http.fault.v3.HTTPFault';

/** The filter does nothing by itself. */
export function faultFilter(): envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter {
  return { name: FAULT_FILTER, typed_config: any(CONFIG, {}) };
}

/**
 * For `typed_per_filter_config` of a route; undefined when there is nothing to do. Without a percentage nothing is delayed and
 * everything aborted, as the API's document says of either.
 */
export function faultOf(fault: HTTPFaultInjection | undefined): google.protobuf.Any | undefined {
  const delay = fault?.delay?.fixedDelay
    ? {
        fixed_delay: duration(fault.delay.fixedDelay),
        percentage: fraction(percentOr(fault.delay.percentage ?? deprecated(fault.delay.percent), 0)),
      }
    : undefined;
  const abort = fault?.abort ? abortOf(fault.abort) : undefined;
  return delay || abort ? any(CONFIG, { ...(delay && { delay }), ...(abort && { abort }) }) : undefined;
}

function abortOf(abort: NonNullable<HTTPFaultInjection['abort']>) {
  const percentage = fraction(percentOr(abort.percentage, 100));
  if (abort.httpStatus !== undefined) return { http_status: abort.httpStatus, percentage };
  const grpc = abort.grpcStatus === undefined ? undefined : grpcStatus(abort.grpcStatus);
  return grpc === undefined ? undefined : { grpc_status: grpc, percentage };
}

/** `percent` was a whole number; 0 is what the API says of a field that is left out. */
function deprecated(percent: number | undefined): Percent | undefined {
  return percent ? { value: percent } : undefined;
}

function grpcStatus(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text);
  const code = GRPC_STATUSES.indexOf(text.toUpperCase());
  return code < 0 ? undefined : code;
}
