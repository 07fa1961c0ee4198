/** Gateway: ports and hosts that a proxy at the edge serves. https://istio.io/latest/docs/reference/config/networking/gateway/ */
import { type MeshObject, networkingKind } from '../kind';
import { list, message, type Static, text, textMap, texts, uint32, unserved } from '../schema';
import { ServerTLSSettings } from './server-tls';

export const Port = message(
  {
    number: uint32('The port number.'),
    protocol: text('HTTP, HTTPS, GRPC, GRPC-WEB, HTTP2, MONGO, TCP, TLS … in any case.'),
    name: text("A name for the port, unique among the ports of its server's number."),
    targetPort: unserved(uint32('Deprecated; has no effect.')),
  },
  { description: 'A port of a gateway.', required: ['number', 'protocol', 'name'] },
);
export type Port = Static<typeof Port>;

export const Server = message(
  {
    name: text('A name for the server, unique in the gateway. Only for statistics.'),
    port: Port,
    hosts: texts(
      'Hosts that are served: `host` or `namespace/host`, with wildcards; `.` is the namespace of the gateway, `*` all.',
    ),
    tls: ServerTLSSettings,
    bind: text('The address or socket to listen on. Default: all addresses.'),
    defaultEndpoint: unserved(text('Has no effect.')),
  },
  { description: 'A port with the hosts that are served on it.', required: ['port', 'hosts'] },
);
export type Server = Static<typeof Server>;

export const GatewaySpec = message(
  {
    selector: textMap('Labels of the Pods of the gateway proxies. Without any, every gateway.'),
    servers: list(Server, 'The ports and hosts that are served.'),
  },
  { description: 'What proxies at the edge of the mesh listen on.' },
);
export type GatewaySpec = Static<typeof GatewaySpec>;
export type Gateway = MeshObject<GatewaySpec>;

export const Gateway = networkingKind({
  kind: 'Gateway',
  plural: 'gateways',
  shortNames: ['gw'],
  description: 'The ports and hosts that proxies at the edge of the mesh serve.',
  schema: GatewaySpec,
  specRequired: true,
});
