/** Which virtual host answers for an authority (https://www.envoyproxy.io/docs, `VirtualHost.domains`). */
import type { envoy } from '../envoy/generated/envoy';

type RouteConfiguration = envoy.config.route.v3.RouteConfiguration;
type VirtualHost = envoy.config.route.v3.VirtualHost;

/**
 * Exact names come first, then `*.suffix`, then `prefix.*`, each the longest first, then `*`. A wildcard stands for at
 * least one character. Names are compared without regard to case, with their port unless the configuration ignores it.
 */
export function findVirtualHost(routes: RouteConfiguration, authority: string): VirtualHost | undefined {
  const whole = authority.toLowerCase();
  const host = routes.ignore_port_in_host_matching ? withoutPort(whole) : whole;
  let best: { rank: number; virtualHost: VirtualHost } | undefined;
  for (const virtualHost of routes.virtual_hosts ?? []) {
    for (const domain of virtualHost.domains ?? []) {
      const rank = rankOf(domain.toLowerCase(), host);
      if (rank > 0 && rank > (best?.rank ?? 0)) best = { rank, virtualHost };
    }
  }
  return best?.virtualHost;
}

const EXACT = 3e6;
const SUFFIX = 2e6;
const PREFIX = 1e6;
const ANY = 1;

/** How well a domain matches; 0 when it does not. Names are far shorter than the distance between the classes. */
function rankOf(domain: string, host: string): number {
  if (domain === host) return EXACT;
  if (domain === '*') return ANY;
  if (host.length < domain.length) return 0;
  if (domain.startsWith('*')) return host.endsWith(domain.slice(1)) ? SUFFIX + domain.length : 0;
  if (domain.endsWith('*')) return host.startsWith(domain.slice(0, -1)) ? PREFIX + domain.length : 0;
  return 0;
}

/** `host:80` → `host`, `[::1]:80` → `[::1]`. */
export function withoutPort(authority: string): string {
  return authority.replace(/:\d*$/, (port, at: number) =>
    authority.indexOf(':') === at || authority[at - 1] === ']' ? '' : port,
  );
}
