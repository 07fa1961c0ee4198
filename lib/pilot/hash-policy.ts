/** What a route hashes for the clusters that balance by it: the other half of `loadBalancer.consistentHash`. */
import type { LoadBalancerSettings } from '../api';
import type { envoy } from '../envoy/generated/envoy';
import { duration } from './shapes';

type HashPolicy = envoy.config.route.v3.RouteAction.HashPolicy;

export function hashPolicy(settings: LoadBalancerSettings | undefined): HashPolicy[] {
  const hash = settings?.consistentHash;
  if (hash?.httpHeaderName) return [{ header: { header_name: hash.httpHeaderName } }];
  if (hash?.httpCookie) {
    const { name, path, ttl, attributes } = hash.httpCookie;
    return [
      {
        cookie: {
          name,
          ...(path && { path }),
          ...(ttl !== undefined && { ttl: duration(ttl) }),
          ...(attributes?.length && { attributes: [...attributes] }),
        },
      },
    ];
  }
  if (hash?.useSourceIp) return [{ connection_properties: { source_ip: true } }];
  if (hash?.httpQueryParameterName) return [{ query_parameter: { name: hash.httpQueryParameterName } }];
  return [];
}

/** A TCP proxy has only the client's address to hash. */
export function tcpHashPolicy(settings: LoadBalancerSettings | undefined): envoy.type.v3.HashPolicy[] {
  return settings?.consistentHash?.useSourceIp ? [{ source_ip: {} }] : [];
}
