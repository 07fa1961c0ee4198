/** Ports that tools and dashboards know (https://istio.io/latest/docs/ops/deployment/application-requirements/). */
export const ProxyPort = {
  admin: 15000,
  outbound: 15001,
  inbound: 15006,
  /** Merged metrics elsewhere; not offered here, but kept free of redirection as on Istio. */
  mergedMetrics: 15020,
  readiness: 15021,
  /** UDP, on the loopback address. */
  dns: 15053,
  explicitProxy: 15080,
  metrics: 15090,
} as const;
