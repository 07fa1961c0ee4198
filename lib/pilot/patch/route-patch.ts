/** Patches of route configurations, their virtual hosts and routes. */
import type { RouteConfigurationMatch } from '../../api';
import type { envoy } from '../../envoy/generated/envoy';
import { merge } from '../../envoy/merge';
import { PATCHED_MESSAGES } from '../../world';
import { wholeName } from '../gateway-shards';
import { changed, editList, isMerge, mergeOptions } from './named-list';
import type { Patch } from './patch';

type RouteConfiguration = envoy.config.route.v3.RouteConfiguration;
type VirtualHost = envoy.config.route.v3.VirtualHost;
type Route = envoy.config.route.v3.Route;
type HostMatch = NonNullable<RouteConfigurationMatch['vhost']>;

/** A Gateway whose servers may be in the route configuration of a port. */
export interface GatewayOfRoute {
  /** `namespace/name` */
  readonly name: string;
  readonly ports: readonly { readonly number: number; readonly name: string }[];
}

/** The configuration after the patch; the same where it does nothing. */
export function patchRoutes(
  routes: RouteConfiguration,
  patch: Patch,
  gateways: readonly GatewayOfRoute[],
): RouteConfiguration {
  const match = patch.match.routeConfiguration ?? {};
  if (!isConfiguration(routes, match, gateways)) return routes;
  const { vhost } = match;
  if (patch.applyTo === 'ROUTE_CONFIGURATION') {
    if (!isMerge(patch)) return routes;
    return merge(PATCHED_MESSAGES.ROUTE_CONFIGURATION, routes, patch.value, mergeOptions(patch.operation));
  }
  const hosts = routes.virtual_hosts ?? [];
  const patched =
    patch.applyTo === 'VIRTUAL_HOST'
      ? editList(hosts, patch, {
          message: PATCHED_MESSAGES.VIRTUAL_HOST,
          isMeant: (host) => isHost(host, vhost),
          isNarrowed: vhost !== undefined,
        })
      : changed(hosts, (host) => (isHost(host, vhost) ? patchHost(host, patch, vhost) : host));
  return patched === hosts ? routes : { ...routes, virtual_hosts: [...patched] };
}

function patchHost(host: VirtualHost, patch: Patch, match: HostMatch | undefined): VirtualHost {
  // As the API says: nothing is done.
  if (patch.applyTo !== 'HTTP_ROUTE' || patch.operation === 'ADD' || patch.operation === 'REMOVE') return host;
  const routes = host.routes ?? [];
  const patched = editList(routes, patch, {
    message: PATCHED_MESSAGES.HTTP_ROUTE,
    isMeant: (route) => isRoute(route, match?.route),
    isNarrowed: match?.route !== undefined,
  });
  return patched === routes ? host : { ...host, routes: [...patched] };
}

function isConfiguration(
  { name: ofPart = '' }: RouteConfiguration,
  match: RouteConfigurationMatch,
  gateways: readonly GatewayOfRoute[],
): boolean {
  const name = wholeName(ofPart);
  if (match.name && match.name !== name) return false;
  if (match.portNumber && match.portNumber !== portOf(name)) return false;
  if (!match.gateway && !match.portName) return true;
  // `https.PORT.PORT_NAME.GATEWAY.NAMESPACE` is of one server; `http.PORT` is of all Gateways with that port.
  const [, port, portName, gateway, namespace] = /^https\.(\d+)\.(.*)\.([^.]*)\.([^.]*)$/.exec(name) ?? [];
  if (port) {
    return (
      (!match.portName || match.portName === portName) &&
      (!match.gateway || match.gateway === `${namespace}/${gateway}`)
    );
  }
  return gateways.some(
    (each) =>
      (!match.gateway || match.gateway === each.name) &&
      each.ports.some(
        ({ number, name: named }) => number === portOf(name) && (!match.portName || match.portName === named),
      ),
  );
}

/** `9080`, `reviews.shop.svc.cluster.local:9080`, `http.80`, `https.443.…`, `inbound|9080||`. */
function portOf(name: string): number | undefined {
  const [, port] = /^(?:https?\.|inbound\||.*:)?(\d+)(?:$|[.|])/.exec(name) ?? [];
  return port ? Number(port) : undefined;
}

function isHost({ name, domains }: VirtualHost, match: HostMatch | undefined): boolean {
  if (match?.name && match.name !== name) return false;
  return !match?.domainName || Boolean(domains?.includes(match.domainName));
}

function isRoute(route: Route, match: HostMatch['route']): boolean {
  if (match?.name && match.name !== route.name) return false;
  switch (match?.action) {
    case 'ROUTE':
      return route.route !== undefined;
    case 'REDIRECT':
      return route.redirect !== undefined;
    case 'DIRECT_RESPONSE':
      return route.direct_response !== undefined;
    default:
      return true;
  }
}
