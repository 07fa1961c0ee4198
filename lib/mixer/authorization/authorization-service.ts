/**
 * Envoy's external authorization (envoy.service.auth.v3): proxies ask whether a request may pass, checks of plugins answer. Every
 * question that is read gets a decision: what fails, comes late, or comes when too many wait already, is refused here, so that a
 * proxy which lets requests pass while nobody answers (`failOpen`) does so only while nobody answers.
 */
import { status as Code, type ServerUnaryCall, type ServiceDefinition, type sendUnaryData } from '@grpc/grpc-js';
import { bytesMethod } from '../../envoy/bytes-method';
import type { envoy } from '../../envoy/generated/envoy';
import { decode, encode } from '../../envoy/message';
import { decide, type LimitedCheck, type Outcome, type Verdict } from '../../plugin';
import { requestOf } from './authorization-request';

type Response = envoy.service.auth.v3.CheckResponse;
type Call = ServerUnaryCall<Buffer, Buffer>;

/** The service with messages as bytes; a client can be made of it too. */
export const authorizationDefinition = {
  Check: bytesMethod('/envoy.service.auth.v3.Authorization/Check'),
} as const satisfies ServiceDefinition;

/** How a question ended; the label of a metric. `crowded`: too many waited already. `unreadable`: it is no question. */
export type AuthorizationOutcome = Outcome | 'crowded' | 'unreadable';

export const AUTHORIZATION_OUTCOMES: readonly AuthorizationOutcome[] = [
  'allowed',
  'denied',
  'failed',
  'late',
  'crowded',
  'unreadable',
];

export interface AuthorizationServiceOptions {
  readonly checks: readonly LimitedCheck[];
  /** For all checks of one request together. Default: 250. */
  readonly milliseconds?: number;
  /** Questions that may wait for an answer at once; beyond them they are refused with 503. Default: 1,000. */
  readonly mostWaiting?: number;
  /** @param by the check that decided, and what it said; nothing of the request. */
  readonly onDecision?: (outcome: AuthorizationOutcome, by?: string, reason?: string) => void;
}

const MILLISECONDS = 250;
const MOST_WAITING = 1_000;

export function authorizationService(options: AuthorizationServiceOptions) {
  const { checks, milliseconds = MILLISECONDS, mostWaiting = MOST_WAITING, onDecision } = options;
  let waiting = 0;
  const answer = async (message: Buffer): Promise<Response> => {
    if (waiting >= mostWaiting) {
      onDecision?.('crowded');
      return refusal(503, 'too many requests wait for an answer');
    }
    waiting++;
    try {
      const verdict = await decide(
        checks,
        requestOf(decode('envoy.service.auth.v3.CheckRequest', message)),
        milliseconds,
      );
      onDecision?.(verdict.outcome, verdict.by, verdict.reason);
      return responseOf(verdict);
    } catch (error) {
      onDecision?.('unreadable', undefined, (error as Error).message);
      return refusal(403, 'the question cannot be read');
    } finally {
      waiting--;
    }
  };
  const Check = (call: Call, respond: sendUnaryData<Buffer>) => {
    void answer(call.request).then((response) =>
      respond(null, Buffer.from(encode('envoy.service.auth.v3.CheckResponse', response))),
    );
  };
  return { definition: authorizationDefinition as ServiceDefinition, implementation: { Check } };
}

function responseOf({ outcome, reason = '', status = 403, headers }: Verdict): Response {
  if (outcome !== 'allowed') return refusal(status, reason);
  return {
    status: { code: Code.OK },
    ok_response: {
      headers: Object.entries(headers).map(([key, value]) => ({
        header: { key, value },
        append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
      })),
    },
  };
}

/** The reason is in the status, which Envoy tells no client; the client gets the code alone. */
function refusal(status: number, reason: string): Response {
  return {
    status: { code: Code.PERMISSION_DENIED, message: reason },
    denied_response: { status: { code: status as unknown as envoy.type.v3.StatusCode } },
  };
}
