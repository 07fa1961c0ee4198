/**
 * DNS for the application, answered by its sidecar: Envoy's dns_filter with the names of all services that it sees. It asks
 * the Pod's own name servers for everything else. The redirection sends questions here where it is told to (`--capture-dns`).
 *
 * Bounds: UDP over IPv4. Envoy says of a name without IPv6 addresses that it does not exist when it is asked for them, which
 * glibc takes well and musl (Alpine) does not; so nothing is captured unless it is asked for.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/udp_filters/dns_filter
 */
import type { envoy } from '../envoy/generated/envoy';
import { any } from '../envoy/message';
import type { EnvoyResource } from '../envoy/resource';
import { TypeUrl } from '../envoy/type-url';
import { capturesDns, endpointsOf, isIpAddress, type Service, type Viewer } from '../world';
import type { ClientView } from './client-view';
import type { Evaluation, Query } from './memo';
import { DNS_LISTENER, DNS_PORT, LOOPBACK_ADDRESS } from './names';

type VirtualDomain = envoy.data.dns.v3.DnsTable.DnsVirtualDomain;

/** Envoy allows no less; addresses of services rarely change. */
const ANSWER_TTL = '30s';
const RESOLVER_TIMEOUT = '5s';
const MAX_PENDING_LOOKUPS = 256;

/** Undefined where nothing sends questions to the proxy. */
export function dnsListener(evaluation: Evaluation, view: ClientView): EnvoyResource | undefined {
  if (view.capture !== 'REDIRECT' || !capturesDns(evaluation.meshConfig())) return undefined;
  return evaluation.derive(dnsListenerQuery, view.viewer, view.viewer);
}

const dnsListenerQuery: Query<Viewer, EnvoyResource | undefined> = {
  name: 'dns listener',
  compute: (evaluation, viewer) =>
    evaluation.resource(TypeUrl.listener, DNS_LISTENER, () => ({
      name: DNS_LISTENER,
      address: { socket_address: { protocol: 'UDP' as const, address: LOOPBACK_ADDRESS, port_value: DNS_PORT } },
      traffic_direction: 'OUTBOUND' as const,
      udp_listener_config: {},
      listener_filters: [
        {
          name: 'envoy.filters.udp.dns_filter',
          typed_config: any('envoy.extensions.filters.udp.dns_filter.v3.DnsFilterConfig', {
            stat_prefix: DNS_LISTENER,
            server_config: {
              inline_dns_table: {
                external_retry_count: 2,
                virtual_domains: evaluation
                  .visibleServices(viewer)
                  .flatMap((service) => domainsOf(evaluation, service)),
              },
            },
            client_config: { resolver_timeout: RESOLVER_TIMEOUT, max_pending_lookups: MAX_PENDING_LOOKUPS },
          }),
        },
      ],
    })),
};

/** Resolvers complete short names by themselves, so complete ones are enough. */
function domainsOf(evaluation: Evaluation, service: Service): VirtualDomain[] {
  const { hostname, headless } = service;
  // Envoy knows wildcards of whole labels.
  if (hostname.startsWith('*') && !hostname.startsWith('*.')) return [];
  if (headless) return headlessDomains(evaluation, service);
  const addresses = service.addresses.filter((address) => isIpAddress(address) && !address.includes('/'));
  return addresses.length > 0 ? [domain(hostname, addresses)] : [];
}

/** All endpoints under the name of the service, and each that has a name of its own under that. */
function headlessDomains(evaluation: Evaluation, service: Service): VirtualDomain[] {
  const endpoints = service.ports.flatMap((port) => endpointsOf(evaluation, service, port));
  const all = [...new Set(endpoints.map(({ address }) => address))].filter(isIpAddress);
  if (all.length === 0) return [];
  const named = new Map<string, Set<string>>();
  for (const { hostname, address } of endpoints) {
    if (hostname) named.set(hostname, (named.get(hostname) ?? new Set()).add(address));
  }
  return [
    domain(service.hostname, all),
    ...[...named].map(([name, addresses]) => domain(`${name}.${service.hostname}`, [...addresses])),
  ];
}

function domain(name: string, addresses: readonly string[]): VirtualDomain {
  return { name, endpoint: { address_list: { address: [...addresses] } }, answer_ttl: ANSWER_TTL };
}
