/** VirtualService: how requests to a host are routed. https://istio.io/latest/docs/reference/config/networking/virtual-service/ */
import { type MeshObject, networkingKind } from '../kind';
import { list, message, type Static, text, textMap, texts, uint32, unserved } from '../schema';
import { RouteDestination } from './destination';
import { HTTPRoute } from './http-route';

export const L4MatchAttributes = message(
  {
    destinationSubnets: texts('Addresses or CIDR blocks, one of which has to hold the destination.'),
    port: uint32('The port of the connection.'),
    sourceSubnet: unserved(text('Deprecated; has no effect.')),
    sourceLabels: textMap('Labels of the workloads to whose connections the rule applies.'),
    gateways: texts('The gateways at which the rule applies, instead of those at the top.'),
    sourceNamespace: text('The namespace of the workloads to whose connections the rule applies.'),
  },
  { description: 'Conditions on a TCP connection.' },
);
export type L4MatchAttributes = Static<typeof L4MatchAttributes>;

export const TLSMatchAttributes = message(
  {
    sniHosts: texts('Server names that the client asks for; each has to be covered by a host of the VirtualService.'),
    destinationSubnets: texts('Addresses or CIDR blocks, one of which has to hold the destination.'),
    port: uint32('The port of the connection.'),
    sourceLabels: textMap('Labels of the workloads to whose connections the rule applies.'),
    gateways: texts('The gateways at which the rule applies, instead of those at the top.'),
    sourceNamespace: text('The namespace of the workloads to whose connections the rule applies.'),
  },
  { description: 'Conditions on a TLS connection that is not terminated.', required: ['sniHosts'] },
);
export type TLSMatchAttributes = Static<typeof TLSMatchAttributes>;

export const TCPRoute = message(
  {
    match: list(L4MatchAttributes, 'The route applies when one of these matches, or always when there is none.'),
    route: list(RouteDestination, 'Where the connections go.'),
  },
  { description: 'A route for TCP connections.' },
);
export type TCPRoute = Static<typeof TCPRoute>;

export const TLSRoute = message(
  {
    match: list(TLSMatchAttributes, 'The route applies when one of these matches.'),
    route: list(RouteDestination, 'Where the connections go.'),
  },
  { description: 'A route for TLS connections that are passed through.', required: ['match'] },
);
export type TLSRoute = Static<typeof TLSRoute>;

export const VirtualServiceSpec = message(
  {
    hosts: texts(
      'The hosts that clients ask for: names, wildcards such as `*.example.com`, or addresses. A short name is completed by the namespace of the object.',
    ),
    gateways: texts(
      'Gateways, as `namespace/name` or `name`, at which the routes apply; `mesh` means all sidecars and is the default.',
    ),
    http: list(HTTPRoute, 'Routes for HTTP, HTTP/2 and gRPC; the first that matches is taken.'),
    tls: list(TLSRoute, 'Routes for TLS and HTTPS that are passed through, by server name.'),
    tcp: list(TCPRoute, 'Routes for other connections.'),
    exportTo: texts('Namespaces that see the object: `.` its own, `*` all (the default), or names.'),
  },
  { description: 'Routes for the traffic to one or more hosts.' },
);
export type VirtualServiceSpec = Static<typeof VirtualServiceSpec>;
export type VirtualService = MeshObject<VirtualServiceSpec>;

export const VirtualService = networkingKind({
  kind: 'VirtualService',
  plural: 'virtualservices',
  shortNames: ['vs'],
  description: 'How requests to one or more hosts are routed.',
  schema: VirtualServiceSpec,
  specRequired: true,
  printerColumns: [
    { name: 'Gateways', type: 'string', jsonPath: '.spec.gateways', description: 'Where the routes apply' },
    { name: 'Hosts', type: 'string', jsonPath: '.spec.hosts', description: 'The hosts that clients ask for' },
  ],
});
