/** The route of an inbound HTTP port: everything goes to the application. */
import type { envoy } from '../envoy/generated/envoy';
import type { InboundPort } from './inbound-ports';
import { inboundClusterName } from './names';
import { timeouts } from './route-action';

export function inboundRoute(port: InboundPort): envoy.config.route.v3.RouteConfiguration {
  const cluster = inboundClusterName(port.number);
  const operation = port.service ? `${port.service.hostname}:${port.servicePort}/*` : undefined;
  return {
    name: cluster,
    validate_clusters: false,
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
