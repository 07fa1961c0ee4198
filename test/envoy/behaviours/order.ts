/** From what a row asks to what the asking Pod has to do: names become addresses, as its DNS would answer. */
import { isIpAddress, type Proxy, resolveHost, type World } from '../../../lib/world';
import type { Ask } from './behaviour';
import type { Given } from './given';
import type { Order } from './pod-program';

export interface OrderContext {
  given: Given;
  world: World;
  /** Of the asking Pod. */
  namespace: string;
  /** The gateway that the asker comes to. */
  gateway?: Proxy;
  /** Where the asker finds its HTTP proxy, with explicit capture. */
  proxy?: { host: string; port: number };
}

/** Stands for what no name of the mesh leads to. */
const ELSEWHERE = '198.19.255.254';
const DEFAULT_PORTS: Record<string, number> = { http: 80, https: 443 };

/** A URL as it is written: `URL` would change case and paths, which matter here. */
export function partsOfUrl(url: string) {
  const [, scheme, authority = '', path] = /^(\w+):\/\/([^/?]*)(.*)$/.exec(url) ?? [];
  if (scheme !== 'http' && scheme !== 'https' && scheme !== 'tcp' && scheme !== 'tls')
    throw new Error(`'${url}' is not http://, https://, tcp:// or tls://`);
  const [, host = '', port] = /^(.*?)(?::(\d+))?$/.exec(authority)!;
  return { scheme, authority, host, port: Number(port ?? DEFAULT_PORTS[scheme]), path: path || '/' } as const;
}

export function connectionOf(ask: Ask, context: OrderContext): Order {
  const { scheme, authority, host, port, path } = partsOfUrl(ask.url);
  return {
    scheme,
    authority: ask.authority ?? authority,
    path,
    connect: placeOf(ask, context, host, port),
    proxy: context.gateway ? undefined : context.proxy,
    method: ask.method ?? 'GET',
    headers: ask.headers ?? {},
    body: ask.body,
    http: ask.http ?? '1.1',
    ...((scheme === 'https' || scheme === 'tls') && { tls: tlsOf(ask, context.given, host) }),
  };
}

function placeOf(ask: Ask, { world, namespace, gateway }: OrderContext, host: string, port: number) {
  if (gateway) return { host: ask.address ?? gateway.ip, port: targetPort(world, gateway, port) };
  return { host: ask.address ?? addressOf(world, namespace, host) ?? ELSEWHERE, port };
}

/** A client outside connects to the gateway's Service, which leads to the target port. */
function targetPort(world: World, { namespace, labels }: Proxy, port: number): number {
  for (const { ports } of world.servicesOfWorkload(namespace, labels)) {
    const target = ports.find(({ number }) => number === port)?.targetPort;
    if (typeof target === 'number') return target;
  }
  return port;
}

function addressOf(world: World, namespace: string, host: string): string | undefined {
  if (isIpAddress(host)) return host;
  const [name = '', owner, ...more] = host.split('.');
  const candidates = [resolveHost(host, namespace)];
  if (owner && (more.length === 0 || (more.length === 1 && more[0] === 'svc')))
    candidates.push(resolveHost(name, owner));
  return candidates
    .map((each) => world.service(namespace, each)?.addresses[0])
    .find((address) => address !== undefined);
}

function tlsOf(ask: Ask, given: Given, host: string): Order['tls'] {
  const leaf = ask.certificate ? given.leaf(ask.certificate) : undefined;
  const sni = ask.sni ?? host;
  return {
    ...(sni && !isIpAddress(sni) && { servername: sni }),
    // Whom the other side is, rows say with `tls.subject`.
    rejectUnauthorized: false,
    ALPNProtocols:
      ask.alpn ??
      (ask.url.startsWith('tls:') ? undefined : [ask.http === undefined || ask.http === '1.1' ? 'http/1.1' : 'h2']),
    minVersion: ask.minVersion,
    maxVersion: ask.maxVersion,
    ciphers: ask.ciphers,
    ...(leaf && { cert: leaf.certPem, key: leaf.keyPem }),
  };
}
