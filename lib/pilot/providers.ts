/** Extension providers: from `namespace/host` and a port to the cluster that leads there. */
import type { ExtensionProvider } from '../api';
import { resolveHost, type WorldView } from '../world';
import { outboundClusterName } from './names';

/** The provider of that name in the mesh configuration. */
export function providerNamed(world: WorldView, name: string): ExtensionProvider | undefined {
  return world.meshConfig().extensionProviders?.find((provider) => provider.name === name);
}

/**
 * The cluster of a provider's service, as the proxies of `namespace` have it. Undefined when they do not see the service:
 * Envoy refuses a listener that names an unknown cluster.
 */
export function providerCluster(
  world: WorldView,
  namespace: string,
  { service, port }: { service: string; port: number },
): { cluster: string; hostname: string } | undefined {
  const slash = service.indexOf('/');
  const hostname = resolveHost(service.slice(slash + 1), slash > 0 ? service.slice(0, slash) : world.rootNamespace());
  const found = world.service(namespace, hostname);
  if (!found?.ports.some(({ number, protocol }) => number === port && protocol !== 'UDP')) return undefined;
  return { cluster: outboundClusterName(hostname, port), hostname };
}
