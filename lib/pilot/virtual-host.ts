/** The virtual host of a service: by which names clients ask for it, and what is done with their requests. */
import type { envoy } from '../envoy/generated/envoy';
import {
  CLUSTER_DOMAIN,
  isIpAddress,
  isWildcard,
  keyOf,
  MESH_GATEWAY,
  type Service,
  sourceOf,
  type WorldView,
} from '../world';
import type { ClientView } from './client-view';
import { destinationAt } from './destinations';
import { dynamicHostRules } from './dynamic-hosts';
import type { Evaluation, Query } from './memo';
import { offeredProtocols } from './offered-protocols';
import { introduction } from './peer';
import { type RouteContext, routesOf } from './route';
import { forwardTo, perFilterConfigs } from './route-action';
import { byPrecedence } from './route-precedence';

export type VirtualHost = envoy.config.route.v3.VirtualHost;

interface HostName {
  readonly view: ClientView;
  readonly hostname: string;
  readonly port: number;
  /** The domains carry the port, because the listener serves all ports. */
  readonly withPort: boolean;
}

/** Made once for all route configurations and Worlds in which nothing about the service changed. */
export function serviceVirtualHost(evaluation: Evaluation, name: HostName): VirtualHost | undefined {
  const { view, hostname, port, withPort } = name;
  return evaluation.derive(virtualHostQuery, keyOf(view.key, hostname, port, String(withPort)), name);
}

const virtualHostQuery: Query<HostName, VirtualHost | undefined> = {
  name: 'virtual host',
  compute: (world, { view, hostname, port, withPort }) => {
    const service = world.service(view.viewer, hostname);
    if (!service) return undefined;
    const objects = world.virtualServicesFor(view.viewer, hostname);
    const routes = objects.flatMap((object) => routesOf(world, object, meshContext(view, port)));
    const isRanked = objects[0] !== undefined && sourceOf(objects[0]) !== undefined;
    const inOrder = isRanked ? byPrecedence(routes) : routes;
    const all = inOrder.length > 0 ? inOrder : [defaultRoute(world, view, hostname, port)];
    // Frozen, so that it is encoded once, however many route configurations it stands in.
    return Object.freeze({
      name: `${hostname}:${port}`,
      domains: domainsOf(service, port, view.namespace, withPort),
      routes: all,
      ...introduction(all),
      include_request_attempt_count: view.own.headers.attemptCount,
    });
  },
};

/** The place of a sidecar's route, on the way out. */
export function meshContext(view: ClientView, port: number): RouteContext {
  const { key: client, viewer, labels, identity } = view;
  return { client, viewer, labels, gateway: MESH_GATEWAY, port, isTls: false, identified: identity !== undefined };
}

function defaultRoute(world: WorldView, view: ClientView, hostname: string, port: number) {
  const destination = destinationAt(world, view.viewer, hostname, port);
  const perFilter = perFilterConfigs(
    view.identity && offeredProtocols(world, view.viewer, destination),
    dynamicHostRules(world, view.viewer, destination),
  );
  return {
    name: 'default',
    match: { prefix: '/' },
    route: forwardTo(world, view.viewer, destination),
    decorator: { operation: `${hostname}:${port}/*` },
    ...(perFilter && { typed_per_filter_config: perFilter }),
  };
}

/**
 * All names by which a client in `namespace` may ask for a service: the complete name first, then the shorter ones that
 * its resolver would complete, then the virtual addresses.
 */
export function domainsOf(service: Service, port: number, namespace: string, withPort: boolean): string[] {
  const names = service.registry === 'Kubernetes' ? kubernetesNames(service, namespace) : [service.hostname];
  const addresses = service.addresses.filter(isIpAddress).map((ip) => (ip.includes(':') ? `[${ip}]` : ip));
  const domains = [...names, ...addresses.filter((address) => !address.includes('/'))];
  if (!withPort) return domains;
  // Clients leave out the port that is the scheme's own.
  return domains.flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`]));
}

function kubernetesNames({ name, namespace: owner, hostname, headless }: Service, namespace: string): string[] {
  const suffix = `.${owner}.svc.${CLUSTER_DOMAIN}`;
  const names = [hostname, `${hostname}.`];
  if (owner === namespace) names.push(name);
  names.push(`${name}.${owner}`, `${name}${suffix.slice(0, -CLUSTER_DOMAIN.length - 1)}`);
  if (!headless) return names;
  // The Pods of a StatefulSet have names of their own below that of their service.
  return [...names, ...names.filter((each) => !isWildcard(each)).map((each) => `*.${each}`)];
}

/**
 * Envoy refuses a configuration in which two hosts claim one domain. Complete names go before short ones, then the
 * first host before the next; hosts that are left without a domain are left out.
 */
export function withUniqueDomains(hosts: readonly VirtualHost[]): VirtualHost[] {
  const owners = new Map<string, VirtualHost>();
  const claim = (domain: string | undefined, host: VirtualHost) => {
    const key = domain?.toLowerCase();
    if (key !== undefined && !owners.has(key)) owners.set(key, host);
  };
  for (const host of hosts) claim(host.domains?.[0], host);
  for (const host of hosts) for (const domain of host.domains ?? []) claim(domain, host);
  return hosts.flatMap((host) => {
    const distinct = [...new Set(host.domains)];
    const domains = distinct.filter((domain) => owners.get(domain.toLowerCase()) === host);
    if (domains.length === 0) return [];
    return domains.length === host.domains?.length ? [host] : [{ ...host, domains }];
  });
}
