/** A question in the words of the mesh: from this workload (or gateway), to that host. */
import type { Snapshot } from '../envoy/resource';
import { isIpAddress, type Proxy, resolveHost, serviceAccountOf, type WorldView } from '../world';
import type { Answer } from './answer';
import { arriving } from './arrival';
import { type Caller, type Request, simulate } from './simulate';

export interface Question {
  /** The proxy beside the caller, or the gateway that a client from outside reaches. */
  from: Proxy;
  /** As the caller writes it: `reviews`, `reviews.shop`, `www.example.com`, an address. */
  host: string;
  /** The port in the URL. Default 80, or 443 with `tls`. */
  port?: number;
  /** The client speaks TLS to the proxy, and names `host` as server. */
  tls?: boolean;
  method?: string;
  path?: string;
  headers?: Request['headers'];
  /** The payload of a token that the caller sends, whose signature is good. */
  claims?: Caller['claims'];
  /**
   * What the sidecar at an address is sent; undefined where there is none. Without this, the answer ends where the
   * request leaves the caller's proxy.
   */
  sidecarAt?: (address: string) => Snapshot | undefined;
}

/** Where an explicit proxy listens for applications. */
const EXPLICIT_PROXY_PORT = 15080;

/**
 * What becomes of a request, by the resources that `from` is sent.
 * @param view the World that `snapshot` was made of: it stands for the caller's DNS, and for the gateway's Service.
 * @throws SimulationError when the resources hold something that cannot be simulated.
 */
export function ask(view: WorldView, snapshot: Snapshot, question: Question): Answer {
  const answer = leave(view, snapshot, question);
  if (answer.kind !== 'forward' || !question.sidecarAt) return answer;
  return arriving(snapshot, answer, question, identityOf(view, question.from));
}

/** The name in the certificate of a workload: the trust domain, the namespace and the service account. */
export function identityOf(view: WorldView, { name, namespace }: Proxy): string {
  const { trustDomain = 'cluster.local' } = view.meshConfig();
  const pod = view.pod(namespace, name);
  const entry = pod ? undefined : view.workloadEntries(namespace).find(({ metadata }) => metadata.name === name);
  const account = pod ? serviceAccountOf(pod) : (entry?.spec.serviceAccount ?? 'default');
  return `spiffe://${trustDomain}/ns/${namespace}/sa/${account}`;
}

/** As far as the caller's own proxy. */
function leave(view: WorldView, snapshot: Snapshot, question: Question): Answer {
  const { from, host, tls = false } = question;
  const port = question.port ?? (tls ? 443 : 80);
  const { method, path, headers, claims } = question;
  const rest = { method, path, headers, ...(claims && { caller: { claims } }), ...(tls && { sni: host }) };
  const authority = port === (tls ? 443 : 80) ? host : `${host}:${port}`;
  if (from.type === 'router') {
    return simulate(snapshot, { ...rest, authority, address: from.ip, port: gatewayPort(view, from, port) });
  }
  if (from.capture === 'REDIRECT')
    return simulate(snapshot, { ...rest, authority, port, address: resolve(view, from, host) });
  return simulate(snapshot, { ...rest, authority, ...explicitProxy(view, from) });
}

/** An HTTP proxy is asked by the port of its own, whatever the port of the URL. */
function explicitProxy(view: WorldView, from: Proxy): { address: string; port: number } {
  return { address: from.appAddress, port: view.meshConfig().proxyHttpPort || EXPLICIT_PROXY_PORT };
}

/** The address that the caller's DNS gives for a host: with its search domains, as a Pod has them. */
function resolve(view: WorldView, from: Proxy, host: string): string | undefined {
  if (isIpAddress(host)) return host;
  const [name, namespace, ...more] = host.split('.');
  const candidates = [resolveHost(host, from.namespace)];
  if (namespace && (more.length === 0 || (more.length === 1 && more[0] === 'svc'))) {
    candidates.push(resolveHost(name!, namespace));
  }
  for (const hostname of candidates) {
    const address = view.service(from.namespace, hostname)?.addresses[0];
    if (address) return address;
  }
  return undefined;
}

/** Clients name the port of the gateway's Service; Envoy listens on its target port. */
function gatewayPort(view: WorldView, from: Proxy, port: number): number {
  for (const service of view.servicesOfWorkload(from.namespace, from.labels)) {
    const target = service.ports.find(({ number }) => number === port)?.targetPort;
    if (typeof target === 'number') return target;
  }
  return port;
}
