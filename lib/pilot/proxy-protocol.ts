/** The PROXY protocol towards a service: tells it the address of the client. */
import type { ProxyProtocol } from '../api';
import type { envoy } from '../envoy/generated/envoy';
import { any } from '../envoy/message';

type Socket = envoy.config.core.v3.TransportSocket;

const RAW: Socket = {
  name: 'envoy.transport_sockets.raw_buffer',
  typed_config: any('envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer', {}),
};

/** The transport socket of a cluster: the one given, if any, behind the header of the PROXY protocol, if it is asked for. */
export function withProxyProtocol(
  settings: ProxyProtocol | undefined,
  socket: Socket | undefined,
): { transport_socket?: Socket } {
  if (!settings) return socket ? { transport_socket: socket } : {};
  return {
    transport_socket: {
      name: 'envoy.transport_sockets.upstream_proxy_protocol',
      typed_config: any('envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport', {
        config: { version: settings.version ?? 'V1' },
        transport_socket: socket ?? RAW,
      }),
    },
  };
}
