/** The PROXY protocol towards a service: tells it the address of the client. */
import type { ProxyProtocol } from '../api';
import type { envoy } from '../envoy/generated/envoy';
import { any } from '../envoy/message';

type Socket = envoy.config.core.v3.TransportSocket;

/** Plain bytes. */
export const RAW_BUFFER: Socket = {
  name: 'envoy.transport_sockets.raw_buffer',
  typed_config: any('envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer', {}),
};

/** The transport socket of a cluster: the one given, if any, behind the header of the PROXY protocol, if it is asked for. */
export function withProxyProtocol(settings: ProxyProtocol | undefined, socket: Socket | undefined): Socket | undefined {
  if (!settings) return socket;
  return {
    name: 'envoy.transport_sockets.upstream_proxy_protocol',
    typed_config: any('envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport', {
      config: { version: settings.version ?? 'V1' },
      transport_socket: socket ?? RAW_BUFFER,
    }),
  };
}
