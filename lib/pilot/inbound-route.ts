/** The route of an inbound HTTP port: everything goes to the application. */
import type { envoy } from '../envoy/generated/envoy';
import type { InboundPort } from './inbound-ports';
import { inboundClusterName } from './names';
import { PEER_HEADER } from './peer';
import { timeouts } from './route-action';

/** @param mutualTls the peer is known: a filter has read and removed what it says of itself. */
export function inboundRoute(port: InboundPort, mutualTls = false): envoy.config.route.v3.RouteConfiguration {
  const cluster = inboundClusterName(port.number);
  const operation = port.service ? `${port.service.hostname}:${port.servicePort}/*` : undefined;
  return {
    name: cluster,
    validate_clusters: false,
    ...(!mutualTls && { request_headers_to_remove: [PEER_HEADER] }),
    virtual_hosts: [
      {
        name: `inbound|http|${port.servicePort ?? port.number}`,
        domains: ['*'],
        routes: [
          {
            name: 'default',
            match: { prefix: '/' },
            route: { cluster, ...timeouts(undefined) },
            ...(operation && { decorator: { operation } }),
          },
        ],
      },
    ],
  };
}
