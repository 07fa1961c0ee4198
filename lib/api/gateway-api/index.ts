/**
 * The Gateway API (https://gateway-api.sigs.k8s.io, version 1.6, standard channel), as far as the mesh reads it. Kinds that Istio's API also has a
 * name for (`Gateway`, `HTTPRoute`) keep theirs here: import this folder under a name of its own. Fields of the experimental channel are
 * accepted; what is not served is marked.
 */
import type { Kind } from '../kind';
import { BackendTLSPolicy } from './backend-tls-policy';
import { Gateway, ListenerSet } from './gateway';
import { GatewayClass } from './gateway-class';
import { GRPCRoute } from './grpc-route';
import { HTTPRoute } from './http-route';
import { TCPRoute, TLSRoute } from './l4-route';
import { ReferenceGrant } from './reference-grant';

export * from './backend-tls-policy';
export * from './filter';
export * from './gateway';
export * from './gateway-class';
export * from './grpc-route';
export * from './http-route';
export * from './l4-route';
export * from './reference';
export * from './reference-grant';

/** All kinds that are read. */
export const gatewayApiKinds: readonly Kind[] = [
  GatewayClass,
  Gateway,
  ListenerSet,
  HTTPRoute,
  GRPCRoute,
  TLSRoute,
  TCPRoute,
  ReferenceGrant,
  BackendTLSPolicy,
];
