/** Retries of a route. Without any word about them, requests are retried where that is safe, as the API documents. */
import type { HTTPRetry } from '../api';
import type { envoy } from '../envoy/generated/envoy';
import { any } from '../envoy/message';
import { duration } from './shapes';

type RetryPolicy = envoy.config.route.v3.RetryPolicy;

const DEFAULT_RETRY_ON = 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes';
const DEFAULT_ATTEMPTS = 2;
/** How often another endpoint is sought when the chosen one was tried before. */
const HOST_SELECTION_ATTEMPTS = 5;

/** One for the routes that say nothing, and one for each setting; frozen, so that each is encoded once. */
const made = new WeakMap<HTTPRetry, RetryPolicy>();
const UNSAID: HTTPRetry = {};

/** @param retries of the route, else of the mesh. Undefined result: no retries. */
export function retryPolicy(retries: HTTPRetry = UNSAID): RetryPolicy | undefined {
  let policy = made.get(retries);
  if (!policy) {
    policy = policyOf(retries);
    if (policy) made.set(retries, Object.freeze(policy));
  }
  return policy;
}

function policyOf(retries: HTTPRetry): RetryPolicy | undefined {
  const attempts = retries.attempts ?? DEFAULT_ATTEMPTS;
  if (attempts <= 0) return undefined;
  return {
    ...conditions(retries.retryOn || DEFAULT_RETRY_ON),
    num_retries: attempts,
    ...(retries.perTryTimeout && { per_try_timeout: duration(retries.perTryTimeout) }),
    ...(retries.retryRemoteLocalities && {
      retry_priority: {
        name: 'envoy.retry_priorities.previous_priorities',
        typed_config: any('envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig', {
          update_frequency: 2,
        }),
      },
    }),
    ...(retries.retryIgnorePreviousHosts !== false && {
      retry_host_predicate: [
        {
          name: 'envoy.retry_host_predicates.previous_hosts',
          typed_config: any('envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate', {}),
        },
      ],
      host_selection_retry_max_attempts: HOST_SELECTION_ATTEMPTS,
    }),
    ...(retries.backoff && { retry_back_off: { base_interval: duration(retries.backoff) } }),
  };
}

/** Envoy keeps status codes apart from the conditions that have names. */
function conditions(text: string): Pick<RetryPolicy, 'retry_on' | 'retriable_status_codes'> {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);
  const codes = parts.filter((part) => /^\d+$/.test(part)).map(Number);
  const names = parts.filter((part) => !/^\d+$/.test(part));
  if (codes.length === 0) return { retry_on: names.join(',') };
  if (!names.includes('retriable-status-codes')) names.push('retriable-status-codes');
  return { retry_on: names.join(','), retriable_status_codes: codes };
}
