/** The timeout of a route bounds a request with all its retries (VirtualService reference, `timeout`, `perTryTimeout`). */
import { parseDuration } from '../../api/duration';
import type { HTTPRetry, HTTPRoute } from '../../api/networking/http-route';
import { VirtualService } from '../../api/networking/virtual-service';
import { findingAbout } from '../catalogue';
import type { Finding } from '../finding';
import type { Analysis } from './analysis';

const NAME = 'virtualservice.RetryTimeoutAnalyzer';

/** How often a request is tried again where `retries` does not say. */
const DEFAULT_ATTEMPTS = 2;

export function retryTimeouts(analysis: Analysis): Finding[] {
  const meshWide = analysis.meshConfig.defaultHttpRetryPolicy;
  return analysis.of<VirtualService>(VirtualService).flatMap((object) =>
    (object.spec.http ?? []).flatMap((route, index) => {
      const message = tooShort(route, route.retries ?? meshWide);
      return message ? [findingAbout(object, 'MAL0005', NAME, { path: `spec.http[${index}].timeout`, message })] : [];
    }),
  );
}

function tooShort({ timeout }: HTTPRoute, retries: HTTPRetry | undefined): string | undefined {
  const limit = parseDuration(timeout ?? '') ?? 0;
  const tryLimit = parseDuration(retries?.perTryTimeout ?? '') ?? 0;
  const attempts = retries?.attempts ?? DEFAULT_ATTEMPTS;
  if (limit <= 0 || tryLimit <= 0 || attempts <= 0) return undefined;
  if (limit <= tryLimit) {
    return `the timeout of ${timeout} ends the request before the first try does, after ${retries!.perTryTimeout}, so that no try that takes too long is repeated`;
  }
  const whole = Math.floor(limit / tryLimit);
  if (whole > attempts) return undefined;
  return `the timeout of ${timeout} leaves time for ${whole} of ${attempts + 1} tries of ${retries!.perTryTimeout} each`;
}
