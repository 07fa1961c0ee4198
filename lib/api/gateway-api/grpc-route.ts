import type { MeshObject } from '../kind';
import { choice, list, message, type Static, text, unserved } from '../schema';
import { GrpcRouteFilter } from './filter';
import { HeaderMatch } from './http-route';
import { gatewayApiKind } from './kind';
import { backendRefFields, hostname, ParentReference, sectionName } from './reference';

export const GrpcRouteMatch = message(
  {
    method: message(
      {
        type: choice(['Exact', 'RegularExpression'], 'How service and method are compared. Default: `Exact`.'),
        service: text('The gRPC service, with its package.', { maxLength: 1024 }),
        method: text('The method.', { maxLength: 1024 }),
      },
      { description: 'A condition on what is called. Default: everything.' },
    ),
    headers: list(HeaderMatch, 'Conditions on headers; of one name the first counts.', { maxItems: 16 }),
  },
  { description: 'Conditions, all of which have to hold.' },
);
export type GrpcRouteMatch = Static<typeof GrpcRouteMatch>;

export const GrpcRouteRule = message(
  {
    name: sectionName('A name for the rule; it shows in access logs.'),
    matches: list(GrpcRouteMatch, 'The rule applies when one of these matches. Default: always.', { maxItems: 64 }),
    filters: list(GrpcRouteFilter, 'Steps that requests and answers go through.', { maxItems: 16 }),
    backendRefs: list(
      message(
        { ...backendRefFields, filters: list(GrpcRouteFilter, 'Steps for this backend alone.', { maxItems: 16 }) },
        { description: 'One of the services among which a rule splits its requests.', required: ['name'] },
      ),
      'Where the requests go.',
      { maxItems: 16 },
    ),
    sessionPersistence: unserved(message({}, { description: 'How a client stays with a backend.' })),
  },
  { description: 'What is done with the requests that match.' },
);
export type GrpcRouteRule = Static<typeof GrpcRouteRule>;

export const GrpcRouteSpec = message(
  {
    parentRefs: list(ParentReference, 'What the route is attached to.', { maxItems: 32 }),
    hostnames: list(
      hostname('A name, or `*.example.com`.'),
      'The hosts of the requests. Default: those of the listener.',
      {
        maxItems: 16,
      },
    ),
    rules: list(GrpcRouteRule, 'The rules. Of those that match, the most specific is taken.', { maxItems: 16 }),
    useDefaultGateways: unserved(text('Whether the route is attached to default Gateways.')),
  },
  { description: 'Routes for gRPC calls.' },
);
export type GrpcRouteSpec = Static<typeof GrpcRouteSpec>;
export type GRPCRoute = MeshObject<GrpcRouteSpec>;

export const GRPCRoute = gatewayApiKind({
  kind: 'GRPCRoute',
  plural: 'grpcroutes',
  versions: ['v1'],
  description: 'How gRPC calls to a Gateway or a Service are routed.',
  schema: GrpcRouteSpec,
  specRequired: true,
});
