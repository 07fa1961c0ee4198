/** Names that tools key on: clusters, listeners, routes, ports. They are Istio's. */

export const BLACK_HOLE_CLUSTER = 'BlackHoleCluster';
export const PASSTHROUGH_CLUSTER = 'PassthroughCluster';
/** Istio's name for where `ALLOW_ANY_DYNAMIC_DNS` sends requests. */
export const DYNAMIC_DNS_CLUSTER = 'AllowAnyDynamicDNSCluster';
export const INBOUND_PASSTHROUGH_CLUSTER = 'InboundPassthroughCluster';

export const VIRTUAL_OUTBOUND_LISTENER = 'virtualOutbound';
export const VIRTUAL_INBOUND_LISTENER = 'virtualInbound';
export const VIRTUAL_OUTBOUND_PORT = 15001;
export const VIRTUAL_INBOUND_PORT = 15006;
export const DNS_LISTENER = 'dns';
export const DNS_PORT = 15053;

/** The route configuration of the HTTP proxy that explicit capture offers to applications. */
export const HTTP_PROXY_ROUTE = 'http_proxy';
/** Its port, where the mesh configuration's `proxyHttpPort` does not say otherwise. */
export const DEFAULT_HTTP_PROXY_PORT = 15080;

export const HTTP_RBAC_FILTER = 'envoy.filters.http.rbac';
export const NETWORK_RBAC_FILTER = 'envoy.filters.network.rbac';
export const JWT_AUTHN_FILTER = 'envoy.filters.http.jwt_authn';
/** Where that filter writes down the claims of a good token, under its own name. */
export const JWT_PAYLOAD = 'payload';

/** The source address of what a sidecar sends to its application; the redirection leaves it alone. */
export const INBOUND_SOURCE_ADDRESS = '127.0.0.6';

export const WILDCARD_ADDRESS = '0.0.0.0';
export const LOOPBACK_ADDRESS = '127.0.0.1';

/** `outbound|9080|v1|reviews.shop.svc.cluster.local` */
export function outboundClusterName(hostname: string, port: number, subset = ''): string {
  return `outbound|${port}|${subset}|${hostname}`;
}

/** The server name that a client of the mesh asks for: `outbound_.9080_.v1_.reviews.shop.svc.cluster.local`. */
export function outboundServerName(hostname: string, port: number, subset = ''): string {
  return `outbound_.${port}_.${subset}_.${hostname}`;
}

/** The parts of an outbound cluster's name, or undefined for other clusters. */
export function parseOutboundClusterName(name: string): { port: number; subset: string; hostname: string } | undefined {
  const [direction, port, subset, hostname] = name.split('|');
  if (direction !== 'outbound' || hostname === undefined) return undefined;
  return { port: Number(port), subset: subset ?? '', hostname };
}

/** The route configuration of a service at its own address, where HTTP is found and not declared. */
export function sniffedRouteName(hostname: string, port: number): string {
  return `${hostname}:${port}`;
}

/** `inbound|9080||` */
export function inboundClusterName(port: number): string {
  return `inbound|${port}||`;
}

/** `10.0.0.1_5432`, `0.0.0.0_9080` */
export function listenerName(address: string, port: number): string {
  if (address.startsWith('unix://')) return address;
  return `${address}_${port}`;
}

/** The route configuration of a gateway's plain HTTP port. @param bind its address; empty for all. */
export function gatewayHttpRouteName(listenerPort: number, bind = ''): string {
  return bind ? `http.${listenerPort}.${bind}` : `http.${listenerPort}`;
}

/** The route configuration of one HTTPS server of a Gateway; the port is the one that the Gateway names. */
export function gatewayHttpsRouteName(port: number, portName: string, gateway: string, namespace: string): string {
  return `https.${port}.${portName}.${gateway}.${namespace}`;
}

/** The secret of a gateway's certificate, as Envoy asks for it. */
export function secretName(credential: string): string {
  return `kubernetes://${credential}`;
}

/** The suffix of the Secret that holds the certificates of those who may sign clients' certificates. */
export const TRUST_SUFFIX = '-cacert';

/** The trust bundle beside a credential, as Istio names it. */
export function trustName(credential: string): string {
  return secretName(credential) + TRUST_SUFFIX;
}
