/** TLSRoute and TCPRoute: connections that nobody looks into. */
import type { MeshObject } from '../kind';
import { list, message, type Static, text, unserved } from '../schema';
import { gatewayApiKind } from './kind';
import { BackendRef, hostname, ParentReference, sectionName } from './reference';

const rule = message(
  {
    name: sectionName('A name for the rule.'),
    backendRefs: list(BackendRef, 'Where the connections go.', { minItems: 1, maxItems: 16 }),
  },
  { description: 'What is done with the connections.', required: ['backendRefs'] },
);
export type L4RouteRule = Static<typeof rule>;

const parentRefs = list(ParentReference, 'What the route is attached to.', { maxItems: 32 });
const useDefaultGateways = unserved(text('Whether the route is attached to default Gateways.'));

export const TlsRouteSpec = message(
  {
    parentRefs,
    hostnames: list(hostname('A name, or `*.example.com`.'), 'The server names that clients ask for.', {
      maxItems: 1024,
    }),
    rules: list(rule, 'The rules; the first is taken.', { minItems: 1, maxItems: 16 }),
    useDefaultGateways,
  },
  { description: 'Routes for TLS connections, by server name.', required: ['rules'] },
);
export type TlsRouteSpec = Static<typeof TlsRouteSpec>;
export type TLSRoute = MeshObject<TlsRouteSpec>;

export const TLSRoute = gatewayApiKind({
  kind: 'TLSRoute',
  plural: 'tlsroutes',
  versions: ['v1', 'v1alpha3', 'v1alpha2'],
  description: 'How TLS connections to a Gateway are routed.',
  schema: TlsRouteSpec,
  specRequired: true,
});

export const TcpRouteSpec = message(
  {
    parentRefs,
    rules: list(rule, 'The rules; the first is taken.', { minItems: 1, maxItems: 16 }),
    useDefaultGateways,
  },
  { description: 'Routes for TCP connections.', required: ['rules'] },
);
export type TcpRouteSpec = Static<typeof TcpRouteSpec>;
export type TCPRoute = MeshObject<TcpRouteSpec>;

export const TCPRoute = gatewayApiKind({
  kind: 'TCPRoute',
  plural: 'tcproutes',
  versions: ['v1', 'v1alpha2'],
  description: 'How TCP connections to a Gateway are routed.',
  schema: TcpRouteSpec,
  specRequired: true,
});
