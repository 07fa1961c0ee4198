/** Copies of requests, from `mirror` and `mirrors`. */
import type { Destination, HTTPRoute } from '../api';
import type { envoy } from '../envoy/generated/envoy';
import { fraction, percentOr } from './shapes';

type MirrorPolicy = envoy.config.route.v3.RouteAction.RequestMirrorPolicy;

export function mirrorsOf(route: HTTPRoute, clusterOf: (destination: Destination) => string): MirrorPolicy[] {
  const policies = (route.mirrors ?? []).map(({ destination, percentage }) => ({
    destination,
    percent: percentOr(percentage, 100),
  }));
  if (route.mirror) {
    const deprecated = route.mirrorPercent ?? route.mirror_percent;
    policies.push({ destination: route.mirror, percent: percentOr(route.mirrorPercentage, deprecated ?? 100) });
  }
  return policies
    .filter(({ percent }) => percent > 0)
    .map(({ destination, percent }) => ({
      cluster: clusterOf(destination),
      runtime_fraction: { default_value: fraction(percent) },
    }));
}
