/** Faults that a route injects on purpose, to see how callers cope with them. */
import { described, duration, int32, message, type Static, text, unserved } from '../schema';
import { Percent } from './destination';

export const HTTPFaultDelay = message(
  {
    fixedDelay: duration('How long the request is held.'),
    exponentialDelay: unserved(duration('Deprecated; has no effect.')),
    percentage: described(Percent, 'The share of requests that is delayed. Default: none.'),
    percent: int32('Deprecated form of `percentage`, a whole number.'),
  },
  { description: 'Holds requests before they are forwarded.', exclusive: [['fixedDelay', 'exponentialDelay']] },
);
export type HTTPFaultDelay = Static<typeof HTTPFaultDelay>;

export const HTTPFaultAbort = message(
  {
    httpStatus: int32('The HTTP status of the answer, 200 to 599.'),
    grpcStatus: text('The gRPC status of the answer, by name or number.'),
    http2Error: unserved(text('Has no effect.')),
    percentage: described(Percent, 'The share of requests that is answered so. Default: all.'),
  },
  {
    description: 'Answers requests with an error instead of forwarding them.',
    exclusive: [['httpStatus', 'grpcStatus', 'http2Error']],
  },
);
export type HTTPFaultAbort = Static<typeof HTTPFaultAbort>;

export const HTTPFaultInjection = message(
  { delay: HTTPFaultDelay, abort: HTTPFaultAbort },
  { description: 'Delays and errors that are made on purpose.' },
);
export type HTTPFaultInjection = Static<typeof HTTPFaultInjection>;
