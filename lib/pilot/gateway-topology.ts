/**
 * What stands between a gateway and its clients, and so may be believed: proxies that append to X-Forwarded-For, proxies that
 * speak the PROXY protocol, and ends of TLS that tell of certificates. Nothing is believed that is not said here.
 * https://istio.io/latest/docs/ops/configuration/traffic-management/network-topologies/
 */
import type { envoy } from '../envoy/generated/envoy';
import { any } from '../envoy/message';
import { type Proxy, proxySettings, type WorldView } from '../world';
import { certificatePolicy } from './proxy-headers';

type Manager = envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager;
type CertificateDetails = NonNullable<Manager['forward_client_cert_details']>;

export interface GatewayTopology {
  /** How many addresses at the end of X-Forwarded-For were written by proxies of one's own. */
  readonly trustedProxies: number;
  readonly certificateDetails: CertificateDetails;
  /** Connections begin with the PROXY protocol; others are closed. */
  readonly proxyProtocol: boolean;
}

/** The client's address is the peer's, and nobody else tells of certificates. */
export const NOTHING_IN_FRONT: GatewayTopology = {
  trustedProxies: 0,
  certificateDetails: 'SANITIZE_SET',
  proxyProtocol: false,
};

export function gatewayTopologyOf(world: WorldView, proxy: Proxy): GatewayTopology {
  const said = proxySettings(world, proxy).gatewayTopology;
  if (!said) return NOTHING_IN_FRONT;
  const { numTrustedProxies: trusted, forwardClientCertDetails: policy, proxyProtocol } = said;
  return {
    // An annotation is checked by nobody before it is read.
    trustedProxies: Number.isInteger(trusted) && trusted! > 0 && trusted! <= MOST_PROXIES ? trusted! : 0,
    certificateDetails: certificatePolicy(policy) ?? NOTHING_IN_FRONT.certificateDetails,
    proxyProtocol: proxyProtocol !== undefined && proxyProtocol !== null,
  };
}

/** More than a header has room for. */
const MOST_PROXIES = 1_000;

/** Part of the key of a gateway; empty where nothing is in front. */
export function topologyKey({ trustedProxies, certificateDetails, proxyProtocol }: GatewayTopology): string {
  const { certificateDetails: usual } = NOTHING_IN_FRONT;
  if (trustedProxies === 0 && certificateDetails === usual && !proxyProtocol) return '';
  return `behind ${trustedProxies} ${certificateDetails}${proxyProtocol ? ' PROXY' : ''}`;
}

/** Before all others: what they look at comes after it. */
export function proxyProtocolFilter(): envoy.config.listener.v3.ListenerFilter {
  return {
    name: 'envoy.filters.listener.proxy_protocol',
    typed_config: any('envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol', {}),
  };
}
