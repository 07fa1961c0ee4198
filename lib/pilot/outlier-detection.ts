/** Ejection of failing endpoints, from `trafficPolicy.outlierDetection`. */
import type { OutlierDetection } from '../api';
import type { envoy } from '../envoy/generated/envoy';
import { duration, unlessEmpty } from './shapes';

type Ejection = Pick<envoy.config.cluster.v3.Cluster, 'outlier_detection'>;

export function outlierDetection(settings: OutlierDetection | undefined): Ejection {
  if (!settings) return {};
  const { consecutive5xxErrors: errors, consecutiveGatewayErrors: gatewayErrors } = settings;
  const split = settings.splitExternalLocalOriginErrors;
  return {
    outlier_detection: {
      // Statistics over all endpoints are not part of the API.
      enforcing_success_rate: 0,
      ...(errors !== undefined && { consecutive_5xx: errors, enforcing_consecutive_5xx: errors > 0 ? 100 : 0 }),
      // Envoy only watches gateway errors by default; who asks for a number wants ejection.
      ...(gatewayErrors !== undefined && {
        consecutive_gateway_failure: gatewayErrors,
        enforcing_consecutive_gateway_failure: gatewayErrors > 0 ? 100 : 0,
      }),
      ...(split && {
        split_external_local_origin_errors: true,
        ...localOrigin(settings.consecutiveLocalOriginFailures),
      }),
      ...unlessEmpty({
        interval: duration(settings.interval),
        base_ejection_time: duration(settings.baseEjectionTime),
        max_ejection_percent: settings.maxEjectionPercent || undefined,
      }),
    },
  };
}

/** Answers that count as errors, where they are not those of 5xx. */
export function errorCodes(
  settings: OutlierDetection | undefined,
): envoy.extensions.upstreams.http.v3.HttpProtocolOptions.OutlierDetection | undefined {
  const codes = settings?.outlierDetectionHttpErrorCodes;
  if (!codes?.length) return undefined;
  const header = { name: ':status', string_match: { safe_regex: { regex: [...new Set(codes)].join('|') } } };
  return { error_matcher: { http_response_headers_match: { headers: [header] } } };
}

/** A few Pods are quickly all ejected; Envoy's panic at 50 % would then send to the broken ones again. */
export function panicThreshold(
  settings: OutlierDetection | undefined,
): Pick<envoy.config.cluster.v3.Cluster.CommonLbConfig, 'healthy_panic_threshold'> {
  return settings ? { healthy_panic_threshold: { value: settings.minHealthPercent ?? 0 } } : {};
}

function localOrigin(failures: number | undefined): envoy.config.cluster.v3.OutlierDetection {
  return {
    ...(failures !== undefined && {
      consecutive_local_origin_failure: failures,
      enforcing_consecutive_local_origin_failure: failures > 0 ? 100 : 0,
    }),
    enforcing_local_origin_success_rate: 0,
  };
}
