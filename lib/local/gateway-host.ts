/** The name under which a browser on this machine reaches a gateway. */
import type { Gateway } from '../api';
import type { KubeObject } from '../api/object';

/**
 * The first host that Gateways serve with (or without) TLS; `localhost` for one that takes every host. Undefined when
 * there is none. Only names below `.localhost` lead here by themselves, so these come first.
 */
export function gatewayHost(objects: readonly KubeObject[], tls: boolean): string | undefined {
  const servers = objects
    .filter(({ kind, apiVersion }) => kind === 'Gateway' && apiVersion.startsWith('networking.istio.io/'))
    .flatMap((object) => (object as Gateway).spec?.servers ?? [])
    .filter((server) => (server.tls?.mode !== undefined) === tls);
  const hosts = servers
    .flatMap((server) => server.hosts ?? [])
    .map((host) => host.slice(host.indexOf('/') + 1))
    .map((host) => (host === '*' ? 'localhost' : host.replace(/^\*\./, 'any.')));
  return hosts.find((host) => host === 'localhost' || host.endsWith('.localhost')) ?? hosts[0];
}
