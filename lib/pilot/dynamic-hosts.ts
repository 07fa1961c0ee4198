/**
 * Destinations with `resolution: DYNAMIC_DNS`: whatever host below a wildcard a client asks for is resolved by its proxy.
 * https://istio.io/latest/docs/reference/config/networking/service-entry/#ServiceEntry-Resolution
 *
 * A proxy that resolves names goes where names lead. So nothing is resolved but what is below the wildcard, at the port of the
 * service, wherever a route to it stands; and no request follows a name to the proxy's own host, to its link (where clouds
 * keep their metadata), or to an address that is no single host's. Of TLS that passes through, Envoy does not tell filters
 * what address it found: there the names alone are checked, statically.
 */
import type { envoy, google } from '../envoy/generated/envoy';
import { any } from '../envoy/message';
import { type Service, table, type Viewer, type WorldView } from '../world';
import type { ResolvedDestination } from './destinations';
import { FORWARD_PROXY_FILTER, forwardProxyFilter, serverNameFilter } from './forward-proxy';
import { effectivePolicy } from './traffic-policy';

type HttpFilter = envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter;
type NetworkFilter = envoy.config.listener.v3.Filter;
type Rules = envoy.config.rbac.v3.RBAC;
type Permission = envoy.config.rbac.v3.Permission;
type PerFilter = Record<string, google.protobuf.Any>;

/** Before a name is resolved, and after. Named as no other filter, because both are Envoy's RBAC. */
const HOST_GUARD = 'malha.filters.http.dynamic_host';
const ADDRESS_GUARD = 'malha.filters.http.dynamic_address';

/** By viewer: whether any service that it sees is such a destination. */
export const dynamicHostsTable = table<boolean>('dynamic hosts', (world, viewer) =>
  world.visibleServices(viewer).some(({ resolution }) => resolution === 'DYNAMIC_DNS'),
);

/** The filters of a listener that resolves names; the guards do nothing but where a route says so. */
export function forwardProxyFilters(): HttpFilter[] {
  return [guard(HOST_GUARD), forwardProxyFilter(), guard(ADDRESS_GUARD)];
}

function guard(name: string): HttpFilter {
  return { name, typed_config: any('envoy.extensions.filters.http.rbac.v3.RBAC', {}) };
}

/**
 * For `typed_per_filter_config` of a route to the destination, or of its share; undefined where it is no such destination.
 * @param options.literal the authority that the route writes in place of the client's.
 */
export function dynamicHostRules(
  world: WorldView,
  viewer: Viewer,
  { hostname, port }: ResolvedDestination,
  { subset, literal }: { subset?: string; literal?: string } = {},
): PerFilter | undefined {
  const service = world.service(viewer, hostname);
  if (service?.resolution !== 'DYNAMIC_DNS') return undefined;
  const { tls } = effectivePolicy(world.destinationRules(viewer, hostname), port, subset);
  const isSecure = tls?.mode !== undefined && tls.mode !== 'DISABLE';
  return {
    [HOST_GUARD]: ruled(literal === undefined ? hostRules(service, port, isSecure) : literalRules(service, literal)),
    ...(literal !== undefined && {
      [FORWARD_PROXY_FILTER]: any('envoy.extensions.filters.http.dynamic_forward_proxy.v3.PerRouteConfig', {
        host_rewrite_literal: literal,
      }),
    }),
    [ADDRESS_GUARD]: ruled(addressRules()),
  };
}

/** For `typed_per_filter_config` of a route to whatever host a client asks for. */
export function anyHostRules(): PerFilter {
  return { [ADDRESS_GUARD]: ruled(addressRules()) };
}

function ruled(rules: Rules): google.protobuf.Any {
  return any('envoy.extensions.filters.http.rbac.v3.RBACPerRoute', { rbac: { rules } });
}

/** Envoy takes the port from the authority, so it has to be that of the service. */
function hostRules({ hostname }: Service, port: number, isSecure: boolean): Rules {
  // Clients leave out the port that is their scheme's, and Envoy takes the one that is its own.
  const isImplied = port === 80 || (isSecure && port === 443);
  const number = `:${port}`;
  const regex = `(?i)[a-z0-9_.-]+${escaped(hostname.slice(1))}${isImplied ? `(${number})?` : number}`;
  return rulesOf('ALLOW', { header: { name: ':authority', string_match: { safe_regex: { regex } } } });
}

function literalRules(service: Service, literal: string): Rules {
  return rulesOf(isBelow(service, literal.replace(/:\d+$/, '')) ? 'ALLOW' : 'DENY', { any: true });
}

function escaped(text: string): string {
  return text.replaceAll(/[^a-z0-9_-]/gi, (character) => `\\${character}`);
}

/** Hosts that no name may lead to. */
const FORBIDDEN_BLOCKS: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8], // the host itself
  ['127.0.0.0', 8],
  ['169.254.0.0', 16], // the link, with the metadata of most clouds
  ['100.100.100.200', 32], // Alibaba's metadata
  ['168.63.129.16', 32], // Azure's fabric
  ['224.0.0.0', 3], // multicast and reserved
];

function addressRules(): Rules {
  const rules = FORBIDDEN_BLOCKS.map(
    ([address_prefix, prefix_len]): Permission => ({
      matcher: {
        name: 'envoy.rbac.matchers.upstream_ip_port',
        typed_config: any('envoy.extensions.rbac.matchers.upstream_ip_port.v3.UpstreamIpPortMatcher', {
          upstream_ip: { address_prefix, prefix_len },
        }),
      },
    }),
  );
  return rulesOf('DENY', { or_rules: { rules } });
}

function rulesOf(action: 'ALLOW' | 'DENY', permission: Permission): Rules {
  return { action, policies: { host: { permissions: [permission], principals: [{ any: true }] } } };
}

/**
 * Filters before a TCP proxy to these destinations: none where all have endpoints of their own, undefined where nothing says
 * which host is meant, or it might be one that is none of the destination's.
 * @param names the server names that connections ask for.
 */
export function filtersByServerName(
  world: WorldView,
  viewer: Viewer,
  destinations: readonly ResolvedDestination[],
  names: readonly string[],
): NetworkFilter[] | undefined {
  const dynamic = destinations.flatMap(({ hostname, port }) => {
    const service = world.service(viewer, hostname);
    return service?.resolution === 'DYNAMIC_DNS' ? [{ service, port }] : [];
  });
  const [first] = dynamic;
  if (!first) return [];
  const areBelow = names.length > 0 && dynamic.every(({ service }) => names.every((name) => isBelow(service, name)));
  return areBelow ? [serverNameFilter(targetPort(first))] : undefined;
}

function targetPort({ service, port }: { service: Service; port: number }): number {
  const target = service.ports.find(({ number }) => number === port)?.targetPort;
  return typeof target === 'number' ? target : port;
}

/** The name, which may be a narrower wildcard, is one of the service's. */
function isBelow({ hostname }: Service, name: string): boolean {
  const suffix = hostname.slice(1);
  return name.toLowerCase().endsWith(suffix) && name.length > suffix.length;
}
